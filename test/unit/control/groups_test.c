#include "group_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- questions and wishes ---- */

static void suspend(struct simulated_cloud *cloud, const char *process)
{
    cloud_ok(cloud, "autoscaling", "SuspendProcesses",
             "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['%s']}", process);
}

static void resume(struct simulated_cloud *cloud, const char *process)
{
    cloud_ok(cloud, "autoscaling", "ResumeProcesses",
             "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['%s']}", process);
}

static void assert_ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    if (size < end_size || strcmp(text + size - end_size, end))
        fail_msg("'%s' does not end with '%s'", text, end);
}

/* ---- launch and scale-in ---- */

static void instances_are_spread_over_zones_and_told_as_activities(void **state)
{
    create_group(*state, 1, 4, 6, "");
    assert_int_equal(count_members(*state, "LifecycleState", "InService"), 4);
    assert_int_equal(count_members(*state, "AvailabilityZone", "us-east-1a"), 2);
    assert_int_equal(count_members(*state, "AvailabilityZone", "us-east-1b"), 2);
    const json_t *launch = newest_activity(*state, "Launching a new EC2 instance: i-");
    assert_string_equal(doc_text(launch, "StatusCode"), "Successful");
    assert_string_equal(
        doc_text(launch, "Cause"),
        "At 2026-01-02T03:04:05Z a user request created an AutoScalingGroup changing the desired "
        "capacity from 0 to 4.  At 2026-01-02T03:04:05Z an instance was started in response to a "
        "difference between desired and actual capacity, increasing the capacity from 0 to 4.");
}

static void instances_know_their_group(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 1, 1,
                 ", 'Tags': [{'Key': 'a', 'Value': '1', 'PropagateAtLaunch': true}, {'Key': 'b', "
                 "'Value': '2', 'PropagateAtLaunch': false}]");
    const json_t *instance =
        store_get(cloud->store, "instance", cloud->region, instance_id(cloud, 0));
    assert_string_equal(doc_text(instance, "_group"), "g");
    char *tags = json_dumps(json_object_get(instance, "Tags"), JSON_COMPACT);
    assert_non_null(strstr(tags, "{\"Key\":\"aws:autoscaling:groupName\",\"Value\":\"g\"}"));
    assert_non_null(strstr(tags, "{\"Key\":\"a\",\"Value\":\"1\"}"));
    assert_null(strstr(tags, "\"Key\":\"b\""));
    free(tags);
}

static void scale_in_keeps_zones_even_and_spares_the_protected(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, "");
    char protected[64];
    snprintf(protected, sizeof protected, "%s", instance_id(cloud, 0));
    cloud_ok(cloud, "autoscaling", "SetInstanceProtection",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], 'ProtectedFromScaleIn': true}",
             protected);
    set_desired(cloud, 2);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "AvailabilityZone", "us-east-1a"), 1);
    assert_int_equal(count_members(cloud, "AvailabilityZone", "us-east-1b"), 1);
    set_desired(cloud, 0);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(instance_id(cloud, 0), protected);
    const json_t *failed = newest_activity(cloud, "Terminating EC2 instance");
    assert_string_equal(doc_text(failed, "StatusMessage"),
                        "Could not scale to desired capacity because all remaining instances are "
                        "protected from scale-in.");
}

static void the_oldest_template_version_goes_first(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 2, 6, "");
    cloud_template_version(cloud);
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web', "
             "'Version': '$Latest'}, 'DesiredCapacity': 4}");
    cloud_run(cloud, MINUTE_MS);
    set_desired(cloud, 2);
    cloud_run(cloud, MINUTE_MS);
    for (size_t i = 0; i < 2; i++) {
        const json_t *member = json_array_get(json_object_get(group_of(cloud), "Instances"), i);
        assert_string_equal(doc_text(json_object_get(member, "LaunchTemplate"), "Version"), "2");
    }
}

static void a_launch_that_ec2_refuses_is_told_and_tried_later(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    cloud_ok(cloud, "ec2", "DeleteLaunchTemplate", "{'LaunchTemplateName': 'web'}");
    set_desired(cloud, 2);
    cloud_run(cloud, 5 * MINUTE_MS);
    const json_t *failed = newest_activity(cloud, "Launching a new EC2 instance.  Status Reason: ");
    assert_string_equal(doc_text(failed, "StatusCode"), "Failed");
    assert_ends(doc_text(failed, "StatusMessage"), "Launching EC2 instance failed.");
    size_t tries = store_count(cloud->store, "scaling-activity", cloud->region);
    assert_in_range(tries, 3, 6);
}

/* ---- health ---- */

static void a_lost_instance_is_replaced_by_two_activities(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 2, 2, 2, "");
    char lost[64];
    snprintf(lost, sizeof lost, "%s", instance_id(cloud, 0));
    cloud_kill(cloud, cloud_machine(cloud, lost));
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
    assert_int_equal(count_members(cloud, "InstanceId", lost), 0);
    assert_ends(doc_text(newest_activity(cloud, "Terminating EC2 instance: "), "Cause"),
                "an instance was taken out of service in response to an EC2 health check "
                "indicating it has been terminated or stopped.");
    assert_ends(doc_text(newest_activity(cloud, "Launching a new EC2 instance: "), "Cause"),
                "an instance was launched in response to an unhealthy instance needing to be "
                "replaced.");
}

static void failing_health_checks_count_only_after_the_grace_period(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256], sick[64];
    create_group(cloud, 2, 2, 2, ", 'HealthCheckType': 'ELB', 'HealthCheckGracePeriod': 300");
    attach_balancer(cloud, arn);
    snprintf(sick, sizeof sick, "%s", instance_id(cloud, 0));
    cloud_machine(cloud, sick)->sick = true;
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_int_equal(count_members(cloud, "InstanceId", sick), 1);
    assert_int_equal(count_members(cloud, "LifecycleState", "Terminating"), 0);
    cloud_run(cloud, 3 * MINUTE_MS);
    const json_t *leaving = newest_activity(cloud, "Terminating EC2 instance: ");
    assert_ends(doc_text(leaving, "Cause"),
                "an instance was taken out of service in response to an ELB system health check "
                "failure.");
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
}

static void an_instance_drains_before_it_is_terminated(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256], id[64];
    create_group(cloud, 0, 2, 2, "");
    attach_balancer(cloud, arn);
    assert_int_equal(count_targets(cloud, arn), 2);
    snprintf(id, sizeof id, "%s", instance_id(cloud, 0));
    cloud_ok(cloud, "autoscaling", "TerminateInstanceInAutoScalingGroup",
             "{'InstanceId': '%s', 'ShouldDecrementDesiredCapacity': true}", id);
    cloud_run(cloud, 4 * MINUTE_MS);
    const json_t *draining = newest_activity(cloud, "Terminating EC2 instance: ");
    assert_string_equal(doc_text(draining, "StatusCode"), "WaitingForELBConnectionDraining");
    assert_ends(doc_text(draining, "Description"), " - Waiting For ELB Connection Draining.");
    assert_true(cloud_machine(cloud, id)->running);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_string_equal(
        doc_text(newest_activity(cloud, "Terminating EC2 instance: "), "StatusCode"), "Successful");
    assert_null(cloud_machine(cloud, id));
    assert_int_equal(count_targets(cloud, arn), 1);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 1);
}

static void not_all_sick_instances_go_at_once(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256];
    create_group(cloud, 4, 4, 4, ", 'HealthCheckType': 'ELB', 'HealthCheckGracePeriod': 0");
    attach_balancer(cloud, arn);
    for (size_t i = 0; i < 4; i++)
        cloud_machine(cloud, instance_id(cloud, i))->sick = true;
    for (int i = 0; i < 120; i++) {
        cloud_run(cloud, SECOND_MS);
        assert_true(count_members(cloud, "LifecycleState", "InService") >= 3);
    }
}

/* ---- processes ---- */

static void suspended_processes_do_not_happen(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 2, 4, "");
    suspend(cloud, "Launch");
    suspend(cloud, "ReplaceUnhealthy");
    set_desired(cloud, 4);
    cloud_kill(cloud, cloud_machine(cloud, instance_id(cloud, 0)));
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(json_array_size(json_object_get(group_of(cloud), "Instances")), 2);
    assert_int_equal(count_members(cloud, "HealthStatus", "Unhealthy"), 1);
    resume(cloud, "Launch");
    resume(cloud, "ReplaceUnhealthy");
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 4);
    suspend(cloud, "Terminate");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 4);
}

static void instances_passed_over_stay_out_of_the_target_group(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256];
    create_group(cloud, 0, 1, 3, "");
    attach_balancer(cloud, arn);
    suspend(cloud, "AddToLoadBalancer");
    set_desired(cloud, 2);
    cloud_run(cloud, MINUTE_MS);
    resume(cloud, "AddToLoadBalancer");
    set_desired(cloud, 3);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_targets(cloud, arn), 2);
}

static void a_group_is_deleted_with_its_instances(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 2, 2, 2, "");
    assert_null(cloud_call(cloud, "autoscaling", "DeleteAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "ResourceInUse");
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    assert_string_equal(doc_text(group_of(cloud), "Status"), "Delete in progress");
    cloud_run(cloud, MINUTE_MS);
    assert_null(group_of(cloud));
    assert_int_equal(cloud->machines.count, 0);
}

/* ---- target tracking ---- */

/* A metric of the user's own, which the simulated host does not write too, for some minutes. */
static void measure(struct simulated_cloud *cloud, double percent, int minutes)
{
    struct series_key key = {cloud->region, "App", "Load", NULL, 0};
    for (int i = 0; i < minutes; i++) {
        struct series_point point = {0, 1, percent, percent, percent};
        struct err err;
        assert_int_equal(series_add(cloud->series, &key, "Percent", cloud->now_ms, &point, &err),
                         0);
        cloud_run(cloud, MINUTE_MS);
    }
}

static const char app_load[] =
    "'CustomizedMetricSpecification': {'Namespace': 'App', 'MetricName': 'Load', 'Statistic': "
    "'Average'}";
static const char average_cpu[] =
    "'PredefinedMetricSpecification': {'PredefinedMetricType': 'ASGAverageCPUUtilization'}";

static void track(struct simulated_cloud *cloud, const char *metric, const char *more)
{
    cloud_ok(cloud, "autoscaling", "PutScalingPolicy",
             "{'AutoScalingGroupName': 'g', 'PolicyName': 'p', 'PolicyType': "
             "'TargetTrackingScaling', 'EstimatedInstanceWarmup': 60, "
             "'TargetTrackingConfiguration': {'TargetValue': 50.0, %s %s}}",
             more, metric);
}

static void high_load_grows_the_group_in_proportion(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 2, 2, 10, "");
    track(cloud, app_load, "");
    measure(cloud, 90, 4);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 4);
    const char *cause = doc_text(newest_activity(cloud, "Launching a new EC2 instance: "), "Cause");
    assert_non_null(strstr(cause, "a monitor alarm TargetTracking-g-AlarmHigh-"));
    assert_non_null(strstr(cause, "in state ALARM triggered policy p changing the desired "
                                  "capacity from 2 to 4.  At "));
    measure(cloud, 45, 4);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 4);
}

static void a_policy_can_follow_metric_math(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 2, 2, 10, "");
    track(cloud,
          "'CustomizedMetricSpecification': {'Metrics': [{'Id': 'load', 'ReturnData': false, "
          "'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': 'Load'}, 'Stat': 'Sum'}}, "
          "{'Id': 'twice', 'Expression': 'load * 2'}]}",
          "");
    measure(cloud, 45, 4);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 4);
}

static void low_load_shrinks_the_group_one_by_one_to_its_minimum(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 4, 10, "");
    track(cloud, app_load, "");
    measure(cloud, 1, 14);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 4);
    measure(cloud, 1, 2);
    assert_in_range(doc_number(group_of(cloud), "DesiredCapacity"), 2, 3);
    measure(cloud, 1, 4);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 1);
}

static void scale_in_can_be_disabled(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 3, 10, "");
    track(cloud, app_load, "'DisableScaleIn': true,");
    measure(cloud, 1, 20);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 3);
}

static void a_jump_of_the_clock_lets_an_idle_group_shrink(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 3, 10, "");
    track(cloud, app_load, "");
    measure(cloud, 1, 4);
    cloud->now_ms += 13 * MINUTE_MS;
    measure(cloud, 1, 1);
    assert_in_range(doc_number(group_of(cloud), "DesiredCapacity"), 1, 2);
}

static void suspended_alarm_notification_changes_nothing(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 1, 10, "");
    track(cloud, app_load, "");
    suspend(cloud, "AlarmNotification");
    measure(cloud, 100, 5);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 1);
    resume(cloud, "AlarmNotification");
    measure(cloud, 100, 1);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 2);
}

/* The whole loop: a busy machine, its usage, the metric, the alarm, the policy, instances. */
static void an_endless_loop_in_one_instance_grows_the_group_until_it_ends(void **state)
{
    struct simulated_cloud *cloud = *state;
    char busy[64];
    create_group(cloud, 1, 1, 4, "");
    track(cloud, average_cpu, "");
    cloud_run(cloud, 2 * MINUTE_MS);
    snprintf(busy, sizeof busy, "%s", instance_id(cloud, 0));
    cloud_machine(cloud, busy)->busy = true;
    cloud_run(cloud, 8 * MINUTE_MS);
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 2);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
    cloud_machine(cloud, busy)->busy = false;
    cloud_run(cloud, 25 * MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(instances_are_spread_over_zones_and_told_as_activities),
        TEST(instances_know_their_group),
        TEST(scale_in_keeps_zones_even_and_spares_the_protected),
        TEST(the_oldest_template_version_goes_first),
        TEST(a_launch_that_ec2_refuses_is_told_and_tried_later),
        TEST(a_lost_instance_is_replaced_by_two_activities),
        TEST(failing_health_checks_count_only_after_the_grace_period),
        TEST(an_instance_drains_before_it_is_terminated),
        TEST(not_all_sick_instances_go_at_once),
        TEST(suspended_processes_do_not_happen),
        TEST(instances_passed_over_stay_out_of_the_target_group),
        TEST(a_group_is_deleted_with_its_instances),
        TEST(high_load_grows_the_group_in_proportion),
        TEST(a_policy_can_follow_metric_math),
        TEST(low_load_shrinks_the_group_one_by_one_to_its_minimum),
        TEST(scale_in_can_be_disabled),
        TEST(a_jump_of_the_clock_lets_an_idle_group_shrink),
        TEST(suspended_alarm_notification_changes_nothing),
        TEST(an_endless_loop_in_one_instance_grows_the_group_until_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
