/* PutScalingPolicy, DescribePolicies, DeletePolicy; and the alarms of target tracking. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/policy.h"
#include "service/autoscaling/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POLICIES_OF_GROUP_MAX = 50, HIGH_PERIODS = 3, LOW_PERIODS = 15, ALARM_PERIOD_S = 60 };

/* The low alarm of an Auto Scaling group fires below this part of the target. */
static const double low_ratio = 0.7;

static const struct {
    const char *type, *namespace, *metric, *statistic;
} predefined[] = {
    {"ASGAverageCPUUtilization", "AWS/EC2", "CPUUtilization", "Average"},
    {"ASGAverageNetworkIn", "AWS/EC2", "NetworkIn", "Average"},
    {"ASGAverageNetworkOut", "AWS/EC2", "NetworkOut", "Average"},
    {"ALBRequestCountPerTarget", "AWS/ApplicationELB", "RequestCountPerTarget", "Sum"},
};

/*
 * "app/NAME/ID/targetgroup/NAME/ID": the dimensions of a load balancer's target group. The target
 * group must be attached to the group.
 */
static json_t *label_dimensions(const struct call *call, const json_t *group, const char *label,
                                struct err *err)
{
    const char *split = strstr(label, "/targetgroup/");
    size_t i;
    const json_t *arn;
    bool attached = false;
    if (!*label || !split || strncmp(label, "app/", 4)) {
        err_aws(err, "ValidationError",
                "ResourceLabel must be specified for ALBRequestCountPerTarget as "
                "app/<load balancer name>/<id>/targetgroup/<target group name>/<id>.");
        return NULL;
    }
    json_array_foreach (json_object_get(group, "TargetGroupARNs"), i, arn) {
        const json_t *target_group =
            store_get(call->store, "target-group", call->region, json_string_value(arn));
        attached |= doc_is(target_group, "_dimension", split + 1);
    }
    if (!attached) {
        err_aws(err, "ValidationError",
                "The load balancer target group %s is not attached to the Auto Scaling group.",
                split + 1);
        return NULL;
    }
    return json_pack("[{s:s, s:o}, {s:s, s:s}]", "Name", "LoadBalancer", "Value",
                     json_stringn(label, (size_t)(split - label)), "Name", "TargetGroup", "Value",
                     split + 1);
}

/* Namespace, MetricName, Statistic, Dimensions (and Unit) of what a policy follows. */
static json_t *predefined_metric(const struct call *call, const json_t *group,
                                 const json_t *specification, struct err *err)
{
    const char *type = doc_text(specification, "PredefinedMetricType");
    for (size_t i = 0; i < sizeof predefined / sizeof *predefined; i++) {
        if (strcmp(predefined[i].type, type))
            continue;
        bool by_label = !strcmp(predefined[i].statistic, "Sum");
        json_t *dimensions =
            by_label ? label_dimensions(call, group, doc_text(specification, "ResourceLabel"), err)
                     : json_pack("[{s:s, s:s}]", "Name", "AutoScalingGroupName", "Value",
                                 doc_text(group, "AutoScalingGroupName"));
        if (!dimensions)
            return NULL;
        return json_pack("{s:s, s:s, s:s, s:o}", "Namespace", predefined[i].namespace, "MetricName",
                         predefined[i].metric, "Statistic", predefined[i].statistic, "Dimensions",
                         dimensions);
    }
    err_aws(err, "UnsupportedOperation",
            "The predefined metric type %s is not supported by Pileus yet.", type);
    return NULL;
}

/* Metric math, as alarms take it: by the minute. */
static json_t *custom_metrics(const json_t *specification, struct err *err)
{
    size_t i;
    json_t *query;
    if (call_accept(specification, "Metrics", err) < 0)
        return NULL;
    json_t *metrics = json_deep_copy(json_object_get(specification, "Metrics"));
    json_array_foreach (metrics, i, query) {
        json_t *stat = json_object_get(query, "MetricStat");
        if (call_accept(query, "Id Expression MetricStat Label Period=60 ReturnData", err) < 0 ||
            call_accept(stat, "Metric Stat Unit Period=60", err) < 0) {
            json_decref(metrics);
            return NULL;
        }
        json_object_del(query, "Period");
        if (stat)
            json_object_set_new(stat, "Period", json_integer(ALARM_PERIOD_S));
    }
    return json_pack("{s:o}", "Metrics", metrics);
}

static json_t *custom_metric(const json_t *specification, struct err *err)
{
    static const char *const needed[] = {"MetricName", "Namespace", "Statistic"};
    if (call_accept(specification, "MetricName Namespace Statistic Dimensions Unit Period=60",
                    err) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!*doc_text(specification, needed[i])) {
            err_aws(err, "ValidationError", "CustomizedMetricSpecification must have %s.",
                    needed[i]);
            return NULL;
        }
    json_t *metric = json_deep_copy(specification);
    json_object_del(metric, "Period");
    return metric;
}

static json_t *tracked_metric(const struct call *call, const json_t *group, const json_t *tracking,
                              struct err *err)
{
    const json_t *known = json_object_get(tracking, "PredefinedMetricSpecification");
    const json_t *custom = json_object_get(tracking, "CustomizedMetricSpecification");
    if (!known == !custom) {
        err_aws(err, "ValidationError",
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification "
                "must be specified.");
        return NULL;
    }
    if (known)
        return predefined_metric(call, group, known, err);
    return json_object_get(custom, "Metrics") ? custom_metrics(custom, err)
                                              : custom_metric(custom, err);
}

/* Creates or replaces one alarm and adds it to the policy's Alarms. */
static int put_alarm(struct call *call, json_t *policy, const json_t *metric, bool low,
                     struct err *err)
{
    const json_t *tracking = json_object_get(policy, "TargetTrackingConfiguration");
    double target = json_number_value(json_object_get(tracking, "TargetValue"));
    int periods = low ? LOW_PERIODS : HIGH_PERIODS;
    char uuid[37];
    call_make_uuid(call, uuid);
    json_auto_t *name =
        json_sprintf("TargetTracking-%s-Alarm%s-%s", doc_text(policy, "AutoScalingGroupName"),
                     low ? "Low" : "High", uuid);
    json_t *in = json_deep_copy(metric);
    json_object_set(in, "AlarmName", name);
    json_auto_t *rest =
        json_pack("{s:o, s:b, s:[O], s:i, s:f, s:s}", "AlarmDescription",
                  json_sprintf("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy %s.",
                               doc_text(policy, "PolicyARN")),
                  "ActionsEnabled", 1, "AlarmActions", json_object_get(policy, "PolicyARN"),
                  "EvaluationPeriods", periods, "Threshold", low ? target * low_ratio : target,
                  "ComparisonOperator", low ? "LessThanThreshold" : "GreaterThanThreshold");
    json_object_update(in, rest);
    if (!json_object_get(metric, "Metrics"))
        json_object_set_new(in, "Period", json_integer(ALARM_PERIOD_S));
    if (service_call(call, "cloudwatch", "PutMetricAlarm", in, NULL, err) < 0)
        return err_wrap(err, "the policy's alarm");
    return json_array_append_new(
        json_object_get(policy, "Alarms"),
        json_pack("{s:O, s:o}", "AlarmName", name, "AlarmARN",
                  json_sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", call->region, call->account,
                               json_string_value(name))));
}

static int delete_alarms(struct call *call, const json_t *policy, struct err *err)
{
    json_t *names = json_array();
    size_t i;
    const json_t *alarm;
    json_array_foreach (json_object_get(policy, "Alarms"), i, alarm) {
        const char *name = doc_text(alarm, "AlarmName");
        if (store_get(call->store, "alarm", call->region, name))
            json_array_append_new(names, json_string(name));
    }
    json_t *in = json_pack("{s:o}", "AlarmNames", names);
    if (json_array_size(names))
        return service_call(call, "cloudwatch", "DeleteAlarms", in, NULL, err);
    json_decref(in);
    return 0;
}

static int apply_tracking(struct call *call, const json_t *group, json_t *policy, struct err *err)
{
    json_t *tracking = json_object_get(call->in, "TargetTrackingConfiguration");
    double target = json_number_value(json_object_get(tracking, "TargetValue"));
    if (call_accept(call->in,
                    "AutoScalingGroupName PolicyName PolicyType TargetTrackingConfiguration "
                    "EstimatedInstanceWarmup Enabled",
                    err) < 0)
        return -1;
    if (!tracking || !(target > 0) || !isfinite(target))
        return err_aws(err, "ValidationError",
                       "TargetTrackingConfiguration with a TargetValue above 0 must be specified "
                       "for the policy type TargetTrackingScaling.");
    json_auto_t *metric = tracked_metric(call, group, tracking, err);
    if (!metric)
        return -1;
    json_t *shown = json_deep_copy(tracking);
    json_object_set_new(shown, "DisableScaleIn",
                        json_boolean(doc_flag(tracking, "DisableScaleIn")));
    json_object_set_new(policy, "TargetTrackingConfiguration", shown);
    if (put_alarm(call, policy, metric, false, err) < 0)
        return -1;
    if (doc_flag(tracking, "DisableScaleIn"))
        return 0;
    return put_alarm(call, policy, metric, true, err);
}

static int check_aggregation(const json_t *policy, struct err *err)
{
    static const char *const types[] = {"Minimum", "Maximum", "Average"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (doc_is(policy, "MetricAggregationType", types[i]))
            return 0;
    return err_aws(err, "ValidationError",
                   "MetricAggregationType must be one of [Minimum, Maximum, Average].");
}

static int apply_adjustments(struct call *call, json_t *policy, struct err *err)
{
    static const char *const members[] = {"AdjustmentType",    "MinAdjustmentMagnitude",
                                          "ScalingAdjustment", "Cooldown",
                                          "StepAdjustments",   "MetricAggregationType"};
    bool steps = doc_is(policy, "PolicyType", "StepScaling");
    const char *allowed =
        steps ? "AutoScalingGroupName PolicyName PolicyType AdjustmentType MinAdjustmentMagnitude "
                "StepAdjustments MetricAggregationType EstimatedInstanceWarmup Enabled"
              : "AutoScalingGroupName PolicyName PolicyType AdjustmentType MinAdjustmentMagnitude "
                "ScalingAdjustment Cooldown Enabled";
    if (call_accept(call->in, allowed, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(call->in, members[i]))
            json_object_set(policy, members[i], json_object_get(call->in, members[i]));
    if (steps && !json_object_get(policy, "MetricAggregationType"))
        json_object_set_new(policy, "MetricAggregationType", json_string("Average"));
    if (steps && check_aggregation(policy, err) < 0)
        return -1;
    return adjustment_check(policy, err);
}

static json_t *make_policy(struct call *call, const json_t *group, const char *arn)
{
    const char *type = doc_text(call->in, "PolicyType");
    char uuid[37];
    call_make_uuid(call, uuid);
    json_t *policy = json_pack(
        "{s:O, s:O, s:s, s:b, s:[], s:o}", "AutoScalingGroupName",
        json_object_get(group, "AutoScalingGroupName"), "PolicyName",
        json_object_get(call->in, "PolicyName"), "PolicyType", *type ? type : "SimpleScaling",
        "Enabled", !json_is_false(json_object_get(call->in, "Enabled")), "Alarms", "PolicyARN",
        *arn ? json_string(arn)
             : json_sprintf("arn:aws:autoscaling:%s:%s:scalingPolicy:%s:autoScalingGroupName/%s:"
                            "policyName/%s",
                            call->region, call->account, uuid,
                            doc_text(group, "AutoScalingGroupName"),
                            doc_text(call->in, "PolicyName")));
    if (json_object_get(call->in, "EstimatedInstanceWarmup"))
        json_object_set(policy, "EstimatedInstanceWarmup",
                        json_object_get(call->in, "EstimatedInstanceWarmup"));
    return policy;
}

/* The policy of a group by its name; NULL if there is none. *ret_count: the group's policies. */
static const json_t *find_by_name(const struct call *call, const char *group, const char *name,
                                  size_t *ret_count)
{
    const json_t *found = NULL;
    *ret_count = 0;
    store_each (cursor, call->store, policy_kind, call->region) {
        if (!doc_is(cursor.doc, "AutoScalingGroupName", group))
            continue;
        ++*ret_count;
        if (doc_is(cursor.doc, "PolicyName", name))
            found = cursor.doc;
    }
    return found;
}

/* The policy that the request names, by ARN or by group and name. */
static const json_t *find_asked(const struct call *call, struct err *err)
{
    size_t count;
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const char *name = doc_text(call->in, "PolicyName");
    if (*group && !group_find(call, group, err))
        return NULL;
    const json_t *policy = store_get(call->store, policy_kind, call->region, name);
    if (policy && *group && !doc_is(policy, "AutoScalingGroupName", group))
        policy = NULL;
    if (!policy)
        policy = find_by_name(call, group, name, &count);
    if (!policy)
        err_aws(err, "ValidationError", "PolicyName not found - no such policy: %s", name);
    return policy;
}

static int check_numbers(const struct call *call, struct err *err)
{
    static const struct {
        const char *name;
        int least;
    } numbers[] = {{"Cooldown", 0}, {"EstimatedInstanceWarmup", 0}, {"MinAdjustmentMagnitude", 1}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (json_object_get(call->in, numbers[i].name) &&
            doc_number(call->in, numbers[i].name) < numbers[i].least)
            return err_aws(err, "ValidationError", "%s must be greater than or equal to %d.",
                           numbers[i].name, numbers[i].least);
    return 0;
}

int autoscaling_PutScalingPolicy(struct call *call, struct err *err)
{
    size_t count;
    const json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check_numbers(call, err) < 0)
        return -1;
    const json_t *before = find_by_name(call, doc_text(group, "AutoScalingGroupName"),
                                        doc_text(call->in, "PolicyName"), &count);
    if (!before && count >= POLICIES_OF_GROUP_MAX)
        return err_aws(err, "LimitExceeded", "A group can have no more than %d scaling policies.",
                       POLICIES_OF_GROUP_MAX);
    json_auto_t *policy = make_policy(call, group, doc_text(before, "PolicyARN"));
    const char *type = doc_text(policy, "PolicyType");
    if (before && delete_alarms(call, before, err) < 0)
        return -1;
    if (!strcmp(type, "TargetTrackingScaling")) {
        if (apply_tracking(call, group, policy, err) < 0)
            return -1;
    } else if (!strcmp(type, "StepScaling") || !strcmp(type, "SimpleScaling")) {
        if (apply_adjustments(call, policy, err) < 0)
            return -1;
    } else if (!strcmp(type, "PredictiveScaling")) {
        return err_aws(err, "UnsupportedOperation",
                       "The policy type PredictiveScaling is not supported by Pileus yet.");
    } else {
        return err_aws(err, "ValidationError", "The policy type %s is not valid.", type);
    }
    txn_put(call->txn, policy_kind, call->region, doc_text(policy, "PolicyARN"),
            json_incref(policy));
    json_object_set(call->out, "PolicyARN", json_object_get(policy, "PolicyARN"));
    return json_object_set(call->out, "Alarms", json_object_get(policy, "Alarms"));
}

static bool is_asked(const struct call *call, const json_t *policy)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const json_t *names = json_object_get(call->in, "PolicyNames");
    const json_t *types = json_object_get(call->in, "PolicyTypes");
    return (!*group || doc_is(policy, "AutoScalingGroupName", group)) &&
           (!json_array_size(types) || doc_list_has(types, doc_text(policy, "PolicyType"))) &&
           (!json_array_size(names) || doc_list_has(names, doc_text(policy, "PolicyName")) ||
            doc_list_has(names, doc_text(policy, "PolicyARN")));
}

/* Alarms that a user pointed at the policy belong to it too. */
static json_t *with_users_alarms(const struct call *call, const json_t *policy)
{
    const char *arn = doc_text(policy, "PolicyARN");
    json_t *shown = json_copy((json_t *)policy);
    if (doc_is(policy, "PolicyType", "TargetTrackingScaling"))
        return shown;
    json_t *alarms = json_array();
    json_object_set_new(shown, "Alarms", alarms);
    store_each (cursor, call->store, "alarm", call->region)
        if (doc_list_has(json_object_get(cursor.doc, "AlarmActions"), arn))
            json_array_append_new(alarms, json_pack("{s:s, s:s}", "AlarmName", cursor.id,
                                                    "AlarmARN", doc_text(cursor.doc, "AlarmArn")));
    return shown;
}

int autoscaling_DescribePolicies(struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    json_auto_t *all = json_array();
    if ((*group && !group_find(call, group, err)) ||
        autoscaling_check_names(call, "PolicyNames", "policy names", err) < 0)
        return -1;
    store_each (cursor, call->store, policy_kind, call->region)
        if (is_asked(call, cursor.doc))
            json_array_append_new(all, with_users_alarms(call, cursor.doc));
    return call_page(call, &autoscaling_paging, all, "ScalingPolicies", err);
}

static int delete_policy(struct call *call, const char *policy_arn, struct err *err)
{
    const json_t *policy = store_get(call->store, policy_kind, call->region, policy_arn);
    if (delete_alarms(call, policy, err) < 0)
        return -1;
    txn_delete(call->txn, policy_kind, call->region, policy_arn);
    return 0;
}

int autoscaling_DeletePolicy(struct call *call, struct err *err)
{
    const json_t *policy = find_asked(call, err);
    if (!policy)
        return -1;
    json_auto_t *arn = json_incref(json_object_get(policy, "PolicyARN"));
    return delete_policy(call, json_string_value(arn), err);
}

int policies_delete_of_group(struct call *call, const char *group, struct err *err)
{
    json_auto_t *arns = json_array();
    store_each (cursor, call->store, policy_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group))
            json_array_append_new(arns, json_string(cursor.id));
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn)
        if (delete_policy(call, json_string_value(arn), err) < 0)
            return -1;
    return 0;
}

/* No policy here is a predictive one: PutScalingPolicy refuses them. */
int autoscaling_GetPredictiveScalingForecast(struct call *call, struct err *err)
{
    const json_t *policy = find_asked(call, err);
    if (!policy)
        return -1;
    return err_aws(err, "ValidationError",
                   "A policy of type %s has no forecast: only policies of type PredictiveScaling "
                   "do.",
                   doc_text(policy, "PolicyType"));
}

/* A metric is for step scaling only, which needs it; a cooldown is of simple scaling only. */
static int check_execution(const struct call *call, const json_t *policy, struct err *err)
{
    bool steps = doc_is(policy, "PolicyType", "StepScaling");
    bool has_metric = json_object_get(call->in, "MetricValue");
    bool has_threshold = json_object_get(call->in, "BreachThreshold");
    if (doc_is(policy, "PolicyType", "TargetTrackingScaling"))
        return err_aws(err, "ValidationError",
                       "A policy of type TargetTrackingScaling cannot be executed.");
    if (steps && !(has_metric && has_threshold))
        return err_aws(err, "ValidationError",
                       "MetricValue and BreachThreshold must be specified for the policy type "
                       "StepScaling.");
    if (!steps && (has_metric || has_threshold))
        return err_aws(err, "ValidationError",
                       "MetricValue and BreachThreshold are only for the policy type StepScaling.");
    if (steps && doc_flag(call->in, "HonorCooldown"))
        return err_aws(err, "ValidationError",
                       "HonorCooldown is only for the policy type SimpleScaling.");
    return 0;
}

int autoscaling_ExecutePolicy(struct call *call, struct err *err)
{
    const json_t *policy = find_asked(call, err);
    if (!policy)
        return -1;
    if (check_execution(call, policy, err) < 0)
        return -1;
    struct policy_trigger trigger = {
        .metric = json_number_value(json_object_get(call->in, "MetricValue")),
        .threshold = json_number_value(json_object_get(call->in, "BreachThreshold")),
        .honors_cooldown = doc_flag(call->in, "HonorCooldown"),
    };
    return policy_execute(call, doc_text(policy, "PolicyARN"), &trigger, err) < 0 ? -1 : 0;
}
