/*
 * AWS/EC2. An instance has one value of each metric a minute, as with detailed monitoring: the
 * report's level belongs to all minutes that passed since the report before, so that a clock that
 * was advanced leaves no gap. CPU is a share of what the instance may use, and so needs the real
 * time that the report covers; bytes and packets are spread over the cloud time that passed.
 */
#include "control/metrics.h"

#include "base/map.h"
#include "service/autoscaling/group.h"
#include "service/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum value {
    CPU,
    NETWORK_IN,
    NETWORK_OUT,
    PACKETS_IN,
    PACKETS_OUT,
    STATUS_CHECK_FAILED,
    STATUS_CHECK_FAILED_INSTANCE,
    STATUS_CHECK_FAILED_SYSTEM,
    VALUE_COUNT
};

static const struct {
    const char *metric, *unit;
} values[VALUE_COUNT] = {
    [CPU] = {"CPUUtilization", "Percent"},
    [NETWORK_IN] = {"NetworkIn", "Bytes"},
    [NETWORK_OUT] = {"NetworkOut", "Bytes"},
    [PACKETS_IN] = {"NetworkPacketsIn", "Count"},
    [PACKETS_OUT] = {"NetworkPacketsOut", "Count"},
    /* While the host reports on an instance, the host is well. */
    [STATUS_CHECK_FAILED] = {"StatusCheckFailed", "Count"},
    [STATUS_CHECK_FAILED_INSTANCE] = {"StatusCheckFailed_Instance", "Count"},
    [STATUS_CHECK_FAILED_SYSTEM] = {"StatusCheckFailed_System", "Count"},
};

struct instance_meter {
    char region[32];
    struct usage last;  /* the report before */
    int64_t last_ms;    /* its cloud time */
    int64_t minute_ms;  /* the minute that is not complete yet */
    int64_t covered_ms; /* how much of it has been seen */
    double cpu_ms;      /* percent x covered time */
    double sums[VALUE_COUNT];
    bool failed; /* the minute has seen a failed status check */
    bool alive;  /* is in this report */
};

/* ---- whose meter it is ---- */

struct search {
    const struct store *store;
    const char *id;
    char *region;
};

static void search_region(void *arg, const char *region)
{
    struct search *search = arg;
    if (store_get(search->store, "instance", region, search->id))
        snprintf(search->region, 32, "%s", region);
}

/* A meter that begins with this report; NULL if the instance is unknown or memory ran out. */
static struct instance_meter *begin_meter(struct control *control, struct map *meters,
                                          const char *id)
{
    struct instance_meter *meter = calloc(1, sizeof *meter);
    if (!meter)
        return NULL;
    struct search search = {.store = control->store, .id = id, .region = meter->region};
    store_regions(control->store, "instance", search_region, &search);
    if (!meter->region[0] || map_set(meters, id, meter) < 0) {
        free(meter);
        return NULL;
    }
    return meter;
}

void metrics_free_meters(struct map *meters)
{
    map_each (entry, meters)
        free(entry->value);
    map_finish(meters);
}

/* ---- complete minutes ---- */

/* Adds a minute's values to the series with one dimension, or none if `name` is NULL. */
static void add_values(struct control *control, const struct instance_meter *meter,
                       const char *name, const char *value, const double out[VALUE_COUNT])
{
    struct series_dimension dimension = {name, value};
    for (int i = 0; i < VALUE_COUNT; i++) {
        struct series_key key = {meter->region, "AWS/EC2", values[i].metric, &dimension,
                                 name ? 1 : 0};
        metrics_add(control, &key, values[i].unit, meter->minute_ms, out[i], 1);
    }
}

/* Whether the instance counts in its group: it is in service, and not warming up any more. */
static bool is_warm_member(struct control *control, const struct instance_meter *meter,
                           const char *group_name, const char *id)
{
    const json_t *group = store_get(control->store, group_kind, meter->region, group_name);
    const json_t *member = group_instance(group, id);
    int64_t warm_ms =
        doc_number(member, "_in_service_ms") + doc_number(group, "DefaultInstanceWarmup") * 1000;
    return member && member_is(member, "InService") && meter->minute_ms >= warm_ms;
}

/* Writes the minute's values for the instance and for all that it is part of. */
static void end_minute(struct control *control, struct instance_meter *meter, const char *id)
{
    static const struct {
        const char *dimension, *member;
    } aggregates[] = {{"AutoScalingGroupName", "_group"},
                      {"ImageId", "ImageId"},
                      {"InstanceType", "InstanceType"}};
    double out[VALUE_COUNT];
    if (meter->covered_ms == 0)
        return;
    memcpy(out, meter->sums, sizeof out);
    out[CPU] = meter->cpu_ms / (double)meter->covered_ms;
    out[STATUS_CHECK_FAILED] = out[STATUS_CHECK_FAILED_INSTANCE] = meter->failed;
    add_values(control, meter, "InstanceId", id, out);
    add_values(control, meter, NULL, NULL, out);
    const json_t *instance = store_get(control->store, "instance", meter->region, id);
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++) {
        const char *value = doc_text(instance, aggregates[i].member);
        bool counts = strcmp(aggregates[i].member, "_group") != 0 ||
                      is_warm_member(control, meter, value, id);
        if (*value && counts)
            add_values(control, meter, aggregates[i].dimension, value, out);
    }
    meter->covered_ms = 0;
    meter->cpu_ms = 0;
    meter->failed = false;
    memset(meter->sums, 0, sizeof meter->sums);
}

/* ---- reports ---- */

static double difference(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

static double cpu_percent(const struct usage *row, const struct usage *before, uint32_t interval_ms)
{
    double available_us = (double)interval_ms * row->cpu_thousandths;
    double percent =
        available_us > 0 ? difference(row->cpu_us, before->cpu_us) / available_us * 100 : 0;
    return percent < 100 ? percent : 100;
}

/* Spreads a report over the minutes since the one before; those that are over are written. */
static void spread(struct control *control, struct instance_meter *meter, const char *id,
                   double percent, const double deltas[VALUE_COUNT], int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - meter->last_ms;
    int64_t earliest_ms = now_ms - (int64_t)METRICS_MINUTES_MAX * METRICS_MINUTE_MS;
    int64_t at_ms = meter->last_ms > earliest_ms ? meter->last_ms : earliest_ms;
    while (at_ms < now_ms) {
        int64_t minute_ms = at_ms - at_ms % METRICS_MINUTE_MS;
        int64_t end_ms = minute_ms + METRICS_MINUTE_MS;
        int64_t until_ms = end_ms < now_ms ? end_ms : now_ms;
        if (minute_ms != meter->minute_ms)
            end_minute(control, meter, id);
        meter->minute_ms = minute_ms;
        meter->covered_ms += until_ms - at_ms;
        meter->cpu_ms += percent * (double)(until_ms - at_ms);
        meter->failed |= meter->last.unreachable;
        for (int i = 0; i < VALUE_COUNT; i++)
            meter->sums[i] += deltas[i] * (double)(until_ms - at_ms) / (double)elapsed_ms;
        if (until_ms == end_ms)
            end_minute(control, meter, id);
        at_ms = until_ms;
    }
}

static void take_row(struct control *control, struct map *meters, const struct usage *row,
                     uint32_t interval_ms)
{
    char id[ID_SIZE + 1];
    snprintf(id, sizeof id, "%.*s", ID_SIZE, row->instance);
    int64_t now_ms = control_now(control);
    struct instance_meter *meter = map_get(meters, id);
    bool known = meter && meter->last.boot == row->boot;
    if (!meter)
        meter = begin_meter(control, meters, id);
    if (!meter)
        return;
    if (known) {
        double deltas[VALUE_COUNT] = {
            [NETWORK_IN] = difference(row->received_bytes, meter->last.received_bytes),
            [NETWORK_OUT] = difference(row->sent_bytes, meter->last.sent_bytes),
            [PACKETS_IN] = difference(row->received_packets, meter->last.received_packets),
            [PACKETS_OUT] = difference(row->sent_packets, meter->last.sent_packets),
        };
        double percent = cpu_percent(row, &meter->last, interval_ms);
        meter->last.unreachable = row->unreachable;
        spread(control, meter, id, percent, deltas, now_ms);
    }
    meter->last = *row;
    meter->last_ms = now_ms;
    meter->alive = true;
}

/* Instances that are in the report no more do not run: their last minute was shorter. */
static void drop_ended(struct control *control, struct map *meters)
{
    for (struct map_entry *entry = meters->first, *next; entry; entry = next) {
        next = entry->next;
        struct instance_meter *meter = entry->value;
        bool alive = meter->alive;
        meter->alive = false;
        if (alive)
            continue;
        end_minute(control, meter, entry->key);
        map_remove(meters, entry->key);
        free(meter);
    }
}

void metrics_take_usage(struct control *control, struct map *meters,
                        const struct message_usage *usage)
{
    const struct usage *rows = (const void *)(usage + 1);
    uint32_t interval_ms = usage->interval_ms ? usage->interval_ms : 1000;
    for (uint32_t i = 0; i < usage->count; i++)
        take_row(control, meters, &rows[i], interval_ms);
    drop_ended(control, meters);
}
