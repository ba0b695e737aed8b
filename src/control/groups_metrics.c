/* AWS/AutoScaling: the metrics of groups that EnableMetricsCollection asked for. */
#include "control/groups.h"
#include "control/scan.h"
#include "service/autoscaling/warm_pool.h"
#include "store/series.h"

#include <string.h>

/* Members in a state, also where a hook holds them in it. */
static int count_state(const json_t *group, const char *state)
{
    int count = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        count += !strncmp(doc_text(member, "LifecycleState"), state, strlen(state));
    return count;
}

/* The value of a metric of the warm pool. */
static double value_of_pool(const json_t *group, const char *metric)
{
    int wanted = warm_pool_wanted(group);
    int total = count_state(group, "Warmed:");
    int pending = count_state(group, "Warmed:Pending");
    int terminating = count_state(group, "Warmed:Terminating");
    int all = (int)json_array_size(json_object_get(group, "Instances"));
    const struct {
        const char *metric;
        int value;
    } table[] = {
        {"WarmPoolDesiredCapacity", wanted},
        {"WarmPoolWarmedCapacity", total - pending - terminating},
        {"WarmPoolPendingCapacity", pending},
        {"WarmPoolTerminatingCapacity", terminating},
        {"WarmPoolTotalCapacity", total},
        {"GroupAndWarmPoolDesiredCapacity", (int)doc_number(group, "DesiredCapacity") + wanted},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].metric, metric))
            return table[i].value;
    return all; /* GroupAndWarmPoolTotalCapacity */
}

/* The value of a metric: a member of the group, or instances in a state. */
static double value_of(const json_t *group, const char *metric)
{
    static const struct {
        const char *metric, *member, *state;
    } table[] = {
        {"GroupMinSize", "MinSize", NULL},
        {"GroupMaxSize", "MaxSize", NULL},
        {"GroupDesiredCapacity", "DesiredCapacity", NULL},
        {"GroupInServiceInstances", NULL, "InService"},
        {"GroupPendingInstances", NULL, "Pending"},
        {"GroupStandbyInstances", NULL, "Standby"},
        {"GroupTerminatingInstances", NULL, "Terminating"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].metric, metric))
            return table[i].member ? (double)doc_number(group, table[i].member)
                                   : count_state(group, table[i].state);
    if (strstr(metric, "WarmPool"))
        return value_of_pool(group, metric);
    return (double)json_array_size(json_object_get(group, "Instances")) -
           count_state(group, "Warmed:");
}

static void measure_group(struct control *control, const char *region, const json_t *group,
                          int64_t minute_ms)
{
    struct series_dimension dimension = {"AutoScalingGroupName",
                                         doc_text(group, "AutoScalingGroupName")};
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group, "EnabledMetrics"), i, row) {
        struct err err;
        const char *metric = doc_text(row, "Metric");
        if (strstr(metric, "WarmPool") && !warm_pool_of(group))
            continue;
        double value = value_of(group, metric);
        struct series_key key = {region, "AWS/AutoScaling", metric, &dimension, 1};
        struct series_point point = {minute_ms, 1, value, value, value};
        if (series_add(control->series, &key, "None", minute_ms, &point, &err) < 0)
            control_log(control, "metrics of Auto Scaling groups", &err);
    }
}

void groups_measure(struct control *control, int64_t minute_ms)
{
    json_auto_t *regions = scan_regions(control->store, group_kind);
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        store_each (cursor, control->store, group_kind, json_string_value(region))
            measure_group(control, json_string_value(region), cursor.doc, minute_ms);
}
