#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "service/autoscaling/step.h"

static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': "
                           "'ami-0c02fb55956c7d316', 'InstanceType': 't3.micro'}}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

#define GROUP                                                                                      \
    "'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "               \
    "'AvailabilityZones': ['us-east-1a', 'us-east-1b']"

static void create(struct service_fixture *fixture, const char *sizes)
{
    json_decref(
        fixture_ok(fixture, "autoscaling", "CreateAutoScalingGroup", "{" GROUP ", %s}", sizes));
}

static json_t *describe(struct service_fixture *fixture)
{
    return fixture_ok(fixture, "autoscaling", "DescribeAutoScalingGroups", "{}");
}

static void a_group_shows_awss_defaults(void **state)
{
    create(*state, "'MinSize': 1, 'MaxSize': 3");
    json_auto_t *out = describe(*state);
    const json_t *group = fixture_at(out, "AutoScalingGroups.0");
    assert_string_equal(fixture_text(group, "DesiredCapacity"), "1");
    assert_string_equal(fixture_text(group, "DefaultCooldown"), "300");
    assert_string_equal(fixture_text(group, "HealthCheckType"), "EC2");
    assert_string_equal(fixture_text(group, "HealthCheckGracePeriod"), "0");
    assert_string_equal(fixture_text(group, "TerminationPolicies.0"), "Default");
    assert_string_equal(fixture_text(group, "LaunchTemplate.Version"), "$Default");
    assert_string_equal(fixture_text(group, "AvailabilityZones.1"), "us-east-1b");
    assert_null(fixture_at(group, "_new"));
}

static void assert_refused(struct service_fixture *fixture, const char *operation,
                           const char *members, const char *message)
{
    fixture_fails(fixture, "ValidationError", "autoscaling", operation, "{%s}", members);
    assert_string_equal(fixture->err.text, message);
}

static void wrong_requests_are_refused_in_awss_words(void **state)
{
    assert_refused(*state, "CreateAutoScalingGroup", GROUP ", 'MinSize': 2, 'MaxSize': 1",
                   "Max bound, 1, must be greater than or equal to min bound, 2");
    assert_refused(*state, "CreateAutoScalingGroup",
                   GROUP ", 'MinSize': 1, 'MaxSize': 9, 'DesiredCapacity': 0",
                   "Desired capacity:0 must be between the specified min size:1 and max size:9");
    assert_refused(*state, "CreateAutoScalingGroup",
                   "'AutoScalingGroupName': 'g', 'MinSize': 1, 'MaxSize': 1",
                   "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                   "InstanceId or MixedInstancesPolicy parameter.");
    assert_refused(*state, "CreateAutoScalingGroup",
                   "'AutoScalingGroupName': 'g', 'MinSize': 1, 'MaxSize': 1, "
                   "'VPCZoneIdentifier': 'subnet-1', 'LaunchTemplate': {'LaunchTemplateName': "
                   "'web'}",
                   "The subnet ID 'subnet-1' does not exist");
    create(*state, "'MinSize': 1, 'MaxSize': 3");
    assert_refused(*state, "SetDesiredCapacity",
                   "'AutoScalingGroupName': 'g', 'DesiredCapacity': 4",
                   "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.");
    fixture_fails(*state, "AlreadyExists", "autoscaling", "CreateAutoScalingGroup",
                  "{" GROUP ", 'MinSize': 0, 'MaxSize': 0}");
}

static void what_is_not_done_is_not_accepted(void **state)
{
    static const char *const settings[] = {
        "'CapacityRebalance': true",
        "'TerminationPolicies': ['arn:aws:lambda:us-east-1:000000000000:function:choose']",
        "'HealthCheckType': 'EBS'",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        fixture_fails(*state, "UnsupportedOperation", "autoscaling", "CreateAutoScalingGroup",
                      "{" GROUP ", 'MinSize': 0, 'MaxSize': 0, %s}", settings[i]);
    create(*state, "'MinSize': 0, 'MaxSize': 0, 'MaxInstanceLifetime': 0, "
                   "'CapacityRebalance': false, 'DesiredCapacityType': 'units'");
}

static void policies_of_replacement_are_checked_shown_and_cleared(void **state)
{
    static const char spread[] = "The difference between MaxHealthyPercentage and "
                                 "MinHealthyPercentage must be less than or equal to 100";
    static const char lifetime[] =
        "maxInstanceLifetime must be between 86400 and 31536000 seconds (inclusive)";
    static const struct {
        const char *members, *text;
    } rows[] = {
        {"'MaxInstanceLifetime': 86399", lifetime},
        {"'MaxInstanceLifetime': -1", lifetime},
        {"'MaxInstanceLifetime': 31536001", lifetime},
        {"'InstanceMaintenancePolicy': {'MinHealthyPercentage': 0, 'MaxHealthyPercentage': 101}",
         spread},
        {"'InstanceMaintenancePolicy': {'MinHealthyPercentage': 0, 'MaxHealthyPercentage': 99}",
         "MaxHealthyPercentage must be between 100 and 200."},
        {"'InstanceMaintenancePolicy': {'MinHealthyPercentage': 90}",
         "Both MinHealthyPercentage and MaxHealthyPercentage must be specified."},
        {"'InstanceMaintenancePolicy': {'MinHealthyPercentage': -1, 'MaxHealthyPercentage': 100}",
         "Both MinHealthyPercentage and MaxHealthyPercentage must be specified."},
    };
    create(*state, "'MinSize': 0, 'MaxSize': 1, 'MaxInstanceLifetime': 86400, "
                   "'InstanceMaintenancePolicy': {'MinHealthyPercentage': 100, "
                   "'MaxHealthyPercentage': 200}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct service_fixture *fixture = *state;
        fixture_fails(fixture, "ValidationError", "autoscaling", "UpdateAutoScalingGroup",
                      "{'AutoScalingGroupName': 'g', %s}", rows[i].members);
        assert_string_equal(fixture->err.text, rows[i].text);
    }
    json_auto_t *out = describe(*state);
    const json_t *group = fixture_at(out, "AutoScalingGroups.0");
    assert_string_equal(fixture_text(group, "MaxInstanceLifetime"), "86400");
    assert_string_equal(fixture_text(group, "InstanceMaintenancePolicy.MaxHealthyPercentage"),
                        "200");
    assert_string_equal(
        fixture_text(group, "AvailabilityZoneDistribution.CapacityDistributionStrategy"),
        "balanced-best-effort");
    json_decref(fixture_ok(
        *state, "autoscaling", "UpdateAutoScalingGroup",
        "{'AutoScalingGroupName': 'g', 'MaxInstanceLifetime': 0, 'InstanceMaintenancePolicy': "
        "{'MinHealthyPercentage': -1, 'MaxHealthyPercentage': -1}}"));
    json_auto_t *cleared = describe(*state);
    assert_null(fixture_at(cleared, "AutoScalingGroups.0.MaxInstanceLifetime"));
    assert_null(fixture_at(cleared, "AutoScalingGroups.0.InstanceMaintenancePolicy"));
}

static void termination_policies_are_kept_in_order_and_bad_ones_refused(void **state)
{
    static const struct {
        const char *policies, *text;
    } rows[] = {
        {"'Default', 'OldestInstance'", "If Default termination policy is specified, it must be at "
                                        "the end of list of termination policies."},
        {"'OldestInstance', 'LuckiestInstance'", "Invalid termination policy: LuckiestInstance"},
    };
    create(*state, "'MinSize': 0, 'MaxSize': 1, 'TerminationPolicies': ['OldestLaunchTemplate', "
                   "'AllocationStrategy', 'ClosestToNextInstanceHour', 'NewestInstance', "
                   "'OldestInstance', 'OldestLaunchConfiguration', 'Default']");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct service_fixture *fixture = *state;
        fixture_fails(fixture, "ValidationError", "autoscaling", "UpdateAutoScalingGroup",
                      "{'AutoScalingGroupName': 'g', 'TerminationPolicies': [%s]}",
                      rows[i].policies);
        assert_string_equal(fixture->err.text, rows[i].text);
    }
    json_auto_t *out = describe(*state);
    const json_t *group = fixture_at(out, "AutoScalingGroups.0");
    assert_string_equal(fixture_text(group, "TerminationPolicies.0"), "OldestLaunchTemplate");
    assert_string_equal(fixture_text(group, "TerminationPolicies.6"), "Default");
}

static void every_termination_policy_that_is_described_is_taken(void **state)
{
    json_auto_t *out = fixture_ok(*state, "autoscaling", "DescribeTerminationPolicyTypes", "{}");
    const json_t *types = fixture_at(out, "TerminationPolicyTypes");
    size_t i;
    const json_t *type;
    create(*state, "'MinSize': 0, 'MaxSize': 1");
    assert_int_equal(json_array_size(types), 7);
    json_array_foreach (types, i, type)
        json_decref(fixture_ok(*state, "autoscaling", "UpdateAutoScalingGroup",
                               "{'AutoScalingGroupName': 'g', 'TerminationPolicies': ['%s']}",
                               json_string_value(type)));
}

static void groups_do_not_launch_first_by_account_and_cannot_be_made_to(void **state)
{
    static const char put[] = "{'Name': '%s', 'Value': '%s'}";
    json_decref(fixture_ok(*state, "autoscaling", "PutAccountSetting", put, "launchBeforeTerminate",
                           "disabled"));
    fixture_fails(*state, "UnsupportedOperation", "autoscaling", "PutAccountSetting", put,
                  "launchBeforeTerminate", "enabled");
    fixture_fails(*state, "ValidationError", "autoscaling", "PutAccountSetting", put,
                  "launchBeforeTerminate", "perhaps");
    fixture_fails(*state, "ValidationError", "autoscaling", "PutAccountSetting", put, "other",
                  "disabled");
    fixture_fails(*state, "ValidationError", "autoscaling", "DescribeAccountSettings",
                  "{'Name': 'other'}");
    json_auto_t *out = fixture_ok(*state, "autoscaling", "DescribeAccountSettings", "{}");
    assert_string_equal(fixture_text(out, "Settings.0.Name"), "launchBeforeTerminate");
    assert_string_equal(fixture_text(out, "Settings.0.Value"), "disabled");
}

static void new_bounds_move_the_desired_capacity(void **state)
{
    create(*state, "'MinSize': 1, 'MaxSize': 5");
    json_decref(fixture_ok(*state, "autoscaling", "UpdateAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g', 'MinSize': 3}"));
    json_auto_t *out = describe(*state);
    assert_string_equal(fixture_text(out, "AutoScalingGroups.0.DesiredCapacity"), "3");
    assert_string_equal(fixture_text(out, "AutoScalingGroups.0._change"),
                        "At 2026-01-02T03:04:05Z a user request update of AutoScalingGroup "
                        "constraints to min: 3, max: 5, desired: 3 changing the desired capacity "
                        "from 1 to 3.");
}

static void target_tracking_makes_two_alarms_and_takes_them_along(void **state)
{
    create(*state, "'MinSize': 1, 'MaxSize': 5");
    json_auto_t *policy = fixture_ok(
        *state, "autoscaling", "PutScalingPolicy",
        "{'AutoScalingGroupName': 'g', 'PolicyName': 'cpu', 'PolicyType': 'TargetTrackingScaling', "
        "'TargetTrackingConfiguration': {'TargetValue': 50.0, 'PredefinedMetricSpecification': "
        "{'PredefinedMetricType': 'ASGAverageCPUUtilization'}}}");
    assert_int_equal(json_array_size(fixture_at(policy, "Alarms")), 2);
    json_auto_t *out = fixture_ok(*state, "cloudwatch", "DescribeAlarms", "{}");
    const json_t *alarms = fixture_at(out, "MetricAlarms");
    assert_int_equal(json_array_size(alarms), 2);
    size_t i;
    const json_t *alarm;
    json_array_foreach (alarms, i, alarm) {
        bool low = strstr(fixture_text(alarm, "AlarmName"), "TargetTracking-g-AlarmLow-");
        double threshold = json_number_value(fixture_at(alarm, "Threshold"));
        assert_true(threshold == (low ? 35.0 : 50.0));
        assert_string_equal(fixture_text(alarm, "EvaluationPeriods"), low ? "15" : "3");
        assert_string_equal(fixture_text(alarm, "ComparisonOperator"),
                            low ? "LessThanThreshold" : "GreaterThanThreshold");
        assert_string_equal(fixture_text(alarm, "Dimensions.0.Value"), "g");
    }
    json_decref(fixture_ok(*state, "autoscaling", "DeletePolicy",
                           "{'AutoScalingGroupName': 'g', 'PolicyName': 'cpu'}"));
    json_auto_t *none = fixture_ok(*state, "cloudwatch", "DescribeAlarms", "{}");
    assert_int_equal(json_array_size(fixture_at(none, "MetricAlarms")), 0);
}

static void executed_policies_adjust_within_the_bounds(void **state)
{
    create(*state, "'MinSize': 1, 'MaxSize': 5");
    json_decref(fixture_ok(*state, "autoscaling", "PutScalingPolicy",
                           "{'AutoScalingGroupName': 'g', 'PolicyName': 'more', 'AdjustmentType': "
                           "'ChangeInCapacity', 'ScalingAdjustment': 9}"));
    json_decref(fixture_ok(*state, "autoscaling", "ExecutePolicy",
                           "{'AutoScalingGroupName': 'g', 'PolicyName': 'more'}"));
    json_auto_t *out = describe(*state);
    assert_string_equal(fixture_text(out, "AutoScalingGroups.0.DesiredCapacity"), "5");
}

/* Section by section of AWS's page on step adjustments: threshold 50, capacity 10. */
static void steps_are_chosen_by_the_distance_to_the_threshold(void **state)
{
    (void)state;
    static const struct {
        double metric;
        int capacity;
    } cases[] = {{59, 10}, {60, 11}, {69, 11}, {70, 13}, {40, 9}, {41, 10}, {30, 7}, {50, 10}};
    json_auto_t *policy = json_loads(
        "{\"PolicyType\": \"StepScaling\", \"AdjustmentType\": \"PercentChangeInCapacity\","
        "\"StepAdjustments\": ["
        "{\"MetricIntervalUpperBound\": -20, \"ScalingAdjustment\": -30},"
        "{\"MetricIntervalLowerBound\": -20, \"MetricIntervalUpperBound\": -10,"
        " \"ScalingAdjustment\": -10},"
        "{\"MetricIntervalLowerBound\": -10, \"MetricIntervalUpperBound\": 10,"
        " \"ScalingAdjustment\": 0},"
        "{\"MetricIntervalLowerBound\": 10, \"MetricIntervalUpperBound\": 20,"
        " \"ScalingAdjustment\": 10},"
        "{\"MetricIntervalLowerBound\": 20, \"ScalingAdjustment\": 30}]}",
        0, NULL);
    struct err err = {0};
    assert_int_equal(adjustment_check(policy, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(adjustment_apply(policy, 10, cases[i].metric - 50), cases[i].capacity);
}

static void steps_must_not_overlap_or_leave_gaps(void **state)
{
    (void)state;
    static const struct {
        int upper, lower, ok;
    } cases[] = {{10, 10, 1}, {10, 5, 0}, {10, 15, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_auto_t *policy = json_pack(
            "{s:s, s:s, s:[{s:i, s:i, s:i}, {s:i, s:i}]}", "PolicyType", "StepScaling",
            "AdjustmentType", "ChangeInCapacity", "StepAdjustments", "MetricIntervalLowerBound", 0,
            "MetricIntervalUpperBound", cases[i].upper, "ScalingAdjustment", 1,
            "MetricIntervalLowerBound", cases[i].lower, "ScalingAdjustment", 2);
        struct err err;
        assert_int_equal(adjustment_check(policy, &err) == 0, cases[i].ok);
    }
}

static void suspending_nothing_in_particular_suspends_all(void **state)
{
    create(*state, "'MinSize': 0, 'MaxSize': 1");
    json_decref(
        fixture_ok(*state, "autoscaling", "SuspendProcesses", "{'AutoScalingGroupName': 'g'}"));
    json_auto_t *all = describe(*state);
    assert_int_equal(json_array_size(fixture_at(all, "AutoScalingGroups.0.SuspendedProcesses")), 9);
    json_decref(fixture_ok(*state, "autoscaling", "ResumeProcesses",
                           "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['Launch']}"));
    json_auto_t *rest = describe(*state);
    assert_int_equal(json_array_size(fixture_at(rest, "AutoScalingGroups.0.SuspendedProcesses")),
                     8);
    fixture_fails(*state, "ValidationError", "autoscaling", "SuspendProcesses",
                  "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['Sleep']}");
}

static void groups_are_found_by_their_tags(void **state)
{
    create(*state, "'MinSize': 0, 'MaxSize': 1, 'Tags': [{'Key': 'team', 'Value': 'a', "
                   "'PropagateAtLaunch': true}]");
    json_auto_t *found = fixture_ok(*state, "autoscaling", "DescribeAutoScalingGroups",
                                    "{'Filters': [{'Name': 'tag:team', 'Values': ['a', 'b']}]}");
    json_auto_t *not_found = fixture_ok(*state, "autoscaling", "DescribeAutoScalingGroups",
                                        "{'Filters': [{'Name': 'tag:team', 'Values': ['b']}]}");
    assert_int_equal(json_array_size(fixture_at(found, "AutoScalingGroups")), 1);
    assert_int_equal(json_array_size(fixture_at(not_found, "AutoScalingGroups")), 0);
}

static void an_empty_group_is_deleted_at_once(void **state)
{
    create(*state, "'MinSize': 0, 'MaxSize': 1");
    json_decref(fixture_ok(*state, "autoscaling", "DeleteAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g'}"));
    create(*state, "'MinSize': 0, 'MaxSize': 1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_group_shows_awss_defaults),
        TEST(wrong_requests_are_refused_in_awss_words),
        TEST(what_is_not_done_is_not_accepted),
        TEST(policies_of_replacement_are_checked_shown_and_cleared),
        TEST(termination_policies_are_kept_in_order_and_bad_ones_refused),
        TEST(every_termination_policy_that_is_described_is_taken),
        TEST(groups_do_not_launch_first_by_account_and_cannot_be_made_to),
        TEST(new_bounds_move_the_desired_capacity),
        TEST(target_tracking_makes_two_alarms_and_takes_them_along),
        TEST(executed_policies_adjust_within_the_bounds),
        TEST(steps_are_chosen_by_the_distance_to_the_threshold),
        TEST(steps_must_not_overlap_or_leave_gaps),
        TEST(suspending_nothing_in_particular_suspends_all),
        TEST(groups_are_found_by_their_tags),
        TEST(an_empty_group_is_deleted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
