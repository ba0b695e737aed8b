#include "cli/cost_table.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *member)
{
    return json_number_value(json_object_get(object, member));
}

/* Load balancers by the end of their ARN, and what was summed up by what it was. */
static const char *shown_id(const json_t *row)
{
    const char *id = text_of(row, "ResourceId");
    const char *path = !strncmp(id, "arn:", 4) ? strstr(id, "loadbalancer/") : NULL;
    if (!*id)
        return "(others)";
    return path ? path + strlen("loadbalancer/") : id;
}

static void print_dollars(const json_t *row, const char *member, FILE *out)
{
    const json_t *value = json_object_get(row, member);
    if (value)
        fprintf(out, "  %10.4f", json_number_value(value));
    else
        fprintf(out, "  %10s", "-");
}

static void print_resources(const json_t *rows, FILE *out)
{
    int id_width = (int)strlen("RESOURCE"), item_width = (int)strlen("ITEM");
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row) {
        int id = (int)strlen(shown_id(row)), item = (int)strlen(text_of(row, "Item"));
        id_width = id > id_width ? id : id_width;
        item_width = item > item_width ? item : item_width;
    }
    fprintf(out, "  %-*s  %-*s  %23s  %10s  %10s  %10s\n", id_width, "RESOURCE", item_width, "ITEM",
            "USED", "PRICE", "SO FAR", "A MONTH");
    json_array_foreach (rows, i, row) {
        fprintf(out, "  %-*s  %-*s  %11.4f %-11s", id_width, shown_id(row), item_width,
                text_of(row, "Item"), number_of(row, "Used"), text_of(row, "Unit"));
        print_dollars(row, "Price", out);
        print_dollars(row, "Cost", out);
        print_dollars(row, "MonthlyCost", out);
        fprintf(out, "%s\n", json_is_true(json_object_get(row, "Running")) ? "" : "  ended");
    }
}

static void print_groups(const json_t *rows, FILE *out)
{
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row) {
        double hours = number_of(row, "InstanceHours");
        double fixed_hours = number_of(row, "FixedInstanceHours");
        double fixed_cost = number_of(row, "FixedCost");
        fprintf(out, "  group %s: %.4f instance-hours; its maximum all the time: %.4f",
                text_of(row, "AutoScalingGroupName"), hours, fixed_hours);
        if (fixed_cost > 0)
            fprintf(out, ". $%.4f instead of $%.4f, %.0f %% less", number_of(row, "Cost"),
                    fixed_cost, 100 * (1 - number_of(row, "Cost") / fixed_cost));
        fprintf(out, "\n");
    }
}

static void print_region(const json_t *region, FILE *out)
{
    fprintf(out, "\n%s\n", text_of(region, "Region"));
    print_resources(json_object_get(region, "Resources"), out);
    print_groups(json_object_get(region, "Groups"), out);
    if (json_is_true(json_object_get(region, "HasPrices")))
        fprintf(out, "  in all $%.4f so far, $%.2f a month\n", number_of(region, "Cost"),
                number_of(region, "MonthlyCost"));
    else
        fprintf(out, "  Pileus has no prices of this region\n");
}

void cost_print(const json_t *report, FILE *out)
{
    char since[32];
    time_t seconds = (time_t)(number_of(report, "From") / 1000);
    struct tm parts;
    size_t i;
    const json_t *region, *regions = json_object_get(report, "Regions");
    gmtime_r(&seconds, &parts);
    strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!json_array_size(regions)) {
        fprintf(out, "Nothing has been used.\n");
        return;
    }
    fprintf(out, "%.2f hours of cloud time, since %s. Dollars, by prices of %s without taxes.\n",
            number_of(report, "Hours"), since, text_of(report, "PricesOf"));
    json_array_foreach (regions, i, region)
        print_region(region, out);
    fprintf(out, "\nIn all $%.4f so far, $%.2f a month.\n", number_of(report, "Cost"),
            number_of(report, "MonthlyCost"));
}
