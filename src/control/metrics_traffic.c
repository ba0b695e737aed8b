/* AWS/ApplicationELB: what the balancer counted, and how many targets are healthy. */
#include "control/dimensions.h"
#include "control/metrics.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/health.h"
#include "service/elbv2/resource.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Sets of dimensions, named by AWS's: which of zone, load balancer and target group they have. */
enum {
    ZONE = 1,
    LOAD_BALANCER = 2,
    TARGET_GROUP = 4,
    BY_BALANCER = 1 << LOAD_BALANCER | 1 << (LOAD_BALANCER | ZONE),
    BY_GROUP = 1 << (LOAD_BALANCER | TARGET_GROUP) | 1 << (LOAD_BALANCER | TARGET_GROUP | ZONE),
    BY_GROUP_ALONE = 1 << TARGET_GROUP | 1 << (TARGET_GROUP | ZONE),
    SETS = 8,
};

/* What a value is about. */
struct subject {
    struct control *control;
    const char *region, *zone, *load_balancer, *target_group; /* "" for what it is not about */
    int64_t at_ms;
};

/* Fills the dimensions of a set. False if the subject has not all of them. */
static bool fill_dimensions(const struct subject *subject, int set,
                            struct series_dimension dimensions[3], size_t *ret_count)
{
    const struct {
        int bit;
        struct series_dimension dimension;
    } all[] = {{ZONE, {"AvailabilityZone", subject->zone}},
               {LOAD_BALANCER, {"LoadBalancer", subject->load_balancer}},
               {TARGET_GROUP, {"TargetGroup", subject->target_group}}};
    *ret_count = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!(set & all[i].bit))
            continue;
        if (!*all[i].dimension.value)
            return false;
        dimensions[(*ret_count)++] = all[i].dimension;
    }
    return true;
}

/* Adds `count` values of `value` to a metric, in each of `sets` of dimensions. */
static void add(const struct subject *subject, const char *metric, const char *unit, int sets,
                double value, double count)
{
    struct series_dimension dimensions[3];
    for (int set = 0; set < SETS; set++) {
        struct series_key key = {subject->region, "AWS/ApplicationELB", metric, dimensions, 0};
        if ((sets & 1 << set) && fill_dimensions(subject, set, dimensions, &key.dimension_count))
            metrics_add(subject->control, &key, unit, subject->at_ms, value, count);
    }
}

/* ---- traffic ---- */

/* Counters of events: each event is a value of 1, so Sum and SampleCount are their number. */
static const struct counter {
    const char *metric;
    size_t offset;
    int sets;
} counters[] = {
    {"RequestCount", offsetof(struct traffic, requests), BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_2XX_Count", offsetof(struct traffic, target_status[2]),
     BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_3XX_Count", offsetof(struct traffic, target_status[3]),
     BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_4XX_Count", offsetof(struct traffic, target_status[4]),
     BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_5XX_Count", offsetof(struct traffic, target_status[5]),
     BY_BALANCER | BY_GROUP},
    {"TargetConnectionErrorCount", offsetof(struct traffic, target_connection_errors),
     BY_BALANCER | BY_GROUP},
    {"HTTPCode_ELB_3XX_Count", offsetof(struct traffic, elb_status[3]), BY_BALANCER},
    {"HTTPCode_ELB_4XX_Count", offsetof(struct traffic, elb_status[4]), BY_BALANCER},
    {"HTTPCode_ELB_5XX_Count", offsetof(struct traffic, elb_status[5]), BY_BALANCER},
    {"HTTPCode_ELB_500_Count", offsetof(struct traffic, elb_500), BY_BALANCER},
    {"HTTPCode_ELB_502_Count", offsetof(struct traffic, elb_502), BY_BALANCER},
    {"HTTPCode_ELB_503_Count", offsetof(struct traffic, elb_503), BY_BALANCER},
    {"HTTPCode_ELB_504_Count", offsetof(struct traffic, elb_504), BY_BALANCER},
    {"NewConnectionCount", offsetof(struct traffic, new_connections), BY_BALANCER},
    {"RejectedConnectionCount", offsetof(struct traffic, rejected_connections), BY_BALANCER},
    {"HTTP_Fixed_Response_Count", offsetof(struct traffic, fixed_responses), BY_BALANCER},
    {"HTTP_Redirect_Count", offsetof(struct traffic, redirects), BY_BALANCER},
};

static uint64_t counter_value(const struct traffic *row, const struct counter *counter)
{
    uint64_t value;
    memcpy(&value, (const char *)row + counter->offset, sizeof value);
    return value;
}

/* The values of a histogram in seconds: each bucket's middle, within what was measured. */
static size_t response_times(const struct traffic *row, struct series_value *out)
{
    size_t count = 0;
    for (int i = 0; i < RESPONSE_TIME_BUCKETS; i++) {
        if (row->response_time_buckets[i] == 0)
            continue;
        double middle_us = exp2((i + 0.5) / 2);
        middle_us = fmin(fmax(middle_us, (double)row->response_time_min_us),
                         (double)row->response_time_max_us);
        out[count++] = (struct series_value){middle_us / 1e6, row->response_time_buckets[i]};
    }
    return count;
}

static void add_response_times(const struct subject *subject, const struct traffic *row)
{
    struct series_dimension dimensions[3];
    struct series_value times[RESPONSE_TIME_BUCKETS];
    struct series_point total = {
        .count = (double)row->response_time_count,
        .sum = (double)row->response_time_sum_us / 1e6,
        .minimum = (double)row->response_time_min_us / 1e6,
        .maximum = (double)row->response_time_max_us / 1e6,
    };
    size_t time_count = response_times(row, times);
    struct err err;
    for (int set = 0; set < SETS && row->response_time_count > 0; set++) {
        struct series_key key = {subject->region, "AWS/ApplicationELB", "TargetResponseTime",
                                 dimensions, 0};
        if (((BY_BALANCER | BY_GROUP) & 1 << set) &&
            fill_dimensions(subject, set, dimensions, &key.dimension_count) &&
            series_add_values(subject->control->series, &key, "Seconds", subject->at_ms, &total,
                              times, time_count, &err) < 0)
            control_log(subject->control, "metrics", &err);
    }
}

/* Targets that are registered and not on their way out; at least 1. */
static double target_count(const json_t *group)
{
    double count = 0;
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(group, "_targets"), i, target)
        count += !json_object_get(target, "_draining_until_ms");
    return count > 0 ? count : 1;
}

static void take_row(struct subject *subject, const struct traffic *row)
{
    char group_region[32];
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        uint64_t value = counter_value(row, &counters[i]);
        if (value > 0)
            add(subject, counters[i].metric, "Count", counters[i].sets, 1, (double)value);
    }
    if (row->processed_bytes > 0)
        add(subject, "ProcessedBytes", "Bytes", BY_BALANCER, (double)row->processed_bytes, 1);
    if (row->active_connections > 0)
        add(subject, "ActiveConnectionCount", "Count", BY_BALANCER, (double)row->active_connections,
            1);
    add_response_times(subject, row);
    const json_t *group = dimension_find(subject->control->store, elb_kind(ELB_TARGET_GROUP),
                                         subject->target_group, group_region);
    if (group && row->requests > 0)
        add(subject, "RequestCountPerTarget", "Count", BY_GROUP | BY_GROUP_ALONE,
            (double)row->requests / target_count(group), 1);
}

void metrics_take_traffic(struct control *control, const struct traffic *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char region[32], zone[ID_SIZE + 1];
        char load_balancer[DIMENSION_SIZE + 1], target_group[DIMENSION_SIZE + 1];
        snprintf(zone, sizeof zone, "%.*s", ID_SIZE, rows[i].zone);
        snprintf(load_balancer, sizeof load_balancer, "%.*s", DIMENSION_SIZE,
                 rows[i].load_balancer);
        snprintf(target_group, sizeof target_group, "%.*s", DIMENSION_SIZE, rows[i].target_group);
        if (!dimension_find(control->store, elb_kind(ELB_LOAD_BALANCER), load_balancer, region))
            continue;
        struct subject subject = {control,       region,       zone,
                                  load_balancer, target_group, control_now(control)};
        take_row(&subject, &rows[i]);
    }
}

/* ---- each minute ---- */

static bool is_state(const json_t *health, const char *state)
{
    return doc_is(health, "State", state);
}

/* Counts the healthy and unhealthy targets of a group in a zone, or in all if zone is "". */
static void count_zone(struct subject *subject, const json_t *group, const json_t *user, int set)
{
    double healthy = 0, unhealthy = 0;
    size_t i;
    const json_t *target;
    const struct store *store = subject->control->store;
    json_array_foreach (json_object_get(group, "_targets"), i, target) {
        const char *zone = elb_target_zone(store, subject->region, target);
        if (*subject->zone && strcmp(subject->zone, zone) != 0)
            continue;
        json_auto_t *health = elb_target_health(store, subject->region, group, user, target);
        healthy += is_state(health, "healthy");
        unhealthy += is_state(health, "unhealthy");
    }
    add(subject, "HealthyHostCount", "Count", 1 << set, healthy, 1);
    add(subject, "UnHealthyHostCount", "Count", 1 << set, unhealthy, 1);
}

/* A zero says that there was no traffic: it changes no Sum. */
static void count_group(struct subject *subject, const json_t *group, const json_t *user)
{
    subject->target_group = doc_text(group, "_dimension");
    subject->load_balancer = doc_text(user, "_dimension");
    count_zone(subject, group, user, LOAD_BALANCER | TARGET_GROUP);
    add(subject, "RequestCount", "Count", BY_BALANCER | BY_GROUP, 0, 1);
    add(subject, "RequestCountPerTarget", "Count", BY_GROUP | BY_GROUP_ALONE, 0, 1);
    size_t i;
    const json_t *node;
    json_array_foreach (json_object_get(user, "_nodes"), i, node) {
        subject->zone = doc_text(node, "AvailabilityZone");
        count_zone(subject, group, user, LOAD_BALANCER | TARGET_GROUP | ZONE);
    }
    subject->zone = "";
}

void metrics_count_hosts(struct control *control, int64_t minute_ms)
{
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_TARGET_GROUP));
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region) {
        struct subject subject = {control, json_string_value(region), "", "", "", minute_ms};
        store_each (cursor, control->store, elb_kind(ELB_TARGET_GROUP), subject.region) {
            const char *user = elb_user_of(control->store, subject.region, cursor.id);
            const json_t *load_balancer =
                user ? store_get(control->store, elb_kind(ELB_LOAD_BALANCER), subject.region, user)
                     : NULL;
            if (load_balancer)
                count_group(&subject, cursor.doc, load_balancer);
        }
    }
}
