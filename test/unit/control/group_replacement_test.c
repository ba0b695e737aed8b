/*
 * Members that are replaced though they run: at the end of their lifetime, as the maintenance
 * policy says, and to even out zones. Enough of them serve all the while.
 */
#include "group_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static void update(struct simulated_cloud *cloud, const char *members)
{
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup", "{'AutoScalingGroupName': 'g', %s}",
             members);
}

static int in_service(struct simulated_cloud *cloud)
{
    return count_members(cloud, "LifecycleState", "InService");
}

static int in_zone(struct simulated_cloud *cloud, const char *zone)
{
    int count = 0;
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        count +=
            doc_is(row, "AvailabilityZone", zone) && doc_is(row, "LifecycleState", "InService");
    return count;
}

static int count_activities(struct simulated_cloud *cloud, const char *description)
{
    int count = 0;
    store_each (cursor, cloud->store, "scaling-activity", cloud->region)
        count += !strncmp(doc_text(cursor.doc, "Description"), description, strlen(description));
    return count;
}

/* Lets time pass; the fewest and the most that were in service meanwhile. */
static void watch(struct simulated_cloud *cloud, int64_t duration_ms, int *ret_fewest,
                  int *ret_most)
{
    *ret_fewest = 1000;
    *ret_most = 0;
    enum { STEP_MS = 100 };
    for (int64_t passed_ms = 0; passed_ms < duration_ms; passed_ms += STEP_MS) {
        int now = in_service(cloud);
        *ret_fewest = now < *ret_fewest ? now : *ret_fewest;
        *ret_most = now > *ret_most ? now : *ret_most;
        cloud_run(cloud, STEP_MS);
    }
}

static void assert_says(const json_t *activity, const char *text)
{
    if (!strstr(doc_text(activity, "Cause"), text))
        fail_msg("'%s' does not say '%s'", doc_text(activity, "Cause"), text);
}

static void mark_unhealthy(struct simulated_cloud *cloud, const char *id)
{
    cloud_ok(cloud, "autoscaling", "SetInstanceHealth",
             "{'InstanceId': '%s', 'HealthStatus': 'Unhealthy', 'ShouldRespectGracePeriod': false}",
             id);
}

/* ---- lifetime ---- */

static void a_tenth_of_what_is_too_old_is_replaced_at_a_time(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    char oldest[64];
    create_group(cloud, 0, 20, 20, ", 'MaxInstanceLifetime': 86400, 'DefaultInstanceWarmup': 30");
    snprintf(oldest, sizeof oldest, "%s", instance_id(cloud, 0));
    cloud_run(cloud, DAY_MS - MINUTE_MS);
    assert_int_equal(count_activities(cloud, "Terminating"), 0);
    watch(cloud, 30 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 18);
    assert_int_equal(most, 20);
    assert_int_equal(count_activities(cloud, "Terminating"), 20);
    assert_int_equal(count_members(cloud, "InstanceId", oldest), 0);
    assert_int_equal(in_service(cloud), 20);
    assert_says(newest_activity(cloud, "Terminating"),
                "an instance was taken out of service in response to its maximum lifetime being "
                "reached.");
    assert_says(newest_activity(cloud, "Launching"),
                "an instance was launched in response to an instance that reached its maximum "
                "lifetime.");
}

static void a_small_group_is_replaced_one_by_one_but_for_the_protected(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    char protected[64];
    create_group(cloud, 0, 3, 3, "");
    snprintf(protected, sizeof protected, "%s", instance_id(cloud, 1));
    cloud_ok(cloud, "autoscaling", "SetInstanceProtection",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], 'ProtectedFromScaleIn': true}",
             protected);
    cloud_run(cloud, 2 * DAY_MS);
    assert_int_equal(count_activities(cloud, "Terminating"), 0);
    update(cloud, "'MaxInstanceLifetime': 86400");
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 2);
    assert_int_equal(count_activities(cloud, "Terminating"), 2);
    assert_int_equal(count_members(cloud, "InstanceId", protected), 1);
    update(cloud, "'MaxInstanceLifetime': 0");
    cloud_run(cloud, 2 * DAY_MS);
    assert_int_equal(count_activities(cloud, "Terminating"), 2);
}

static void with_a_policy_what_is_too_old_goes_when_its_successor_is_there(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 4, 4,
                 ", 'MaxInstanceLifetime': 86400, 'DefaultInstanceWarmup': 10, "
                 "'InstanceMaintenancePolicy': "
                 "{'MinHealthyPercentage': 100, 'MaxHealthyPercentage': 150}");
    cloud_run(cloud, DAY_MS - MINUTE_MS);
    watch(cloud, 10 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 4);
    assert_int_equal(most, 6);
    assert_int_equal(count_activities(cloud, "Terminating"), 4);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 2);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 2);
}

static void a_group_that_is_deleted_meanwhile_keeps_none(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4,
                 ", 'MaxInstanceLifetime': 86400, 'DefaultInstanceWarmup': 60, "
                 "'InstanceMaintenancePolicy': "
                 "{'MinHealthyPercentage': 100, 'MaxHealthyPercentage': 150}");
    cloud_run(cloud, DAY_MS - 10 * SECOND_MS);
    assert_int_equal(in_service(cloud), 6);
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    cloud_run(cloud, MINUTE_MS);
    assert_null(group_of(cloud));
}

/* ---- health ---- */

static void with_a_policy_an_unhealthy_instance_serves_until_its_successor_does(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    char sick[64];
    create_group(cloud, 0, 2, 2,
                 ", 'DefaultInstanceWarmup': 60, 'InstanceMaintenancePolicy': "
                 "{'MinHealthyPercentage': 100, 'MaxHealthyPercentage': 110}");
    cloud_run(cloud, 2 * MINUTE_MS);
    snprintf(sick, sizeof sick, "%s", instance_id(cloud, 0));
    mark_unhealthy(cloud, sick);
    cloud_run(cloud, 30 * SECOND_MS);
    assert_int_equal(count_members(cloud, "InstanceId", sick), 1);
    assert_int_equal(in_service(cloud), 3);
    watch(cloud, 2 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 2);
    assert_int_equal(most, 3);
    assert_int_equal(count_members(cloud, "InstanceId", sick), 0);
    assert_says(newest_activity(cloud, "Launching"),
                "an instance was launched in response to an unhealthy instance needing to be "
                "replaced.");
    assert_says(newest_activity(cloud, "Terminating"),
                "an instance was taken out of service in response to a user health-check.");
}

static void a_policy_may_let_half_of_them_go_at_once(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 4, 4,
                 ", 'InstanceMaintenancePolicy': {'MinHealthyPercentage': 50, "
                 "'MaxHealthyPercentage': 100}");
    for (size_t i = 0; i < 4; i++)
        mark_unhealthy(cloud, instance_id(cloud, i));
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 2);
    assert_int_equal(most, 4);
    assert_int_equal(count_activities(cloud, "Terminating"), 4);
}

static void what_no_longer_runs_waits_for_no_policy(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4,
                 ", 'InstanceMaintenancePolicy': {'MinHealthyPercentage': 100, "
                 "'MaxHealthyPercentage': 110}");
    for (size_t i = 0; i < 3; i++)
        cloud_kill(cloud, cloud_machine(cloud, instance_id(cloud, i)));
    cloud_run(cloud, 30 * SECOND_MS);
    assert_int_equal(in_service(cloud), 4);
    assert_int_equal(count_activities(cloud, "Terminating"), 3);
}

static void a_refresh_keeps_to_the_policy_unless_it_is_told_otherwise(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 4, 4,
                 ", 'DefaultInstanceWarmup': 10, 'InstanceMaintenancePolicy': "
                 "{'MinHealthyPercentage': 100, 'MaxHealthyPercentage': 125}");
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh", "{'AutoScalingGroupName': 'g'}");
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 4);
    assert_int_equal(most, 5);
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh",
             "{'AutoScalingGroupName': 'g', 'Preferences': {'MinHealthyPercentage': 75, "
             "'MaxHealthyPercentage': 100}}");
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 3);
    assert_int_equal(most, 4);
}

/* ---- zones ---- */

static void a_new_zone_gets_its_share_before_others_lose_theirs(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 5, 5, ", 'DefaultInstanceWarmup': 10");
    update(cloud, "'AvailabilityZones': ['us-east-1a', 'us-east-1b', 'us-east-1c']");
    watch(cloud, MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 5);
    assert_int_equal(most, 6);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 2);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 2);
    assert_int_equal(in_zone(cloud, "us-east-1c"), 1);
    assert_string_equal(
        doc_text(newest_activity(cloud, "Launching"), "Cause"),
        "At 2026-01-02T03:04:35Z instances were launched to balance instances in zones us-east-1c "
        "with other zones resulting in more than desired number of instances in the group.  At "
        "2026-01-02T03:04:35Z availability zones us-east-1a us-east-1b us-east-1c had 3 2 0 "
        "instances respectively. An instance was launched to aid in balancing the group's zones.");
    const json_t *gone = newest_activity(cloud, "Terminating");
    assert_says(gone, "At 2026-01-02T03:04:35Z instances were launched to balance instances in "
                      "zones us-east-1c with other zones resulting in more than desired number of "
                      "instances in the group.  At ");
    assert_says(gone, " an instance was taken out of service in response to a difference between "
                      "desired and actual capacity, shrinking the capacity from 6 to 5.  At ");
    assert_says(gone, " was selected for termination.");
}

static void a_zone_that_is_left_loses_all(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 4, 4, ", 'DefaultInstanceWarmup': 10");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    watch(cloud, 2 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 4);
    assert_int_equal(most, 5);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 4);
    assert_int_equal(count_activities(cloud, "Terminating"), 2);
}

static void a_tenth_of_the_maximum_may_be_there_in_excess(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 20, 30, ", 'DefaultInstanceWarmup': 10");
    update(cloud, "'AvailabilityZones': ['us-east-1a']");
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 20);
    assert_int_equal(most, 23);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 20);
}

static void what_a_user_takes_out_of_a_zone_is_evened_out(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, "");
    for (int taken = 0; taken < 2; taken++) {
        size_t i = 0;
        const json_t *members = json_object_get(group_of(cloud), "Instances");
        while (!doc_is(json_array_get(members, i), "AvailabilityZone", "us-east-1b") ||
               !doc_is(json_array_get(members, i), "LifecycleState", "InService"))
            i++;
        cloud_ok(cloud, "autoscaling", "TerminateInstanceInAutoScalingGroup",
                 "{'InstanceId': '%s', 'ShouldDecrementDesiredCapacity': true}",
                 instance_id(cloud, i));
    }
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 1);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 1);
}

static void nothing_moves_while_the_process_or_launches_are_suspended(void **state)
{
    static const char *const processes[] = {"AZRebalance", "Launch"};
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, "");
    for (size_t i = 0; i < 2; i++) {
        cloud_ok(cloud, "autoscaling", "SuspendProcesses",
                 "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['%s']}", processes[i]);
        update(cloud, "'AvailabilityZones': ['us-east-1b']");
        cloud_run(cloud, HOUR_MS);
        assert_int_equal(in_zone(cloud, "us-east-1a"), 2);
        assert_int_equal(json_array_size(json_object_get(group_of(cloud), "Instances")), 4);
        update(cloud, "'AvailabilityZones': ['us-east-1a', 'us-east-1b']");
        cloud_ok(cloud, "autoscaling", "ResumeProcesses", "{'AutoScalingGroupName': 'g'}");
        cloud_run(cloud, HOUR_MS);
    }
    assert_int_equal(count_activities(cloud, "Terminating"), 0);
}

static void where_nothing_may_be_terminated_the_group_grows_once(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, "");
    cloud_ok(cloud, "autoscaling", "SuspendProcesses",
             "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['Terminate']}");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(in_service(cloud), 5);
    cloud_ok(cloud, "autoscaling", "ResumeProcesses", "{'AutoScalingGroupName': 'g'}");
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 4);
    assert_int_equal(in_service(cloud), 4);
}

static void what_is_protected_is_not_moved(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, ", 'NewInstancesProtectedFromScaleIn': true");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(count_activities(cloud, "Launching"), 4);
}

static void a_policy_without_room_has_zones_lose_first(void **state)
{
    struct simulated_cloud *cloud = *state;
    int fewest, most;
    create_group(cloud, 0, 4, 4,
                 ", 'InstanceMaintenancePolicy': {'MinHealthyPercentage': 90, "
                 "'MaxHealthyPercentage': 100}");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(fewest, 3);
    assert_int_equal(most, 4);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 4);
}

static int surplus_of(struct simulated_cloud *cloud)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region)
        return (int)doc_number(cursor.doc, "_surplus");
    return 0;
}

static void a_policy_that_allows_less_meanwhile_ends_the_round(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 10, 20,
                 ", 'InstanceMaintenancePolicy': {'MinHealthyPercentage': 100, "
                 "'MaxHealthyPercentage': 130}");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    for (int64_t passed_ms = 0; !surplus_of(cloud) && passed_ms < MINUTE_MS; passed_ms += 100)
        cloud_run(cloud, 100);
    assert_int_equal(surplus_of(cloud), 3);
    update(cloud, "'InstanceMaintenancePolicy': {'MinHealthyPercentage': 100, "
                  "'MaxHealthyPercentage': 110}");
    cloud_run(cloud, 100);
    assert_in_range(surplus_of(cloud), 0, 1);
    cloud_run(cloud, 30 * MINUTE_MS);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 10);
}

static void a_refresh_comes_before_zones(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 4, "");
    update(cloud, "'AvailabilityZones': ['us-east-1b']");
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh",
             "{'AutoScalingGroupName': 'g', 'Preferences': {'InstanceWarmup': 0}}");
    int fewest, most;
    watch(cloud, 5 * MINUTE_MS, &fewest, &most);
    assert_int_equal(most, 4);
    assert_int_equal(in_zone(cloud, "us-east-1b"), 4);
    assert_int_equal(count_activities(cloud, "Terminating"), 4);
}

/* The default subnet of a zone is gone: no launch there succeeds. */
static void break_zone(struct simulated_cloud *cloud, const char *zone)
{
    char id[64] = "";
    store_each (cursor, cloud->store, "subnet", cloud->region)
        if (doc_is(cursor.doc, "AvailabilityZone", zone))
            snprintf(id, sizeof id, "%s", cursor.id);
    cloud_ok(cloud, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", id);
}

static void a_zone_that_fails_is_tried_again_and_another_is_taken_if_it_may(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    break_zone(cloud, "us-east-1b");
    set_desired(cloud, 3);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 3);
    int failed = count_activities(cloud, "Launching a new EC2 instance.  Status Reason");
    cloud_run(cloud, HOUR_MS); /* zones are uneven: it is tried each quarter of an hour */
    failed = count_activities(cloud, "Launching a new EC2 instance.  Status Reason") - failed;
    assert_in_range(failed, 3, 5);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 3);
    set_desired(cloud, 4);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 4);
}

static void a_distribution_may_insist_on_balance(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4,
                 ", 'AvailabilityZoneDistribution': {'CapacityDistributionStrategy': "
                 "'balanced-only'}");
    break_zone(cloud, "us-east-1b");
    set_desired(cloud, 3);
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 1);
    assert_true(count_activities(cloud, "Launching a new EC2 instance.  Status Reason") > 3);
    update(cloud, "'AvailabilityZoneDistribution': {'CapacityDistributionStrategy': "
                  "'balanced-best-effort'}");
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(in_zone(cloud, "us-east-1a"), 3);
}

/* ---- time ---- */

/* A user advances the clock while a refresh pauses: what fell due meanwhile comes, each once. */
static void when_the_clock_jumps_all_that_fell_due_comes(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 4, 6, ", 'MaxInstanceLifetime': 86400");
    cloud_ok(cloud, "autoscaling", "PutScheduledUpdateGroupAction",
             "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'noon', 'StartTime': "
             "1767355200, 'DesiredCapacity': 5}");
    json_auto_t *refresh = cloud_call(
        cloud, "autoscaling", "StartInstanceRefresh",
        "{'AutoScalingGroupName': 'g', 'Preferences': {'InstanceWarmup': 0, "
        "'MinHealthyPercentage': 50, 'CheckpointPercentages': [50, 100], 'CheckpointDelay': "
        "7200}}");
    const char *id = doc_text(refresh, "InstanceRefreshId");
    cloud_run(cloud, HOUR_MS);
    int refreshed = count_activities(cloud, "Terminating");
    assert_in_range(refreshed, 2, 3);
    cloud->now_ms += DAY_MS;
    int64_t jump_ms = cloud->now_ms;
    cloud_run(cloud, 30 * MINUTE_MS);
    assert_string_equal(
        doc_text(store_get(cloud->store, "instance-refresh", cloud->region, id), "Status"),
        "Successful");
    assert_int_equal(in_service(cloud), 5);
    assert_int_equal(count_activities(cloud, "Executing scheduled action noon"), 1);
    assert_int_equal(count_activities(cloud, "Terminating"), 4 + refreshed); /* worn by now */
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        assert_true(doc_number(row, "_launched_ms") >= jump_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tenth_of_what_is_too_old_is_replaced_at_a_time),
        TEST(a_small_group_is_replaced_one_by_one_but_for_the_protected),
        TEST(with_a_policy_what_is_too_old_goes_when_its_successor_is_there),
        TEST(a_group_that_is_deleted_meanwhile_keeps_none),
        TEST(with_a_policy_an_unhealthy_instance_serves_until_its_successor_does),
        TEST(a_policy_may_let_half_of_them_go_at_once),
        TEST(what_no_longer_runs_waits_for_no_policy),
        TEST(a_refresh_keeps_to_the_policy_unless_it_is_told_otherwise),
        TEST(a_new_zone_gets_its_share_before_others_lose_theirs),
        TEST(a_zone_that_is_left_loses_all),
        TEST(a_tenth_of_the_maximum_may_be_there_in_excess),
        TEST(what_a_user_takes_out_of_a_zone_is_evened_out),
        TEST(nothing_moves_while_the_process_or_launches_are_suspended),
        TEST(where_nothing_may_be_terminated_the_group_grows_once),
        TEST(what_is_protected_is_not_moved),
        TEST(a_policy_without_room_has_zones_lose_first),
        TEST(a_policy_that_allows_less_meanwhile_ends_the_round),
        TEST(a_refresh_comes_before_zones),
        TEST(a_zone_that_fails_is_tried_again_and_another_is_taken_if_it_may),
        TEST(a_distribution_may_insist_on_balance),
        TEST(when_the_clock_jumps_all_that_fell_due_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
