/* Instance refreshes: every instance is replaced, and enough of them serve all the while. */
#include "group_stage.h"
#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A group of version 1, and a version 2 to go to. */
static void prepare(struct simulated_cloud *cloud, int size, int max)
{
    create_group(cloud, 1, size, max, ", 'DefaultInstanceWarmup': 30");
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web', "
             "'Version': '1'}}");
    cloud_template_version(cloud);
    cloud_run(cloud, MINUTE_MS);
}

static void start(struct simulated_cloud *cloud, const char *preferences)
{
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh",
             "{'AutoScalingGroupName': 'g', 'DesiredConfiguration': {'LaunchTemplate': "
             "{'LaunchTemplateName': 'web', 'Version': '2'}}, 'Preferences': {%s}}",
             preferences);
}

static const json_t *refresh(struct simulated_cloud *cloud)
{
    const json_t *newest = NULL;
    store_each (cursor, cloud->store, "instance-refresh", cloud->region)
        newest = cursor.doc;
    return newest;
}

static bool has_status(struct simulated_cloud *cloud, const char *status)
{
    return doc_is(refresh(cloud), "Status", status);
}

static int count_version(struct simulated_cloud *cloud, const char *version)
{
    int count = 0;
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        count += doc_is(json_object_get(row, "LaunchTemplate"), "Version", version) &&
                 doc_is(row, "LifecycleState", "InService");
    return count;
}

/* Lets time pass until it is over; the fewest and the most that were in service meanwhile. */
static void watch(struct simulated_cloud *cloud, int *ret_fewest, int *ret_most)
{
    *ret_fewest = 1000;
    *ret_most = 0;
    for (int i = 0; i < 4000 && !json_object_get(refresh(cloud), "EndTime"); i++) {
        int in_service = count_members(cloud, "LifecycleState", "InService");
        *ret_fewest = in_service < *ret_fewest ? in_service : *ret_fewest;
        *ret_most = in_service > *ret_most ? in_service : *ret_most;
        cloud_run(cloud, 5 * SECOND_MS);
    }
}

static void a_tenth_is_replaced_at_a_time(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 10, 10);
    start(cloud, "");
    watch(cloud, &fewest, &most);
    assert_string_equal(doc_text(refresh(cloud), "Status"), "Successful");
    assert_int_equal(fewest, 9);
    assert_int_equal(most, 10);
    assert_int_equal(count_version(cloud, "2"), 10);
    assert_int_equal(doc_number(refresh(cloud), "PercentageComplete"), 100);
    assert_string_equal(doc_text(json_object_get(group_of(cloud), "LaunchTemplate"), "Version"),
                        "2");
    assert_non_null(strstr(doc_text(newest_activity(cloud, "Launching"), "Cause"),
                           "an instance was launched in response to an instance refresh."));
    assert_non_null(strstr(doc_text(newest_activity(cloud, "Terminating"), "Cause"),
                           "an instance was taken out of service in response to an instance "
                           "refresh."));
}

static void new_ones_come_before_old_ones_go_when_more_are_allowed(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 4, 4);
    start(cloud, "'MinHealthyPercentage': 100, 'MaxHealthyPercentage': 150");
    watch(cloud, &fewest, &most);
    assert_string_equal(doc_text(refresh(cloud), "Status"), "Successful");
    assert_int_equal(fewest, 4);
    assert_int_equal(most, 6);
    assert_int_equal(count_version(cloud, "2"), 4);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 4);
}

static void a_single_instance_is_replaced_too(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 1, 1);
    start(cloud, "");
    watch(cloud, &fewest, &most);
    assert_string_equal(doc_text(refresh(cloud), "Status"), "Successful");
    assert_int_equal(count_version(cloud, "2"), 1);
}

static void what_matches_can_be_skipped(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    prepare(cloud, 2, 2);
    snprintf(id, sizeof id, "%s", instance_id(cloud, 0));
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh",
             "{'AutoScalingGroupName': 'g', 'Preferences': {'SkipMatching': true}}");
    cloud_run(cloud, SECOND_MS);
    assert_true(has_status(cloud, "Successful"));
    assert_string_equal(instance_id(cloud, 0), id);
}

/* Runs until half of the group is of version 2. */
static void run_half(struct simulated_cloud *cloud)
{
    for (int i = 0; i < 1000 && count_version(cloud, "2") < 2; i++)
        cloud_run(cloud, 5 * SECOND_MS);
    assert_int_equal(count_version(cloud, "2"), 2);
}

static void cancelled_it_leaves_what_it_has_done(void **state)
{
    struct simulated_cloud *cloud = *state;
    prepare(cloud, 4, 4);
    start(cloud, "");
    run_half(cloud);
    cloud_ok(cloud, "autoscaling", "CancelInstanceRefresh", "{'AutoScalingGroupName': 'g'}");
    cloud_run(cloud, 10 * MINUTE_MS);
    assert_true(has_status(cloud, "Cancelled"));
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 4);
    assert_in_range(count_version(cloud, "1"), 1, 2);
    assert_string_equal(doc_text(json_object_get(group_of(cloud), "LaunchTemplate"), "Version"),
                        "1");
    assert_null(
        cloud_call(cloud, "autoscaling", "CancelInstanceRefresh", "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "ActiveInstanceRefreshNotFound");
}

static void rolled_back_it_replaces_what_is_new(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 4, 4);
    start(cloud, "");
    run_half(cloud);
    cloud_ok(cloud, "autoscaling", "RollbackInstanceRefresh", "{'AutoScalingGroupName': 'g'}");
    int64_t new = doc_number(refresh(cloud), "InstancesToUpdate");
    assert_in_range(new, 2, 3); /* and not those that are as they were */
    watch(cloud, &fewest, &most);
    assert_true(has_status(cloud, "RollbackSuccessful"));
    assert_int_equal(count_version(cloud, "1"), 4);
    assert_non_null(json_object_get(refresh(cloud), "RollbackDetails"));
}

/* Whatever is launched as version 2 fails its health checks. */
static void spoil_version_2(struct simulated_cloud *cloud)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row) {
        struct machine *machine = cloud_machine(cloud, doc_text(row, "InstanceId"));
        if (machine && doc_is(json_object_get(row, "LaunchTemplate"), "Version", "2"))
            machine->sick = true;
    }
}

static void a_bad_version_gets_no_further_and_is_rolled_back(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256];
    create_group(cloud, 1, 4, 4, ", 'DefaultInstanceWarmup': 30, 'HealthCheckType': 'ELB'");
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web', "
             "'Version': '1'}}");
    attach_balancer(cloud, arn);
    cloud_template_version(cloud);
    cloud_run(cloud, 5 * MINUTE_MS);
    start(cloud, "'AutoRollback': true");
    int fewest = 4;
    for (int i = 0; i < 1200 && !json_object_get(refresh(cloud), "EndTime"); i++) {
        spoil_version_2(cloud);
        cloud_run(cloud, 5 * SECOND_MS);
        int old = count_version(cloud, "1");
        if (has_status(cloud, "InProgress"))
            fewest = old < fewest ? old : fewest;
    }
    assert_int_equal(fewest, 3);
    assert_true(has_status(cloud, "RollbackSuccessful"));
    assert_int_equal(count_version(cloud, "1"), 4);
}

static void it_pauses_at_checkpoints_and_bakes_at_the_end(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 4, 4);
    start(cloud, "'CheckpointPercentages': [50, 100], 'CheckpointDelay': 3000, 'BakeTime': 600");
    run_half(cloud);
    cloud_run(cloud, 20 * MINUTE_MS);
    assert_int_equal(count_version(cloud, "2"), 2);
    assert_int_equal(doc_number(refresh(cloud), "PercentageComplete"), 50);
    for (int i = 0; i < 1000 && !has_status(cloud, "Baking"); i++)
        cloud_run(cloud, 5 * SECOND_MS);
    assert_int_equal(count_version(cloud, "2"), 4);
    cloud_run(cloud, 9 * MINUTE_MS);
    assert_true(has_status(cloud, "Baking"));
    watch(cloud, &fewest, &most);
    assert_true(has_status(cloud, "Successful"));
}

static void an_alarm_stops_it(void **state)
{
    struct simulated_cloud *cloud = *state;
    prepare(cloud, 4, 4);
    cloud_ok(cloud, "cloudwatch", "PutMetricAlarm",
             "{'AlarmName': 'errors', 'Namespace': 'App', 'MetricName': 'Errors', 'Statistic': "
             "'Sum', 'Period': 60, 'EvaluationPeriods': 1, 'Threshold': 1.0, "
             "'ComparisonOperator': 'GreaterThanThreshold', 'TreatMissingData': 'ignore'}");
    start(cloud, "'AlarmSpecification': {'Alarms': ['errors']}");
    run_half(cloud);
    cloud_ok(cloud, "cloudwatch", "SetAlarmState",
             "{'AlarmName': 'errors', 'StateValue': 'ALARM', 'StateReason': 'test'}");
    cloud_run(cloud, MINUTE_MS);
    assert_true(has_status(cloud, "Failed"));
    assert_non_null(strstr(doc_text(refresh(cloud), "StatusReason"), "errors"));
}

static void what_is_protected_or_stands_by_is_waited_for_or_left_alone(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    prepare(cloud, 3, 4);
    cloud_ok(cloud, "autoscaling", "SetInstanceProtection",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], 'ProtectedFromScaleIn': true}",
             instance_id(cloud, 0));
    cloud_ok(cloud, "autoscaling", "EnterStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
             "'ShouldDecrementDesiredCapacity': true}",
             instance_id(cloud, 1));
    cloud_run(cloud, MINUTE_MS);
    start(cloud, "'ScaleInProtectedInstances': 'Ignore', 'StandbyInstances': 'Ignore'");
    watch(cloud, &fewest, &most);
    assert_true(has_status(cloud, "Successful"));
    assert_int_equal(count_version(cloud, "1"), 1);
    assert_int_equal(count_members(cloud, "LifecycleState", "Standby"), 1);
    start(cloud, "");
    watch(cloud, &fewest, &most);
    assert_true(has_status(cloud, "Failed"));
    assert_non_null(strstr(doc_text(refresh(cloud), "StatusReason"), "within an hour"));
}

static void refreshes_that_make_no_sense_are_refused(void **state)
{
    struct simulated_cloud *cloud = *state;
    static const struct {
        const char *code, *more;
    } rows[] = {
        {"UnsupportedOperation", ", 'Strategy': 'ReplaceRootVolume'"},
        {"ValidationError",
         ", 'Preferences': {'MinHealthyPercentage': 0, 'MaxHealthyPercentage': 150}"},
        {"ValidationError", ", 'Preferences': {'CheckpointPercentages': [50, 20]}"},
        {"ValidationError", ", 'Preferences': {'AutoRollback': true}"},
        {"ValidationError", ", 'Preferences': {'AlarmSpecification': {'Alarms': ['nobody']}}"},
        {"ValidationError", ", 'DesiredConfiguration': {'LaunchTemplate': {'LaunchTemplateName': "
                            "'nobody'}}"},
    };
    prepare(cloud, 1, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(cloud_call(cloud, "autoscaling", "StartInstanceRefresh",
                               "{'AutoScalingGroupName': 'g'%s}", rows[i].more));
        if (strcmp(cloud->err.code, rows[i].code))
            fail_msg("%s: %s", rows[i].more, cloud->err.text);
    }
    start(cloud, "");
    assert_null(
        cloud_call(cloud, "autoscaling", "StartInstanceRefresh", "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "InstanceRefreshInProgress");
    cloud_run(cloud, SECOND_MS);
    assert_null(cloud_call(cloud, "autoscaling", "UpdateAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': "
                           "'web', 'Version': '1'}}"));
    assert_string_equal(cloud->err.code, "ValidationError");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tenth_is_replaced_at_a_time),
        TEST(new_ones_come_before_old_ones_go_when_more_are_allowed),
        TEST(a_single_instance_is_replaced_too),
        TEST(what_matches_can_be_skipped),
        TEST(cancelled_it_leaves_what_it_has_done),
        TEST(rolled_back_it_replaces_what_is_new),
        TEST(a_bad_version_gets_no_further_and_is_rolled_back),
        TEST(it_pauses_at_checkpoints_and_bakes_at_the_end),
        TEST(an_alarm_stops_it),
        TEST(what_is_protected_or_stands_by_is_waited_for_or_left_alone),
        TEST(refreshes_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
