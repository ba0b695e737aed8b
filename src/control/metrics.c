/*
 * The metrics controller: makes metrics of what host and balancer report. Reports come each second
 * of real time; values belong to minutes of cloud time, of which many may have passed in between.
 */
#include "control/metrics.h"

#include "control/metrics_meters.h"
#include "service/elbv2/health.h"
#include "service/elbv2/resource.h"

#include <stdlib.h>
#include <string.h>

struct metrics_control {
    struct map meters;          /* by instance id: struct instance_meter */
    struct map balancer_meters; /* see metrics_meters.h */
    int64_t minute_ms;          /* the last minute that was counted; 0: none yet */
    bool hosts_changed;         /* the health of a target did */
};

static int metrics_create(struct control *control, struct err *err)
{
    control->metrics = calloc(1, sizeof *control->metrics);
    return control->metrics ? 0 : err_set(err, "out of memory");
}

static void metrics_destroy(struct control *control)
{
    if (!control->metrics)
        return;
    metrics_free_meters(&control->metrics->meters);
    meters_finish(&control->metrics->balancer_meters);
    free(control->metrics);
    control->metrics = NULL;
}

void metrics_add(struct control *control, const struct series_key *key, const char *unit,
                 int64_t at_ms, double value, double count)
{
    struct err err;
    struct series_point point = {
        .count = count, .sum = value * count, .minimum = value, .maximum = value};
    if (series_add(control->series, key, unit, at_ms, &point, &err) < 0)
        control_log(control, "metrics", &err);
}

static void metrics_receive(struct control *control, enum message_type type, const void *payload,
                            size_t size)
{
    if (!control->series)
        return;
    if (type == MESSAGE_USAGE && size >= sizeof(struct message_usage)) {
        const struct message_usage *usage = payload;
        if (usage->count <= (size - sizeof *usage) / sizeof(struct usage))
            metrics_take_usage(control, &control->metrics->meters, usage);
    }
    if (type == MESSAGE_TRAFFIC && size >= sizeof(struct message_rows)) {
        const struct message_rows *head = payload;
        if (head->count <= (size - sizeof *head) / sizeof(struct traffic))
            metrics_take_traffic(control, &control->metrics->balancer_meters,
                                 (const void *)(head + 1), head->count);
    }
}

static void metrics_changed(struct control *control, const char *kind, const char *region)
{
    (void)region;
    control->metrics->hosts_changed |= !strcmp(kind, elb_target_health_kind);
}

static void note_region(void *arg, const char *region)
{
    (void)region;
    *(bool *)arg = true;
}

/*
 * Every minute that has begun since the last run gets its counts, and each change of a target's
 * health too, before groups replace who is unhealthy.
 */
static void metrics_run(struct control *control)
{
    struct metrics_control *metrics = control->metrics;
    bool has_balancers = false;
    store_regions(control->store, elb_kind(ELB_LOAD_BALANCER), note_region, &has_balancers);
    int64_t now_ms = control_now(control);
    int64_t minute_ms = now_ms - now_ms % METRICS_MINUTE_MS;
    if (!control->series || !has_balancers) {
        metrics->minute_ms = minute_ms;
        return;
    }
    int64_t earliest_ms = minute_ms - (int64_t)METRICS_MINUTES_MAX * METRICS_MINUTE_MS;
    if (metrics->minute_ms < earliest_ms)
        metrics->minute_ms = metrics->minute_ms ? earliest_ms : minute_ms - METRICS_MINUTE_MS;
    while (metrics->minute_ms < minute_ms)
        metrics_count_minute(control, &metrics->balancer_meters,
                             metrics->minute_ms += METRICS_MINUTE_MS);
    if (metrics->hosts_changed)
        metrics_count_hosts(control);
    metrics->hosts_changed = false;
    control_wake_at(control, minute_ms + METRICS_MINUTE_MS);
}

const struct controller metrics_controller = {
    .name = "metrics",
    .create = metrics_create,
    .destroy = metrics_destroy,
    .changed = metrics_changed,
    .receive = metrics_receive,
    .run = metrics_run,
};
