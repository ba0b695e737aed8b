/* Lifecycle hooks hold instances; standby, detachment and attachment move them aside and back. */
#include "group_stage.h"
#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void put_hook(struct simulated_cloud *cloud, const char *name, const char *transition,
                     const char *more)
{
    cloud_ok(cloud, "autoscaling", "PutLifecycleHook",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': '%s', 'LifecycleTransition': "
             "'autoscaling:EC2_INSTANCE_%s'%s}",
             name, transition, more);
}

static void complete(struct simulated_cloud *cloud, const char *hook, const char *instance,
                     const char *result)
{
    cloud_ok(cloud, "autoscaling", "CompleteLifecycleAction",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': '%s', 'InstanceId': '%s', "
             "'LifecycleActionResult': '%s'}",
             hook, instance, result);
    cloud_run(cloud, SECOND_MS);
}

/* The lifecycle state of an instance; "" when the group does not have it. */
static const char *state_of(struct simulated_cloud *cloud, const char *instance)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        if (doc_is(row, "InstanceId", instance))
            return doc_text(row, "LifecycleState");
    return "";
}

/* The id of the first instance, which outlives the group's document. */
static void first_id(struct simulated_cloud *cloud, char id[32])
{
    snprintf(id, 32, "%s", instance_id(cloud, 0));
}

/* ---- hooks ---- */

static void a_launch_waits_until_all_its_actions_are_completed(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4,
                 ", 'LifecycleHookSpecificationList': [{'LifecycleHookName': 'a', "
                 "'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING'}]");
    put_hook(cloud, "b", "LAUNCHING", "");
    char id[32];
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    first_id(cloud, id);
    assert_string_equal(state_of(cloud, id), "Pending:Wait");
    assert_string_equal(doc_text(newest_activity(cloud, "Launching"), "StatusCode"),
                        "MidLifecycleAction");
    complete(cloud, "a", id, "CONTINUE");
    assert_string_equal(state_of(cloud, id), "Pending:Wait");
    complete(cloud, "b", id, "CONTINUE");
    assert_string_equal(state_of(cloud, id), "InService");
    assert_string_equal(doc_text(newest_activity(cloud, "Launching"), "StatusCode"), "Successful");
    assert_null(cloud_call(cloud, "autoscaling", "CompleteLifecycleAction",
                           "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'a', 'InstanceId': "
                           "'%s', 'LifecycleActionResult': 'CONTINUE'}",
                           id));
    assert_string_equal(cloud->err.code, "ValidationError");
}

static void an_abandoned_launch_is_replaced(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put_hook(cloud, "a", "LAUNCHING", "");
    char id[32];
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    first_id(cloud, id);
    complete(cloud, "a", id, "ABANDON");
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "");
    assert_int_equal(count_members(cloud, "LifecycleState", "Pending:Wait"), 1);
    const char *message = NULL;
    store_each (cursor, cloud->store, "scaling-activity", cloud->region)
        if (doc_is(cursor.doc, "StatusCode", "Failed"))
            message = doc_text(cursor.doc, "StatusMessage");
    assert_non_null(message);
    assert_non_null(
        strstr(message, "was abandoned: Lifecycle Action Completed with ABANDON Result"));
}

static void time_gives_the_default_result_and_heartbeats_give_time(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put_hook(cloud, "a", "LAUNCHING", ", 'HeartbeatTimeout': 60, 'DefaultResult': 'CONTINUE'");
    char id[32];
    set_desired(cloud, 1);
    cloud_run(cloud, 40 * SECOND_MS);
    first_id(cloud, id);
    cloud_ok(cloud, "autoscaling", "RecordLifecycleActionHeartbeat",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'a', 'InstanceId': '%s'}", id);
    cloud_run(cloud, 50 * SECOND_MS);
    assert_string_equal(state_of(cloud, id), "Pending:Wait");
    cloud_run(cloud, 15 * SECOND_MS);
    assert_string_equal(state_of(cloud, id), "InService");
}

static void a_termination_waits_after_draining_and_ends_with_either_result(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256], id[32];
    create_group(cloud, 0, 1, 4, "");
    attach_balancer(cloud, arn);
    put_hook(cloud, "bye", "TERMINATING", "");
    first_id(cloud, id);
    set_desired(cloud, 0);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "Terminating");
    cloud_run(cloud, 5 * MINUTE_MS);
    assert_int_equal(count_targets(cloud, arn), 0);
    assert_string_equal(state_of(cloud, id), "Terminating:Wait");
    complete(cloud, "bye", id, "ABANDON");
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "");
}

static void a_deleted_hook_holds_nobody(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put_hook(cloud, "a", "LAUNCHING", ", 'DefaultResult': 'CONTINUE'");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    cloud_ok(cloud, "autoscaling", "DeleteLifecycleHook",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'a'}");
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 1);
}

static void a_group_that_is_deleted_by_force_waits_for_no_hook(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 4, "");
    put_hook(cloud, "bye", "TERMINATING", "");
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    cloud_run(cloud, MINUTE_MS);
    assert_null(group_of(cloud));
    assert_null(store_first(cloud->store, "lifecycle-hook", cloud->region).doc);
}

static void hooks_that_make_no_sense_are_refused(void **state)
{
    struct simulated_cloud *cloud = *state;
    static const char *const rows[] = {
        "",
        ", 'LifecycleTransition': 'sometimes'",
        ", 'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING', 'HeartbeatTimeout': 29",
        ", 'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING', 'DefaultResult': 'MAYBE'",
    };
    create_group(cloud, 0, 0, 4, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(cloud_call(cloud, "autoscaling", "PutLifecycleHook",
                               "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'a'%s}",
                               rows[i]));
        assert_string_equal(cloud->err.code, "ValidationError");
    }
}

/* ---- aside ---- */

static void standby_takes_an_instance_out_of_service_and_back(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256], id[32];
    create_group(cloud, 1, 2, 4, "");
    attach_balancer(cloud, arn);
    first_id(cloud, id);
    cloud_ok(cloud, "autoscaling", "EnterStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
             "'ShouldDecrementDesiredCapacity': true}",
             id);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "EnteringStandby");
    cloud_run(cloud, 5 * MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "Standby");
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 1);
    assert_int_equal(count_targets(cloud, arn), 1);
    assert_non_null(strstr(doc_text(newest_activity(cloud, "Moving"), "Cause"),
                           "was moved to standby in response to a user request, shrinking the "
                           "capacity from 2 to 1."));
    cloud_ok(cloud, "autoscaling", "ExitStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s']}", id);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "InService");
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 2);
    assert_int_equal(count_targets(cloud, arn), 2);
}

static void what_stands_by_is_replaced_unless_the_capacity_is_decremented(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 1, 1, 4, "");
    first_id(cloud, id);
    assert_null(cloud_call(cloud, "autoscaling", "EnterStandby",
                           "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
                           "'ShouldDecrementDesiredCapacity': true}",
                           id));
    assert_string_equal(cloud->err.code, "ValidationError");
    cloud_ok(cloud, "autoscaling", "EnterStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
             "'ShouldDecrementDesiredCapacity': false}",
             id);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "Standby");
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 1);
    /* It comes back as a second one. */
    cloud_ok(cloud, "autoscaling", "ExitStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s']}", id);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
}

static void a_detached_instance_lives_on_and_can_be_attached_again(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 2, 2, "");
    first_id(cloud, id);
    put_hook(cloud, "hello", "LAUNCHING", "");
    cloud_ok(cloud, "autoscaling", "DetachInstances",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
             "'ShouldDecrementDesiredCapacity': true}",
             id);
    cloud_run(cloud, MINUTE_MS);
    const json_t *instance = store_get(cloud->store, "instance", cloud->region, id);
    assert_string_equal(state_of(cloud, id), "");
    assert_string_equal(doc_text(json_object_get(instance, "State"), "Name"), "running");
    assert_null(json_object_get(instance, "_group"));
    cloud_ok(cloud, "autoscaling", "AttachInstances",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s']}", id);
    cloud_run(cloud, SECOND_MS);
    assert_string_equal(state_of(cloud, id), "InService");
    assert_int_equal(doc_number(group_of(cloud), "DesiredCapacity"), 2);
    assert_null(cloud_call(cloud, "autoscaling", "AttachInstances",
                           "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s']}", id));
}

static void an_instance_that_is_lost_while_it_stands_by_leaves_the_group(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 4, "");
    first_id(cloud, id);
    cloud_ok(cloud, "autoscaling", "EnterStandby",
             "{'AutoScalingGroupName': 'g', 'InstanceIds': ['%s'], "
             "'ShouldDecrementDesiredCapacity': true}",
             id);
    cloud_run(cloud, MINUTE_MS);
    cloud_ok(cloud, "ec2", "TerminateInstances", "{'InstanceIds': ['%s']}", id);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_string_equal(state_of(cloud, id), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_launch_waits_until_all_its_actions_are_completed),
        TEST(an_abandoned_launch_is_replaced),
        TEST(time_gives_the_default_result_and_heartbeats_give_time),
        TEST(a_termination_waits_after_draining_and_ends_with_either_result),
        TEST(a_deleted_hook_holds_nobody),
        TEST(a_group_that_is_deleted_by_force_waits_for_no_hook),
        TEST(hooks_that_make_no_sense_are_refused),
        TEST(standby_takes_an_instance_out_of_service_and_back),
        TEST(what_stands_by_is_replaced_unless_the_capacity_is_decremented),
        TEST(a_detached_instance_lives_on_and_can_be_attached_again),
        TEST(an_instance_that_is_lost_while_it_stands_by_leaves_the_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
