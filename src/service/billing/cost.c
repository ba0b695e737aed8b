#include "service/billing/cost.h"

#include "service/billing/lcu.h"
#include "service/billing/prices.h"
#include "service/billing/usage.h"
#include "service/doc.h"

#include <math.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

/* What has no region is charged as AWS's services without one are. */
static const char global[] = "", global_prices[] = "us-east-1";

struct report {
    const struct call *call;
    const char *region;
    double months; /* how many the recorded time makes in a month */
    double cost, monthly_cost;
    json_t *resources, *groups;
};

/* ---- resources ---- */

static double price_in(const char *region, const char *item)
{
    return price_find(strcmp(region, global) ? region : global_prices, item);
}

/* What a load balancer consumed since its record was last written. */
static double pending_lcus(const struct report *report, const json_t *record)
{
    if (!doc_is(record, "Item", "lcu") || !usage_is_open(record))
        return 0;
    return lcu_used(report->call->series, report->region, doc_text(record, "ResourceId"),
                    doc_number(record, "_until_ms"), report->call->now_ms);
}

static json_t *group_row(struct report *report, const char *name)
{
    json_t *row = json_object_get(report->groups, name);
    if (row)
        return row;
    row = json_pack("{s:s, s:f, s:f, s:f}", "AutoScalingGroupName", name, "InstanceHours", 0.0,
                    "FixedInstanceHours", 0.0, "Cost", 0.0);
    json_object_set_new(report->groups, name, row);
    return row;
}

static void add_to(json_t *row, const char *key, double value)
{
    json_object_set_new(row, key, json_real(json_number_value(json_object_get(row, key)) + value));
}

static void report_record(struct report *report, const json_t *record)
{
    const char *item = doc_text(record, "Item"), *group = doc_text(record, "AutoScalingGroupName");
    const struct usage_item *rule = usage_item_find(item);
    int64_t now_ms = report->call->now_ms;
    double pending = pending_lcus(report, record);
    double charged = usage_charged(record, now_ms) + pending;
    double exact = usage_exact(record, now_ms) + pending;
    double price = price_in(report->region, item);
    if (!rule)
        return;
    if (!strcmp(item, "group-maximum")) {
        if (*group)
            add_to(group_row(report, group), "FixedInstanceHours", exact);
        return;
    }
    if (*group) {
        add_to(group_row(report, group), "InstanceHours", charged);
        add_to(group_row(report, group), "Cost", isnan(price) ? 0 : charged * price);
    }
    json_t *row = json_pack("{s:O, s:s, s:s, s:f, s:b}", "ResourceId",
                            json_object_get(record, "ResourceId"), "Item", item, "Unit", rule->unit,
                            "Used", charged, "Running", usage_is_open(record));
    if (*group)
        json_object_set_new(row, "AutoScalingGroupName", json_string(group));
    json_array_append_new(report->resources, row);
    if (isnan(price))
        return;
    json_object_set_new(row, "Price", json_real(price));
    json_object_set_new(row, "Cost", json_real(charged * price));
    json_object_set_new(row, "MonthlyCost", json_real(exact * report->months * price));
    report->cost += charged * price;
    report->monthly_cost += exact * report->months * price;
}

/* ---- groups, regions ---- */

/* The rows as an array, each with what its fixed fleet would have cost. */
static json_t *finish_groups(json_t *groups, bool has_prices)
{
    json_t *list = json_array(), *row;
    const char *name;
    json_object_foreach (groups, name, row) {
        double hours = json_number_value(json_object_get(row, "InstanceHours"));
        double cost = json_number_value(json_object_get(row, "Cost"));
        double fixed = json_number_value(json_object_get(row, "FixedInstanceHours"));
        if (hours > 0 && has_prices)
            json_object_set_new(row, "FixedCost", json_real(fixed * cost / hours));
        if (!has_prices)
            json_object_del(row, "Cost");
        if (fixed > 0)
            json_array_append(list, row);
    }
    json_decref(groups);
    return list;
}

static json_t *report_region(struct report *report)
{
    bool has_prices = !isnan(price_in(report->region, "load-balancer"));
    report->resources = json_array();
    report->groups = json_object();
    report->cost = report->monthly_cost = 0;
    for (int i = 0; usage_kinds[i]; i++)
        store_each (cursor, report->call->store, usage_kinds[i], report->region)
            report_record(report, cursor.doc);
    json_t *region = json_pack("{s:s, s:b, s:o, s:o}", "Region",
                               strcmp(report->region, global) ? report->region : "global",
                               "HasPrices", has_prices, "Resources", report->resources, "Groups",
                               finish_groups(report->groups, has_prices));
    if (has_prices) {
        json_object_set_new(region, "Cost", json_real(report->cost));
        json_object_set_new(region, "MonthlyCost", json_real(report->monthly_cost));
    }
    return region;
}

static void note_region(void *arg, const char *region)
{
    json_object_set_new(arg, region, json_true());
}

json_t *billing_report(const struct call *call, const char *only)
{
    const json_t *mark = store_get(call->store, usage_mark_kind, "", usage_mark_id);
    int64_t began_ms = mark ? doc_number(mark, "_began_ms") : call->now_ms;
    double hours = (double)(call->now_ms - began_ms - doc_number(mark, "_away_ms")) / HOUR_MS;
    struct report report = {.call = call, .months = hours > 0 ? USAGE_MONTH_HOURS / hours : 0};
    json_auto_t *regions = json_object();
    json_t *rows = json_array(), *unused;
    double cost = 0, monthly_cost = 0;
    for (int i = 0; usage_kinds[i]; i++)
        store_regions(call->store, usage_kinds[i], note_region, regions);
    json_object_foreach (regions, report.region, unused) {
        if (*only && strcmp(report.region, only) != 0)
            continue;
        json_array_append_new(rows, report_region(&report));
        cost += report.cost;
        monthly_cost += report.monthly_cost;
    }
    return json_pack("{s:I, s:I, s:f, s:s, s:s, s:s, s:f, s:f, s:o}", "From", (json_int_t)began_ms,
                     "To", (json_int_t)call->now_ms, "Hours", hours > 0 ? hours : 0.0, "Currency",
                     "USD", "PricesOf", prices_date, "PriceSource", prices_source, "Cost", cost,
                     "MonthlyCost", monthly_cost, "Regions", rows);
}
