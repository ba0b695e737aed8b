#include "service/billing/usage.h"

#include "service/doc.h"

#include <string.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

const char usage_mark_kind[] = "usage-mark", usage_mark_id[] = "mark";

const char *const usage_kinds[] = {
    "usage-instance",
    "usage-load-balancer",
    "usage-nat-gateway",
    "usage-network-interface",
    "usage-address",
    "usage-volume",
    "usage-snapshot",
    "usage-alarm",
    "usage-dashboard",
    "usage-auto-scaling-group",
    NULL,
};

static const struct usage_item items[] = {
    {"instance", "hour", 1, MINUTE_MS, SECOND_MS},
    {"load-balancer", "hour", 1, HOUR_MS, HOUR_MS},
    {"lcu", "LCU-hour", 1, 0, 1},
    {"nat-gateway", "hour", 1, HOUR_MS, HOUR_MS},
    {"nat-bytes", "GB", 1, 0, 1},
    {"ipv4", "hour", 1, MINUTE_MS, SECOND_MS},
    {"volume", "GiB-month", USAGE_MONTH_HOURS, MINUTE_MS, SECOND_MS},
    {"volume-iops", "IOPS-month", USAGE_MONTH_HOURS, MINUTE_MS, SECOND_MS},
    {"volume-throughput", "MiB/s-month", USAGE_MONTH_HOURS, MINUTE_MS, SECOND_MS},
    {"snapshot", "GiB-month", USAGE_MONTH_HOURS, 0, SECOND_MS},
    {"alarm", "month", USAGE_MONTH_HOURS, 0, SECOND_MS},
    {"dashboard", "month", USAGE_MONTH_HOURS, 0, SECOND_MS},
    {"group-maximum", "hour", 1, 0, 1},
};

const struct usage_item *usage_item_find(const char *item)
{
    size_t length = strcspn(item, ":");
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (strlen(items[i].name) == length && !strncmp(items[i].name, item, length))
            return &items[i];
    return NULL;
}

json_t *usage_make(const char *resource, const char *item, const char *group)
{
    json_t *record = json_pack("{s:s, s:s, s:f, s:f}", "ResourceId", resource, "Item", item,
                               "_charged", 0.0, "_exact", 0.0);
    if (*group)
        json_object_set_new(record, "AutoScalingGroupName", json_string(group));
    return record;
}

bool usage_is_open(const json_t *record)
{
    return json_object_get(record, "_since_ms");
}

static double number_of(const json_t *record, const char *key)
{
    return json_number_value(json_object_get(record, key));
}

/* The units of the interval that is open; 0 if none is. */
static double open_units(const json_t *record, int64_t now_ms, bool charged)
{
    const struct usage_item *item = usage_item_find(doc_text(record, "Item"));
    if (!usage_is_open(record) || !item)
        return 0;
    int64_t length_ms = now_ms - doc_number(record, "_since_ms");
    length_ms = length_ms > 0 ? length_ms : 0;
    if (charged && length_ms < item->minimum_ms)
        length_ms = item->minimum_ms;
    if (charged)
        length_ms = (length_ms + item->step_ms - 1) / item->step_ms * item->step_ms;
    return number_of(record, "_quantity") * (double)length_ms / HOUR_MS / item->hours;
}

double usage_charged(const json_t *record, int64_t now_ms)
{
    return number_of(record, "_charged") + open_units(record, now_ms, true);
}

double usage_exact(const json_t *record, int64_t now_ms)
{
    return number_of(record, "_exact") + open_units(record, now_ms, false);
}

static void set_used(json_t *record, double charged, double exact)
{
    json_object_set_new(record, "_charged", json_real(charged));
    json_object_set_new(record, "_exact", json_real(exact));
}

void usage_begin(json_t *record, double quantity, int64_t now_ms)
{
    usage_end(record, now_ms);
    json_object_set_new(record, "_since_ms", json_integer(now_ms));
    json_object_set_new(record, "_quantity", json_real(quantity));
}

void usage_end(json_t *record, int64_t now_ms)
{
    set_used(record, usage_charged(record, now_ms), usage_exact(record, now_ms));
    json_object_del(record, "_since_ms");
    json_object_del(record, "_quantity");
}

void usage_count(json_t *record, double units)
{
    set_used(record, number_of(record, "_charged") + units, number_of(record, "_exact") + units);
}

void usage_fold(json_t *sum, const json_t *record)
{
    set_used(sum, number_of(sum, "_charged") + number_of(record, "_charged"),
             number_of(sum, "_exact") + number_of(record, "_exact"));
}
