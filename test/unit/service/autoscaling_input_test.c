/*
 * Bad input, operation by operation: AWS's error code and text, and nothing has changed. Requests
 * that the API model itself refuses are in test/unit/model.
 */
#include "refusals.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define G        "'AutoScalingGroupName': 'g'"
#define NONE     "'AutoScalingGroupName': 'none'"
#define GONE     "'AutoScalingGroupName': 'gone'"
#define NO_GROUP "AutoScalingGroup name not found - AutoScalingGroup 'none' not found"
#define DELETING "You cannot update an AutoScalingGroup while it is being deleted."
#define ONE      "i-00000000000000001"
#define WEB      "'LaunchTemplate': {'LaunchTemplateName': 'web'}"
#define NEW      "'AutoScalingGroupName': 'new', " WEB ", 'AvailabilityZones': ['us-east-1a']"
#define SIZES    ", 'MinSize': 0, 'MaxSize': 1"
#define FORECAST "'StartTime': '2026-01-01T00:00:00Z', 'EndTime': '2026-01-02T00:00:00Z'"

/* A group "g" of 1 to 3 with an instance in service, and a group "gone" that is being deleted. */
static void add_member(struct service_fixture *fixture, const char *group, const char *id)
{
    auto_txn *txn = txn_begin(fixture->store);
    json_t *doc = txn_edit(txn, "auto-scaling-group", fixture->region, group);
    json_array_append_new(json_object_get(doc, "Instances"),
                          json_pack("{s:s, s:s, s:s, s:s, s:b}", "InstanceId", id,
                                    "AvailabilityZone", "us-east-1a", "LifecycleState", "InService",
                                    "HealthStatus", "Healthy", "ProtectedFromScaleIn", 0));
    assert_int_equal(txn_commit(ptr_take(&txn), &fixture->err), 0);
}

static void create(struct service_fixture *fixture, const char *name)
{
    json_decref(fixture_ok(fixture, "autoscaling", "CreateAutoScalingGroup",
                           "{'AutoScalingGroupName': '%s', " WEB ", 'AvailabilityZones': "
                           "['us-east-1a'], 'MinSize': 1, 'MaxSize': 3}",
                           name));
}

static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': "
                           "'ami-0c02fb55956c7d316', 'InstanceType': 't3.micro'}}"));
    create(fixture, "g");
    create(fixture, "gone");
    add_member(fixture, "g", ONE);
    add_member(fixture, "gone", "i-00000000000000002");
    json_decref(fixture_ok(fixture, "autoscaling", "PutScalingPolicy",
                           "{" G ", 'PolicyName': 'step', 'PolicyType': 'StepScaling', "
                           "'AdjustmentType': 'ChangeInCapacity', 'StepAdjustments': "
                           "[{'MetricIntervalLowerBound': 0, 'ScalingAdjustment': 1}]}"));
    json_decref(fixture_ok(fixture, "autoscaling", "PutLifecycleHook",
                           "{" G ", 'LifecycleHookName': 'hook', 'LifecycleTransition': "
                           "'autoscaling:EC2_INSTANCE_LAUNCHING'}"));
    json_decref(fixture_ok(fixture, "autoscaling", "DeleteAutoScalingGroup",
                           "{" GONE ", 'ForceDelete': true}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* Every document of Auto Scaling, and the alarms that its policies have. */
static char *dump(struct service_fixture *fixture)
{
    static const char *const kinds[] = {"auto-scaling-group",
                                        "launch-configuration",
                                        "scaling-activity",
                                        "scaling-policy",
                                        "lifecycle-hook",
                                        "instance-refresh",
                                        "alarm"};
    json_auto_t *all = json_array();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        store_each (cursor, fixture->store, kinds[i], fixture->region)
            json_array_append(all, (json_t *)cursor.doc);
    return json_dumps(all, JSON_SORT_KEYS);
}

#define REFUSE(state, cases)                                                                       \
    refuse_all(state, "autoscaling", cases, sizeof(cases) / sizeof *(cases), dump)

/* ---- groups that are not there, and those that are going ---- */

static void a_group_that_is_not_there_is_named_so(void **state)
{
    static const struct {
        const char *operation, *more;
    } cases[] = {
        {"AttachInstances", ", 'InstanceIds': ['" ONE "']"},
        {"AttachLoadBalancerTargetGroups", ", 'TargetGroupARNs': ['arn:1']"},
        {"AttachLoadBalancers", ", 'LoadBalancerNames': ['lb']"},
        {"AttachTrafficSources", ", 'TrafficSources': [{'Identifier': 'arn:1'}]"},
        {"CancelInstanceRefresh", ""},
        {"CompleteLifecycleAction",
         ", 'LifecycleHookName': 'hook', 'LifecycleActionResult': 'CONTINUE', 'InstanceId': '" ONE
         "'"},
        {"DeleteAutoScalingGroup", ""},
        {"DeleteLifecycleHook", ", 'LifecycleHookName': 'hook'"},
        {"DeletePolicy", ", 'PolicyName': 'step'"},
        {"DescribeInstanceRefreshes", ""},
        {"DescribeLifecycleHooks", ""},
        {"DescribeLoadBalancerTargetGroups", ""},
        {"DescribeLoadBalancers", ""},
        {"DescribePolicies", ""},
        {"DescribeScalingActivities", ""},
        {"DescribeTrafficSources", ""},
        {"DetachInstances", ", 'InstanceIds': ['" ONE "'], 'ShouldDecrementDesiredCapacity': true"},
        {"DetachLoadBalancerTargetGroups", ", 'TargetGroupARNs': ['arn:1']"},
        {"DetachLoadBalancers", ", 'LoadBalancerNames': ['lb']"},
        {"DetachTrafficSources", ", 'TrafficSources': [{'Identifier': 'arn:1'}]"},
        {"DisableMetricsCollection", ""},
        {"EnableMetricsCollection", ", 'Granularity': '1Minute'"},
        {"EnterStandby", ", 'InstanceIds': ['" ONE "'], 'ShouldDecrementDesiredCapacity': true"},
        {"ExecutePolicy", ", 'PolicyName': 'step'"},
        {"ExitStandby", ", 'InstanceIds': ['" ONE "']"},
        {"GetPredictiveScalingForecast", ", 'PolicyName': 'step', " FORECAST},
        {"PutLifecycleHook",
         ", 'LifecycleHookName': 'h', 'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING'"},
        {"PutScalingPolicy", ", 'PolicyName': 'p', 'AdjustmentType': 'ChangeInCapacity', "
                             "'ScalingAdjustment': 1"},
        {"RecordLifecycleActionHeartbeat",
         ", 'LifecycleHookName': 'hook', 'InstanceId': '" ONE "'"},
        {"ResumeProcesses", ""},
        {"RollbackInstanceRefresh", ""},
        {"SetDesiredCapacity", ", 'DesiredCapacity': 1"},
        {"SetInstanceProtection", ", 'InstanceIds': ['" ONE "'], 'ProtectedFromScaleIn': true"},
        {"StartInstanceRefresh", ""},
        {"SuspendProcesses", ""},
        {"UpdateAutoScalingGroup", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[300];
        snprintf(members, sizeof members, NONE "%s", cases[i].more);
        struct refusal refusal = {cases[i].operation, members, "ValidationError", NO_GROUP};
        refuse_all(*state, "autoscaling", &refusal, 1, dump);
    }
}

static void a_group_that_is_being_deleted_takes_nothing_new(void **state)
{
    static const struct refusal cases[] = {
        {"UpdateAutoScalingGroup", GONE ", 'MaxSize': 9", "ScalingActivityInProgress", DELETING},
        {"SetDesiredCapacity", GONE ", 'DesiredCapacity': 1", "ScalingActivityInProgress",
         DELETING},
        {"AttachInstances", GONE ", 'InstanceIds': ['" ONE "']", "ScalingActivityInProgress",
         DELETING},
        {"EnterStandby",
         GONE ", 'InstanceIds': ['i-00000000000000002'], 'ShouldDecrementDesiredCapacity': false",
         "ScalingActivityInProgress", DELETING},
        {"DetachInstances",
         GONE ", 'InstanceIds': ['i-00000000000000002'], 'ShouldDecrementDesiredCapacity': false",
         "ScalingActivityInProgress", DELETING},
        {"AttachLoadBalancerTargetGroups", GONE ", 'TargetGroupARNs': ['arn:1']",
         "ScalingActivityInProgress", DELETING},
        {"PutScalingPolicy",
         GONE ", 'PolicyName': 'p', 'AdjustmentType': 'ChangeInCapacity', 'ScalingAdjustment': 1",
         "ScalingActivityInProgress", DELETING},
        {"PutLifecycleHook",
         GONE
         ", 'LifecycleHookName': 'h', 'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING'",
         "ScalingActivityInProgress", DELETING},
        {"StartInstanceRefresh", GONE, "ScalingActivityInProgress", DELETING},
        {"PutWarmPool", GONE, "ScalingActivityInProgress", DELETING},
        {"DeleteWarmPool", GONE, "ScalingActivityInProgress", DELETING},
        {"CreateAutoScalingGroup", GONE ", " WEB ", 'AvailabilityZones': ['us-east-1a']" SIZES,
         "AlreadyExists",
         "AutoScalingGroup by this name already exists - A group with the name gone already "
         "exists"},
    };
    REFUSE(*state, cases);
}

/* ---- settings ---- */

static void settings_that_make_no_sense_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'a:b', " WEB ", 'AvailabilityZones': ['us-east-1a']" SIZES,
         "ValidationError",
         "Group name contains invalid characters. The group name cannot contain a colon (:)."},
        {"CreateAutoScalingGroup", NEW ", 'MinSize': 2, 'MaxSize': 1", "ValidationError",
         "Max bound, 1, must be greater than or equal to min bound, 2"},
        {"CreateAutoScalingGroup", NEW ", 'MinSize': -1, 'MaxSize': 1", "ValidationError",
         "Sizes must be between 0 and 10000."},
        {"CreateAutoScalingGroup", NEW ", 'MinSize': 0, 'MaxSize': 10001", "ValidationError",
         "Sizes must be between 0 and 10000."},
        {"CreateAutoScalingGroup", "'AutoScalingGroupName': 'new', " WEB SIZES, "ValidationError",
         "At least one Availability Zone or VPC Subnet is required."},
        {"CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'new', " WEB ", 'AvailabilityZones': ['us-east-1z']" SIZES,
         "ValidationError", "No default subnet for availability zone: 'us-east-1z'."},
        {"CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'new', 'AvailabilityZones': ['us-east-1a'], 'LaunchTemplate': "
         "{'LaunchTemplateName': 'other'}" SIZES,
         "ValidationError",
         "You must use a valid fully-formed launch template. The specified launch template, with "
         "template name other, does not exist."},
        {"CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'new', 'AvailabilityZones': ['us-east-1a'], 'LaunchTemplate': "
         "{'LaunchTemplateName': 'web', 'LaunchTemplateId': 'lt-1'}" SIZES,
         "ValidationError",
         "Valid requests must contain either launchTemplateId or LaunchTemplateName"},
        {"CreateAutoScalingGroup", NEW ", 'HealthCheckType': 'ICMP'" SIZES, "ValidationError",
         "Invalid HealthCheckType: ICMP"},
        {"CreateAutoScalingGroup", NEW ", 'DefaultCooldown': -1" SIZES, "ValidationError",
         "DefaultCooldown must be greater than or equal to 0."},
        {"CreateAutoScalingGroup", NEW ", 'TargetGroupARNs': ['arn:1']" SIZES, "ValidationError",
         "Provided Target Groups may not be valid. Please ensure they exist and try again."},
        {"CreateAutoScalingGroup",
         NEW ", 'TerminationPolicies': ['Default', 'OldestInstance']" SIZES, "ValidationError",
         "If Default termination policy is specified, it must be at the end of list of termination "
         "policies."},
        {"CreateAutoScalingGroup",
         NEW ", 'Tags': [{'Key': 'a', 'ResourceId': 'g', 'Value': '1'}]" SIZES, "ValidationError",
         "The tag's ResourceId g is not the group new."},
        {"CreateAutoScalingGroup", NEW ", 'Tags': [{'Key': 'aws:a', 'Value': '1'}]" SIZES,
         "ValidationError",
         "The tag key 'aws:a' is invalid: aws: prefixed tag key names are not allowed for external "
         "use."},
        {"UpdateAutoScalingGroup", G ", 'MinSize': 4", "ValidationError",
         "Max bound, 3, must be greater than or equal to min bound, 4"},
        {"UpdateAutoScalingGroup", G ", 'DesiredCapacity': 4", "ValidationError",
         "Desired capacity:4 must be between the specified min size:1 and max size:3"},
        {"SetDesiredCapacity", G ", 'DesiredCapacity': 0", "ValidationError",
         "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."},
        {"DeleteAutoScalingGroup", G, "ResourceInUse",
         "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
         "request(s) still in the group."},
        {"CreateOrUpdateTags",
         "'Tags': [{'Key': 'a', 'ResourceId': 'none', 'ResourceType': "
         "'auto-scaling-group', 'Value': ''}]",
         "ValidationError", "AutoScalingGroup not found - AutoScaling Group none not found"},
        {"CreateOrUpdateTags",
         "'Tags': [{'Key': 'a', 'ResourceId': 'g', 'ResourceType': 'instance'}]", "ValidationError",
         "Invalid resource type: instance"},
        {"DeleteTags", "'Tags': [{'Key': 'a', 'ResourceId': 'none'}]", "ValidationError",
         "AutoScalingGroup not found - AutoScaling Group none not found"},
        {"SuspendProcesses", G ", 'ScalingProcesses': ['Launch', 'Sleep']", "ValidationError",
         "'Sleep' is not a valid scaling process type."},
        {"EnableMetricsCollection", G ", 'Granularity': '5Minute'", "ValidationError",
         "Valid values for Granularity: [1Minute]."},
        {"EnableMetricsCollection", G ", 'Granularity': '1Minute', 'Metrics': ['Mood']",
         "ValidationError", "'Mood' is not a valid metric type."},
    };
    REFUSE(*state, cases);
}

/* ---- instances ---- */

static void instances_that_cannot_be_meant_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"EnterStandby",
         G ", 'InstanceIds': ['" ONE "', '" ONE "'], 'ShouldDecrementDesiredCapacity': false",
         "ValidationError", "The instance " ONE " is specified twice."},
        {"EnterStandby", G ", 'InstanceIds': [], 'ShouldDecrementDesiredCapacity': true",
         "ValidationError", "At least one instance ID must be specified."},
        {"EnterStandby", G ", 'InstanceIds': ['i-2'], 'ShouldDecrementDesiredCapacity': true",
         "ValidationError", "The instance i-2 is not part of Auto Scaling group g."},
        {"EnterStandby", G ", 'InstanceIds': ['" ONE "'], 'ShouldDecrementDesiredCapacity': true",
         "ValidationError",
         "AutoScalingGroup g has min-size=1, max-size=3, and desired-size=1. To place into standby "
         "or detach 1 instance, please update the AutoScalingGroup sizes appropriately."},
        {"ExitStandby", G ", 'InstanceIds': ['" ONE "']", "ValidationError",
         "The instance " ONE " is not in Standby."},
        {"AttachInstances", G ", 'InstanceIds': ['i-2']", "ValidationError",
         "Invalid Instance ID(s): [i-2] specified"},
        {"TerminateInstanceInAutoScalingGroup",
         "'InstanceId': 'i-2', 'ShouldDecrementDesiredCapacity': true", "ValidationError",
         "Instance Id not found - No managed instance found for instance ID: i-2"},
        {"TerminateInstanceInAutoScalingGroup",
         "'InstanceId': '" ONE "', 'ShouldDecrementDesiredCapacity': true", "ValidationError",
         "Currently, desiredSize equals minSize (1). Terminating instance without replacement will "
         "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to "
         "false or lower group's min size."},
        {"SetInstanceHealth", "'InstanceId': '" ONE "', 'HealthStatus': 'Tired'", "ValidationError",
         "Health Status must be one of the following: [Healthy, Unhealthy]."},
        {"SetInstanceProtection",
         G ", 'InstanceIds': ['" ONE "', 'i-2'], 'ProtectedFromScaleIn': true", "ValidationError",
         "The instance i-2 is not part of Auto Scaling group g."},
    };
    REFUSE(*state, cases);
}

/* ---- policies ---- */

#define POLICY(more) G ", 'PolicyName': 'p', " more

static void policies_that_make_no_sense_are_refused(void **state)
{
    static const char types[] = "AdjustmentType must be specified and one of [ChangeInCapacity, "
                                "ExactCapacity, PercentChangeInCapacity].";
    static const struct refusal cases[] = {
        {"PutScalingPolicy", POLICY("'ScalingAdjustment': 1"), "ValidationError", types},
        {"PutScalingPolicy", POLICY("'ScalingAdjustment': 1, 'AdjustmentType': 'Double'"),
         "ValidationError", types},
        {"PutScalingPolicy", POLICY("'AdjustmentType': 'ChangeInCapacity'"), "ValidationError",
         "ScalingAdjustment must be specified for policy type SimpleScaling."},
        {"PutScalingPolicy", POLICY("'AdjustmentType': 'ExactCapacity', 'ScalingAdjustment': -1"),
         "ValidationError",
         "ScalingAdjustment must not be negative for the adjustment type ExactCapacity."},
        {"PutScalingPolicy",
         POLICY("'AdjustmentType': 'ChangeInCapacity', 'ScalingAdjustment': 1, 'Cooldown': -1"),
         "ValidationError", "Cooldown must be greater than or equal to 0."},
        {"PutScalingPolicy",
         POLICY("'AdjustmentType': 'ChangeInCapacity', 'ScalingAdjustment': 1, "
                "'MinAdjustmentMagnitude': 2"),
         "ValidationError",
         "MinAdjustmentMagnitude is only for the adjustment type PercentChangeInCapacity."},
        {"PutScalingPolicy",
         POLICY("'AdjustmentType': 'PercentChangeInCapacity', 'ScalingAdjustment': 1, "
                "'MinAdjustmentMagnitude': 0"),
         "ValidationError", "MinAdjustmentMagnitude must be greater than or equal to 1."},
        {"PutScalingPolicy",
         POLICY("'PolicyType': 'StepScaling', 'AdjustmentType': 'ChangeInCapacity'"),
         "ValidationError",
         "Between 1 and 20 StepAdjustments must be specified for policy type StepScaling."},
        {"PutScalingPolicy",
         POLICY("'PolicyType': 'StepScaling', 'AdjustmentType': 'ChangeInCapacity', "
                "'StepAdjustments': [{'ScalingAdjustment': 1}]"),
         "ValidationError",
         "A step must have a lower bound below its upper bound, and not both can be null."},
        {"PutScalingPolicy",
         POLICY("'PolicyType': 'StepScaling', 'AdjustmentType': 'ChangeInCapacity', "
                "'MetricAggregationType': 'Sum', 'StepAdjustments': "
                "[{'MetricIntervalLowerBound': 0, 'ScalingAdjustment': 1}]"),
         "ValidationError", "MetricAggregationType must be one of [Minimum, Maximum, Average]."},
        {"PutScalingPolicy", POLICY("'PolicyType': 'Magic'"), "ValidationError",
         "The policy type Magic is not valid."},
        {"PutScalingPolicy", POLICY("'PolicyType': 'TargetTrackingScaling'"), "ValidationError",
         "TargetTrackingConfiguration with a TargetValue above 0 must be specified for the policy "
         "type TargetTrackingScaling."},
        {"PutScalingPolicy",
         POLICY("'PolicyType': 'TargetTrackingScaling', 'TargetTrackingConfiguration': "
                "{'TargetValue': 50}"),
         "ValidationError",
         "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be "
         "specified."},
        {"PutScalingPolicy",
         POLICY("'PolicyType': 'TargetTrackingScaling', 'TargetTrackingConfiguration': "
                "{'TargetValue': 50, 'PredefinedMetricSpecification': {'PredefinedMetricType': "
                "'ALBRequestCountPerTarget', 'ResourceLabel': "
                "'app/lb/0123456789abcdef/targetgroup/tg/0123456789abcdef'}}"),
         "ValidationError",
         "The load balancer target group targetgroup/tg/0123456789abcdef is not attached to the "
         "Auto Scaling group."},
        {"PutScalingPolicy", POLICY("'PolicyType': 'PredictiveScaling'"), "UnsupportedOperation",
         "The policy type PredictiveScaling is not supported by Pileus yet."},
        {"DeletePolicy", G ", 'PolicyName': 'p'", "ValidationError",
         "PolicyName not found - no such policy: p"},
        {"GetPredictiveScalingForecast", G ", 'PolicyName': 'p', " FORECAST, "ValidationError",
         "PolicyName not found - no such policy: p"},
        {"GetPredictiveScalingForecast", G ", 'PolicyName': 'step', " FORECAST, "ValidationError",
         "A policy of type StepScaling has no forecast: only policies of type PredictiveScaling "
         "do."},
        {"ExecutePolicy", G ", 'PolicyName': 'step'", "ValidationError",
         "MetricValue and BreachThreshold must be specified for the policy type StepScaling."},
    };
    REFUSE(*state, cases);
}

/* ---- hooks and refreshes ---- */

static void hooks_and_refreshes_that_make_no_sense_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"PutLifecycleHook", G ", 'LifecycleHookName': 'new'", "ValidationError",
         "LifecycleTransition must be specified when a lifecycle hook is created."},
        {"PutLifecycleHook", G ", 'LifecycleHookName': 'hook', 'HeartbeatTimeout': 7201",
         "ValidationError", "Heartbeat Timeout must be between 30 and 7200 seconds."},
        {"PutLifecycleHook", G ", 'LifecycleHookName': 'hook', 'HeartbeatTimeout': 29",
         "ValidationError", "Heartbeat Timeout must be between 30 and 7200 seconds."},
        {"PutLifecycleHook", G ", 'LifecycleHookName': 'hook', 'DefaultResult': 'MAYBE'",
         "ValidationError", "Lifecycle action result must be either CONTINUE or ABANDON."},
        {"DeleteLifecycleHook", G ", 'LifecycleHookName': 'new'", "ValidationError",
         "No Lifecycle Hook found with name: new"},
        {"CompleteLifecycleAction",
         G ", 'LifecycleHookName': 'hook', 'LifecycleActionResult': 'MAYBE', 'InstanceId': '" ONE
           "'",
         "ValidationError", "Lifecycle action result must be either CONTINUE or ABANDON."},
        {"CompleteLifecycleAction",
         G ", 'LifecycleHookName': 'hook', 'LifecycleActionResult': 'CONTINUE'", "ValidationError",
         "Either LifecycleActionToken or InstanceId must be specified."},
        {"CompleteLifecycleAction",
         G ", 'LifecycleHookName': 'hook', 'LifecycleActionResult': 'CONTINUE', 'InstanceId': '" ONE
           "'",
         "ValidationError", "No active Lifecycle Action found with instance ID " ONE},
        {"RecordLifecycleActionHeartbeat",
         G ", 'LifecycleHookName': 'hook', 'LifecycleActionToken': "
           "'00000000-0000-4000-8000-000000000000'",
         "ValidationError",
         "No active Lifecycle Action found with token 00000000-0000-4000-8000-000000000000"},
        {"CancelInstanceRefresh", G, "ActiveInstanceRefreshNotFound",
         "No in progress or pending Instance Refresh found for Auto Scaling group g"},
        {"StartInstanceRefresh",
         G ", 'DesiredConfiguration': {'LaunchTemplate': "
           "{'LaunchTemplateName': 'other'}}",
         "ValidationError",
         "You must use a valid fully-formed launch template. The specified launch template, with "
         "template name other, does not exist."},
    };
    REFUSE(*state, cases);
}

/* ---- limits, pages and filters ---- */

/* A request whose list `name` has `count` items, "x0" and so on. */
static void refuse_count(struct service_fixture *fixture, const char *operation, const char *before,
                         const char *item, int count, const struct refusal *expected)
{
    auto_buf members = {0};
    buf_append_string(&members, before);
    for (int i = 0; i < count; i++)
        buf_printf(&members, "%s%s", i ? ", " : "", item);
    buf_append_char(&members, ']');
    struct refusal refusal = {operation, members.data, expected->code, expected->text};
    refuse_all(fixture, "autoscaling", &refusal, 1, dump);
}

static void lists_are_no_longer_than_awss(void **state)
{
    static const struct {
        const char *operation, *before, *item;
        int count;
        const char *code, *text;
    } cases[] = {
        {"AttachInstances", G ", 'InstanceIds': [", "'i-1'", 21, "ValidationError",
         "No more than 20 instance IDs can be specified."},
        {"AttachLoadBalancerTargetGroups", G ", 'TargetGroupARNs': [", "'arn:1'", 11,
         "ValidationError", "No more than 10 target groups in one call."},
        {"SetInstanceProtection", G ", 'ProtectedFromScaleIn': true, 'InstanceIds': [", "'i-1'", 51,
         "LimitExceeded", "No more than 50 instances in one call."},
        {"DescribeAutoScalingGroups", "'AutoScalingGroupNames': [", "'g'", 51, "ValidationError",
         "The number of group names that may be passed in is limited to 50"},
        {"DescribeAutoScalingInstances", "'InstanceIds': [", "'i-1'", 51, "ValidationError",
         "The number of instance ids that may be passed in is limited to 50"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct refusal expected = {"", "", cases[i].code, cases[i].text};
        refuse_count(*state, cases[i].operation, cases[i].before, cases[i].item, cases[i].count,
                     &expected);
    }
}

static void pages_have_awss_bounds_and_tokens_are_ours(void **state)
{
    static const struct {
        const char *operation, *members;
        int most;
    } cases[] = {
        {"DescribeAutoScalingGroups", "", 100},
        {"DescribeAutoScalingInstances", "", 50},
        {"DescribeInstanceRefreshes", G ", ", 100},
        {"DescribeLaunchConfigurations", "", 100},
        {"DescribeLoadBalancers", G ", ", 100},
        {"DescribeLoadBalancerTargetGroups", G ", ", 100},
        {"DescribePolicies", "", 100},
        {"DescribeScalingActivities", "", 100},
        {"DescribeTags", "", 100},
        {"DescribeTrafficSources", G ", ", 50},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[96], text[200];
        struct refusal refusal = {cases[i].operation, members, "ValidationError", text};
        snprintf(members, sizeof members, "%s'MaxRecords': 0", cases[i].members);
        snprintf(text, sizeof text,
                 "1 validation error detected: Value '0' at 'maxRecords' failed to satisfy "
                 "constraint: Member must have value greater than or equal to 1");
        refuse_all(*state, "autoscaling", &refusal, 1, dump);
        snprintf(members, sizeof members, "%s'MaxRecords': %d", cases[i].members,
                 cases[i].most + 1);
        snprintf(text, sizeof text,
                 "1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy "
                 "constraint: Member must have value less than or equal to %d",
                 cases[i].most + 1, cases[i].most);
        refuse_all(*state, "autoscaling", &refusal, 1, dump);
        snprintf(members, sizeof members, "%s'NextToken': 'abc'", cases[i].members);
        refusal.code = "InvalidNextToken";
        snprintf(text, sizeof text, "The token 'abc' is invalid.");
        refuse_all(*state, "autoscaling", &refusal, 1, dump);
    }
}

static void filters_are_those_of_the_operation(void **state)
{
    static const struct refusal cases[] = {
        {"DescribeAutoScalingGroups", "'Filters': [{'Name': 'vpc', 'Values': ['x']}]",
         "ValidationError", "Filter type vpc is not correct."},
        {"DescribeTags", "'Filters': [{'Name': 'vpc', 'Values': ['x']}]", "ValidationError",
         "Filter type vpc is not correct."},
        {"DescribeScalingActivities", "'Filters': [{'Name': 'vpc', 'Values': ['x']}]",
         "ValidationError", "Filter type vpc is not correct."},
        {"DescribeScalingActivities",
         "'Filters': [{'Name': 'StartTimeLowerBound', 'Values': ['today']}]", "ValidationError",
         "The filter StartTimeLowerBound must have one time as its value."},
    };
    REFUSE(*state, cases);
}

static void a_wrong_filter_is_refused_though_there_are_no_groups(void **state)
{
    struct service_fixture *fixture = fixture_create();
    fixture_fails(fixture, "ValidationError", "autoscaling", "DescribeAutoScalingGroups",
                  "{'Filters': [{'Name': 'vpc', 'Values': ['x']}]}");
    fixture_destroy(fixture);
    (void)state;
}

static void groups_are_shown_page_by_page(void **state)
{
    json_auto_t *first =
        fixture_ok(*state, "autoscaling", "DescribeAutoScalingGroups", "{'MaxRecords': 1}");
    json_auto_t *second =
        fixture_ok(*state, "autoscaling", "DescribeAutoScalingGroups",
                   "{'MaxRecords': 1, 'NextToken': '%s'}", fixture_text(first, "NextToken"));
    assert_string_equal(fixture_text(first, "AutoScalingGroups.0.AutoScalingGroupName"), "g");
    assert_string_equal(fixture_text(second, "AutoScalingGroups.0.AutoScalingGroupName"), "gone");
    assert_null(fixture_at(second, "NextToken"));
}

static size_t count_policies(struct service_fixture *fixture, const char *members)
{
    json_auto_t *out = fixture_ok(fixture, "autoscaling", "DescribePolicies", "{%s}", members);
    return json_array_size(fixture_at(out, "ScalingPolicies"));
}

static void policies_are_found_by_group_name_and_type(void **state)
{
    assert_int_equal(count_policies(*state, ""), 1);
    assert_int_equal(count_policies(*state, G ", 'PolicyNames': ['step']"), 1);
    assert_int_equal(count_policies(*state, "'PolicyNames': ['other']"), 0);
    assert_int_equal(count_policies(*state, "'PolicyTypes': ['SimpleScaling']"), 0);
    assert_int_equal(count_policies(*state, GONE), 0);
}

static void hooks_of_groups_with_slashes_are_told_apart(void **state)
{
    create(*state, "a");
    create(*state, "a/b");
    static const char put[] = "{'AutoScalingGroupName': '%s', 'LifecycleHookName': '%s', "
                              "'LifecycleTransition': 'autoscaling:EC2_INSTANCE_%s'}";
    json_decref(
        fixture_ok(*state, "autoscaling", "PutLifecycleHook", put, "a", "b/c", "LAUNCHING"));
    json_decref(
        fixture_ok(*state, "autoscaling", "PutLifecycleHook", put, "a/b", "c", "TERMINATING"));
    json_auto_t *out = fixture_ok(*state, "autoscaling", "DescribeLifecycleHooks",
                                  "{'AutoScalingGroupName': 'a'}");
    assert_int_equal(json_array_size(fixture_at(out, "LifecycleHooks")), 1);
    assert_string_equal(fixture_text(out, "LifecycleHooks.0.LifecycleTransition"),
                        "autoscaling:EC2_INSTANCE_LAUNCHING");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_group_that_is_not_there_is_named_so),
        TEST(a_group_that_is_being_deleted_takes_nothing_new),
        TEST(settings_that_make_no_sense_are_refused),
        TEST(instances_that_cannot_be_meant_are_refused),
        TEST(policies_that_make_no_sense_are_refused),
        TEST(hooks_and_refreshes_that_make_no_sense_are_refused),
        TEST(lists_are_no_longer_than_awss),
        TEST(pages_have_awss_bounds_and_tokens_are_ours),
        TEST(filters_are_those_of_the_operation),
        cmocka_unit_test(a_wrong_filter_is_refused_though_there_are_no_groups),
        TEST(groups_are_shown_page_by_page),
        TEST(policies_are_found_by_group_name_and_type),
        TEST(hooks_of_groups_with_slashes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
