/* Processes of a group that can be suspended, and metrics that can be switched on. */
#include "service/autoscaling/group.h"
#include "service/autoscaling/launch_configuration.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/settings.h"

#include <string.h>

static const char *const processes[] = {
    "AZRebalance", "AddToLoadBalancer", "AlarmNotification", "HealthCheck", "InstanceRefresh",
    "Launch",      "ReplaceUnhealthy",  "ScheduledActions",  "Terminate",   NULL,
};

static const char *const metrics[] = {
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupTerminatingInstances",
    "GroupStandbyInstances",
    "GroupTotalInstances",
    "WarmPoolDesiredCapacity",
    "WarmPoolWarmedCapacity",
    "WarmPoolPendingCapacity",
    "WarmPoolTerminatingCapacity",
    "WarmPoolTotalCapacity",
    "GroupAndWarmPoolDesiredCapacity",
    "GroupAndWarmPoolTotalCapacity",
    NULL,
};

static bool table_has(const char *const *table, const char *name)
{
    for (; *table; table++)
        if (!strcmp(*table, name))
            return true;
    return false;
}

static int check_names(const json_t *names, const char *const *table, const char *what,
                       struct err *err)
{
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name)
        if (!table_has(table, json_string_value(name)))
            return err_aws(err, "ValidationError", "'%s' is not a valid %s.",
                           json_string_value(name), what);
    return 0;
}

/* Whether the request names `name`; naming none means all. */
static bool is_named(const json_t *names, const char *name)
{
    return !json_array_size(names) || doc_list_has(names, name);
}

/* The position of the row whose `key` is `name`, or the number of rows. */
static size_t find_row(const json_t *rows, const char *key, const char *name)
{
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row)
        if (!strcmp(doc_text(row, key), name))
            return i;
    return json_array_size(rows);
}

int autoscaling_SuspendProcesses(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "ScalingProcesses");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check_names(names, processes, "scaling process type", err) < 0)
        return -1;
    char since[24];
    format_time(call->now_ms, since);
    json_t *rows = json_object_get(group, "SuspendedProcesses");
    for (const char *const *name = processes; *name; name++)
        if (is_named(names, *name) && !group_suspends(group, *name))
            json_array_append_new(rows,
                                  json_pack("{s:s, s:o}", "ProcessName", *name, "SuspensionReason",
                                            json_sprintf("User suspended at %s", since)));
    return 0;
}

int autoscaling_ResumeProcesses(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "ScalingProcesses");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check_names(names, processes, "scaling process type", err) < 0)
        return -1;
    json_t *rows = json_object_get(group, "SuspendedProcesses");
    for (const char *const *name = processes; *name; name++)
        if (is_named(names, *name))
            json_array_remove(rows, find_row(rows, "ProcessName", *name));
    return 0;
}

int autoscaling_EnableMetricsCollection(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "Metrics");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check_names(names, metrics, "metric type", err) < 0)
        return -1;
    if (strcmp(doc_text(call->in, "Granularity"), "1Minute"))
        return err_aws(err, "ValidationError", "Valid values for Granularity: [1Minute].");
    json_t *rows = json_object_get(group, "EnabledMetrics");
    for (const char *const *name = metrics; *name; name++)
        if (is_named(names, *name) && find_row(rows, "Metric", *name) == json_array_size(rows))
            json_array_append_new(
                rows, json_pack("{s:s, s:s}", "Metric", *name, "Granularity", "1Minute"));
    return 0;
}

int autoscaling_DisableMetricsCollection(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "Metrics");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check_names(names, metrics, "metric type", err) < 0)
        return -1;
    json_t *rows = json_object_get(group, "EnabledMetrics");
    for (const char *const *name = metrics; *name; name++)
        if (is_named(names, *name))
            json_array_remove(rows, find_row(rows, "Metric", *name));
    return 0;
}

/* [{key: name}, ...] of a table. */
static json_t *rows_of(const char *const *table, const char *key)
{
    json_t *rows = json_array();
    for (; *table; table++)
        json_array_append_new(rows, json_pack("{s:s}", key, *table));
    return rows;
}

int autoscaling_DescribeScalingProcessTypes(struct call *call, struct err *err)
{
    (void)err;
    return json_object_set_new(call->out, "Processes", rows_of(processes, "ProcessName"));
}

int autoscaling_DescribeMetricCollectionTypes(struct call *call, struct err *err)
{
    static const char *const granularities[] = {"1Minute", NULL};
    (void)err;
    json_object_set_new(call->out, "Metrics", rows_of(metrics, "Metric"));
    return json_object_set_new(call->out, "Granularities", rows_of(granularities, "Granularity"));
}

int autoscaling_DescribeAdjustmentTypes(struct call *call, struct err *err)
{
    static const char *const types[] = {"ChangeInCapacity", "ExactCapacity",
                                        "PercentChangeInCapacity", NULL};
    (void)err;
    return json_object_set_new(call->out, "AdjustmentTypes", rows_of(types, "AdjustmentType"));
}

int autoscaling_DescribeTerminationPolicyTypes(struct call *call, struct err *err)
{
    json_t *types = json_array();
    (void)err;
    for (const char *const *policy = termination_policies; *policy; policy++)
        json_array_append_new(types, json_string(*policy));
    return json_object_set_new(call->out, "TerminationPolicyTypes", types);
}

int autoscaling_DescribeAccountLimits(struct call *call, struct err *err)
{
    (void)err;
    size_t groups = store_count(call->store, group_kind, call->region);
    size_t configurations = store_count(call->store, launch_configuration_kind, call->region);
    json_object_set_new(call->out, "MaxNumberOfAutoScalingGroups", json_integer(GROUPS_MAX));
    json_object_set_new(call->out, "MaxNumberOfLaunchConfigurations",
                        json_integer(LAUNCH_CONFIGURATIONS_MAX));
    json_object_set_new(call->out, "NumberOfAutoScalingGroups", json_integer((json_int_t)groups));
    return json_object_set_new(call->out, "NumberOfLaunchConfigurations",
                               json_integer((json_int_t)configurations));
}
