/* AWS/ApplicationELB: what the balancer counted. */
#include "control/dimensions.h"
#include "control/metrics_meters.h"
#include "control/metrics_subject.h"
#include "ipc/response_time.h"
#include "service/doc.h"
#include "service/elbv2/resource.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Counters of events: each event is a value of 1, so Sum and SampleCount are their number. */
#define COUNTER(member) offsetof(struct traffic, member)
static const struct counter {
    const char *metric;
    size_t offset;
    int sets;
} counters[] = {
    {"RequestCount", COUNTER(requests), BY_BALANCER | BY_GROUP},
    {"GrpcRequestCount", COUNTER(grpc_requests), ONE_BALANCER | BY_GROUP | BY_GROUP_ALONE},
    {"HTTPCode_Target_2XX_Count", COUNTER(target_status[2]), BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_3XX_Count", COUNTER(target_status[3]), BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_4XX_Count", COUNTER(target_status[4]), BY_BALANCER | BY_GROUP},
    {"HTTPCode_Target_5XX_Count", COUNTER(target_status[5]), BY_BALANCER | BY_GROUP},
    {"TargetConnectionErrorCount", COUNTER(target_connection_errors), BY_BALANCER | BY_GROUP},
    {"TargetTLSNegotiationErrorCount", COUNTER(target_tls_errors), BY_BALANCER | BY_GROUP},
    {"UnhealthyRoutingRequestCount", COUNTER(unhealthy_routing_requests), BY_BALANCER | BY_GROUP},
    {"HTTPCode_ELB_3XX_Count", COUNTER(elb_status[3]), BY_BALANCER},
    {"HTTPCode_ELB_4XX_Count", COUNTER(elb_status[4]), BY_BALANCER},
    {"HTTPCode_ELB_5XX_Count", COUNTER(elb_status[5]), BY_BALANCER},
    {"HTTPCode_ELB_500_Count", COUNTER(elb_500), BY_BALANCER},
    {"HTTPCode_ELB_502_Count", COUNTER(elb_502), BY_BALANCER},
    {"HTTPCode_ELB_503_Count", COUNTER(elb_503), BY_BALANCER},
    {"HTTPCode_ELB_504_Count", COUNTER(elb_504), BY_BALANCER},
    {"NewConnectionCount", COUNTER(new_connections), BY_BALANCER},
    {"RejectedConnectionCount", COUNTER(rejected_connections), BY_BALANCER},
    {"ClientTLSNegotiationErrorCount", COUNTER(client_tls_errors), BY_BALANCER},
    {"NonStickyRequestCount", COUNTER(non_sticky_requests), BY_BALANCER},
    {"HTTP_Fixed_Response_Count", COUNTER(fixed_responses), BY_BALANCER},
    {"HTTP_Redirect_Count", COUNTER(redirects), BY_BALANCER},
    {"HTTP_Redirect_Url_Limit_Exceeded_Count", COUNTER(redirect_url_limit), BY_BALANCER},
    {"DesyncMitigationMode_NonCompliant_Request_Count", COUNTER(desync_requests), BY_BALANCER},
    {"DroppedInvalidHeaderRequestCount", COUNTER(dropped_invalid_headers), BY_BALANCER},
    {"ForwardedInvalidHeaderRequestCount", COUNTER(forwarded_invalid_headers), BY_BALANCER},
    {"RuleEvaluations", COUNTER(rule_evaluations), ONE_BALANCER},
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
        double middle_us = response_time_middle_us(i);
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
            subject_dimensions(subject, set, dimensions, &key.dimension_count) &&
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
            subject_add(subject, counters[i].metric, "Count", counters[i].sets, 1, (double)value);
    }
    if (row->processed_bytes > 0)
        subject_add(subject, "ProcessedBytes", "Bytes", BY_BALANCER, (double)row->processed_bytes,
                    1);
    add_response_times(subject, row);
    const json_t *group = dimension_find(subject->control->store, elb_kind(ELB_TARGET_GROUP),
                                         subject->target_group, group_region);
    if (group && row->requests > 0)
        subject_add(subject, "RequestCountPerTarget", "Count", BY_GROUP | BY_GROUP_ALONE,
                    (double)row->requests / target_count(group), 1);
}

void metrics_take_traffic(struct control *control, struct map *meters, const struct traffic *rows,
                          uint32_t count)
{
    meters_begin(meters);
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
        meters_take(meters, load_balancer, zone, &rows[i]);
    }
    meters_end(meters);
}
