/*
 * Prices, as data. A row of a family of instance types is the price of its size `large`: the other
 * sizes cost as much more or less as they have memory; those that do not have rows of their own.
 */
#include "service/billing/prices.h"

#include "service/ec2/instance_types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char prices_date[] = "2025-12-01";
const char prices_source[] =
    "AWS's public price list (https://aws.amazon.com/pricing/), on demand, "
    "Linux, shared tenancy";

static const char *const regions[] = {"us-east-1", "us-west-2", "ap-south-1"};

enum { REGION_COUNT = sizeof regions / sizeof *regions };

/* clang-format off */

static const struct {
    const char *item;
    double dollars[REGION_COUNT]; /* 0: not known */
} prices[] = {
    /*                           us-east-1 us-west-2 ap-south-1 */
    {"instance:t2.small",           {0.023,   0.023,   0.0248}},
    {"instance:t2",                 {0.0928,  0.0928,  0.0992}},
    {"instance:t3",                 {0.0832,  0.0832,  0.0896}},
    {"instance:t3a",                {0.0752,  0.0752,  0.0493}},
    {"instance:t4g",                {0.0672,  0.0672,  0.0448}},
    {"instance:m5",                 {0.096,   0.096,   0.101}},
    {"instance:m6i",                {0.096,   0.096,   0.101}},
    {"instance:m6g",                {0.077,   0.077,   0.0506}},
    {"instance:c5",                 {0.085,   0.085,   0.085}},
    {"instance:c6i",                {0.085,   0.085,   0.085}},
    {"instance:c6g",                {0.068,   0.068,   0.0425}},
    {"instance:r5",                 {0.126,   0.126,   0.13}},
    {"instance:r6i",                {0.126,   0.126,   0.13}},
    {"load-balancer",               {0.0225,  0.0225,  0.0239}},
    {"lcu",                         {0.008,   0.008,   0.008}},
    {"nat-gateway",                 {0.045,   0.045,   0.056}},
    {"nat-bytes",                   {0.045,   0.045,   0.056}},
    {"ipv4:in-use",                 {0.005,   0.005,   0.005}},
    {"ipv4:idle",                   {0.005,   0.005,   0.005}},
    {"volume:gp2",                  {0.10,    0.10,    0.114}},
    {"volume:gp3",                  {0.08,    0.08,    0.0912}},
    {"volume:io1",                  {0.125,   0.125,   0.131}},
    {"volume:io2",                  {0.125,   0.125,   0.131}},
    {"volume:st1",                  {0.045,   0.045,   0.051}},
    {"volume:sc1",                  {0.015,   0.015,   0}},
    {"volume:standard",             {0.05,    0.05,    0.08}},
    {"volume-iops:gp3",             {0.005,   0.005,   0.0057}},
    {"volume-iops:io1",             {0.065,   0.065,   0.068}},
    {"volume-iops:io2",             {0.065,   0.065,   0.068}},
    {"volume-throughput:gp3",       {0.04,    0.04,    0.0456}},
    {"snapshot",                    {0.05,    0.05,    0.05}},
    {"alarm:standard",              {0.10,    0.10,    0.10}},
    {"alarm:high-resolution",       {0.30,    0.30,    0.30}},
    {"alarm:composite",             {0.50,    0.50,    0.50}},
    {"dashboard",                   {3.00,    3.00,    3.00}},
};

/* clang-format on */

static double look_up(int region, const char *item)
{
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        if (!strcmp(prices[i].item, item))
            return prices[i].dollars[region] > 0 ? prices[i].dollars[region] : NAN;
    return NAN;
}

/* As the price of its family's `large` says, to the four decimals of AWS's list. */
static double price_of_type(int region, const char *name)
{
    struct instance_type type, large;
    char text[64];
    if (!instance_type_find(name, &type))
        return NAN;
    snprintf(text, sizeof text, "%s.large", type.family->name);
    if (!instance_type_find(text, &large))
        return NAN;
    snprintf(text, sizeof text, "instance:%s", type.family->name);
    double dollars = look_up(region, text) * type.memory_mib / large.memory_mib;
    return round(dollars * 1e4) / 1e4;
}

double price_find(const char *region, const char *item)
{
    static const char instance[] = "instance:";
    for (int i = 0; i < REGION_COUNT; i++) {
        if (strcmp(regions[i], region) != 0)
            continue;
        double dollars = look_up(i, item);
        if (isnan(dollars) && !strncmp(item, instance, strlen(instance)))
            return price_of_type(i, item + strlen(instance));
        return dollars;
    }
    return NAN;
}
