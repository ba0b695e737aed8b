#include "service/ec2/instance_types.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */

static const struct instance_size t2_sizes[] = {
    {"nano",    1,   512, "Low to Moderate",  2,  2},
    {"micro",   1,  1024, "Low to Moderate",  2,  2},
    {"small",   1,  2048, "Low to Moderate",  3,  4},
    {"medium",  2,  4096, "Low to Moderate",  3,  6},
    {"large",   2,  8192, "Low to Moderate",  3, 12},
    {"xlarge",  4, 16384, "Moderate",         3, 15},
    {"2xlarge", 8, 32768, "Moderate",         3, 15},
    {NULL},
};
static const struct instance_size t3_sizes[] = {
    {"nano",    2,   512, "Up to 5 Gigabit",  2,  2},
    {"micro",   2,  1024, "Up to 5 Gigabit",  2,  2},
    {"small",   2,  2048, "Up to 5 Gigabit",  3,  4},
    {"medium",  2,  4096, "Up to 5 Gigabit",  3,  6},
    {"large",   2,  8192, "Up to 5 Gigabit",  3, 12},
    {"xlarge",  4, 16384, "Up to 5 Gigabit",  4, 15},
    {"2xlarge", 8, 32768, "Up to 5 Gigabit",  4, 15},
    {NULL},
};
static const struct instance_size t3a_sizes[] = {
    {"nano",    2,   512, "Up to 5 Gigabit",  2,  2},
    {"micro",   2,  1024, "Up to 5 Gigabit",  2,  2},
    {"small",   2,  2048, "Up to 5 Gigabit",  2,  4},
    {"medium",  2,  4096, "Up to 5 Gigabit",  3,  6},
    {"large",   2,  8192, "Up to 5 Gigabit",  3, 12},
    {"xlarge",  4, 16384, "Up to 5 Gigabit",  4, 15},
    {"2xlarge", 8, 32768, "Up to 5 Gigabit",  4, 15},
    {NULL},
};
static const struct instance_size m5_sizes[] = { /* and r5 */
    {"large",     2, 0, "Up to 10 Gigabit",  3, 10},
    {"xlarge",    4, 0, "Up to 10 Gigabit",  4, 15},
    {"2xlarge",   8, 0, "Up to 10 Gigabit",  4, 15},
    {"4xlarge",  16, 0, "Up to 10 Gigabit",  8, 30},
    {"8xlarge",  32, 0, "10 Gigabit",        8, 30},
    {"12xlarge", 48, 0, "12 Gigabit",        8, 30},
    {"16xlarge", 64, 0, "20 Gigabit",       15, 50},
    {"24xlarge", 96, 0, "25 Gigabit",       15, 50},
    {NULL},
};
static const struct instance_size c5_sizes[] = {
    {"large",     2, 0, "Up to 10 Gigabit",  3, 10},
    {"xlarge",    4, 0, "Up to 10 Gigabit",  4, 15},
    {"2xlarge",   8, 0, "Up to 10 Gigabit",  4, 15},
    {"4xlarge",  16, 0, "Up to 10 Gigabit",  8, 30},
    {"9xlarge",  36, 0, "12 Gigabit",        8, 30},
    {"12xlarge", 48, 0, "12 Gigabit",        8, 30},
    {"18xlarge", 72, 0, "25 Gigabit",       15, 50},
    {"24xlarge", 96, 0, "25 Gigabit",       15, 50},
    {NULL},
};
static const struct instance_size m6i_sizes[] = { /* and c6i, r6i */
    {"large",      2, 0, "Up to 12.5 Gigabit",  3, 10},
    {"xlarge",     4, 0, "Up to 12.5 Gigabit",  4, 15},
    {"2xlarge",    8, 0, "Up to 12.5 Gigabit",  4, 15},
    {"4xlarge",   16, 0, "Up to 12.5 Gigabit",  8, 30},
    {"8xlarge",   32, 0, "12.5 Gigabit",        8, 30},
    {"12xlarge",  48, 0, "18.75 Gigabit",       8, 30},
    {"16xlarge",  64, 0, "25 Gigabit",         15, 50},
    {"24xlarge",  96, 0, "37.5 Gigabit",       15, 50},
    {"32xlarge", 128, 0, "50 Gigabit",         15, 50},
    {NULL},
};
static const struct instance_size m6g_sizes[] = { /* and c6g */
    {"medium",    1, 0, "Up to 10 Gigabit",  2,  4},
    {"large",     2, 0, "Up to 10 Gigabit",  3, 10},
    {"xlarge",    4, 0, "Up to 10 Gigabit",  4, 15},
    {"2xlarge",   8, 0, "Up to 10 Gigabit",  4, 15},
    {"4xlarge",  16, 0, "Up to 10 Gigabit",  8, 30},
    {"8xlarge",  32, 0, "12 Gigabit",        8, 30},
    {"12xlarge", 48, 0, "20 Gigabit",        8, 30},
    {"16xlarge", 64, 0, "25 Gigabit",       15, 50},
    {NULL},
};

static const struct instance_family families[] = {
    /*name   architecture manufacturer  GHz  threads MiB/vCPU nitro burst current credits    sizes */
    {"t2",  "x86_64", "Intel", 2.3, 1,    0, false, true,  true, "standard",  t2_sizes},
    {"t3",  "x86_64", "Intel", 2.5, 2,    0, true,  true,  true, "unlimited", t3_sizes},
    {"t3a", "x86_64", "AMD",   2.2, 2,    0, true,  true,  true, "unlimited", t3a_sizes},
    {"t4g", "arm64",  "AWS",   2.5, 1,    0, true,  true,  true, "unlimited", t3_sizes},
    {"m5",  "x86_64", "Intel", 3.1, 2, 4096, true,  false, true, NULL,        m5_sizes},
    {"m6i", "x86_64", "Intel", 3.5, 2, 4096, true,  false, true, NULL,        m6i_sizes},
    {"m6g", "arm64",  "AWS",   2.5, 1, 4096, true,  false, true, NULL,        m6g_sizes},
    {"c5",  "x86_64", "Intel", 3.4, 2, 2048, true,  false, true, NULL,        c5_sizes},
    {"c6i", "x86_64", "Intel", 3.5, 2, 2048, true,  false, true, NULL,        m6i_sizes},
    {"c6g", "arm64",  "AWS",   2.5, 1, 2048, true,  false, true, NULL,        m6g_sizes},
    {"r5",  "x86_64", "Intel", 3.1, 2, 8192, true,  false, true, NULL,        m5_sizes},
    {"r6i", "x86_64", "Intel", 3.5, 2, 8192, true,  false, true, NULL,        m6i_sizes},
};

/* clang-format on */

enum { FAMILY_COUNT = sizeof families / sizeof *families };

static struct instance_type make_type(const struct instance_family *family,
                                      const struct instance_size *size)
{
    struct instance_type type = {
        .family = family,
        .size = size,
        .memory_mib =
            size->memory_mib ? size->memory_mib : size->vcpus * family->memory_per_vcpu_mib,
    };
    snprintf(type.name, sizeof type.name, "%s.%s", family->name, size->name);
    return type;
}

bool instance_type_at(int index, struct instance_type *ret_type)
{
    for (int i = 0; i < FAMILY_COUNT; i++)
        for (const struct instance_size *size = families[i].sizes; size->name; size++)
            if (index-- == 0) {
                *ret_type = make_type(&families[i], size);
                return true;
            }
    return false;
}

bool instance_type_find(const char *name, struct instance_type *ret_type)
{
    for (int i = 0; instance_type_at(i, ret_type); i++)
        if (strcmp(ret_type->name, name) == 0)
            return true;
    return false;
}

int instance_type_cores(const struct instance_type *type)
{
    int cores = type->size->vcpus / type->family->threads_per_core;
    return cores > 0 ? cores : 1;
}

int instance_type_share(const struct instance_type *type, double vcpu_share)
{
    int share = (int)(type->size->vcpus * vcpu_share * 1000);
    return share > 0 ? share : 1;
}
