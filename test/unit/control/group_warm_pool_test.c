/* Warm pools: filled, drawn from, returned to, refreshed and deleted. */
#include "group_stage.h"
#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void put_pool(struct simulated_cloud *cloud, const char *more)
{
    cloud_ok(cloud, "autoscaling", "PutWarmPool", "{'AutoScalingGroupName': 'g'%s}", more);
    cloud_run(cloud, 2 * MINUTE_MS);
}

static int count(struct simulated_cloud *cloud, const char *state)
{
    return count_members(cloud, "LifecycleState", state);
}

/* The row of a member; NULL when the group does not have it. */
static const json_t *member_of(struct simulated_cloud *cloud, const char *id)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        if (doc_is(row, "InstanceId", id))
            return row;
    return NULL;
}

static void assert_state(struct simulated_cloud *cloud, const char *id, const char *state)
{
    assert_string_equal(doc_text(member_of(cloud, id), "LifecycleState"), state);
}

/* The id of the first member in a state, which outlives the group's document. */
static void id_in(struct simulated_cloud *cloud, const char *state, char id[32])
{
    size_t i;
    const json_t *row;
    id[0] = '\0';
    json_array_foreach (json_object_get(group_of(cloud), "Instances"), i, row)
        if (doc_is(row, "LifecycleState", state))
            snprintf(id, 32, "%s", doc_text(row, "InstanceId"));
    assert_true(id[0]);
}

static void assert_instance_is(struct simulated_cloud *cloud, const char *id, const char *state)
{
    const json_t *instance = store_get(cloud->store, "instance", cloud->region, id);
    assert_string_equal(doc_text(json_object_get(instance, "State"), "Name"), state);
}

static void put_hook(struct simulated_cloud *cloud, const char *name, const char *transition)
{
    cloud_ok(cloud, "autoscaling", "PutLifecycleHook",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': '%s', 'LifecycleTransition': "
             "'autoscaling:EC2_INSTANCE_%s'}",
             name, transition);
}

static void complete(struct simulated_cloud *cloud, const char *hook, const char *id,
                     const char *result)
{
    cloud_ok(cloud, "autoscaling", "CompleteLifecycleAction",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': '%s', 'InstanceId': '%s', "
             "'LifecycleActionResult': '%s'}",
             hook, id, result);
    cloud_run(cloud, MINUTE_MS);
}

/* ---- size ---- */

static void a_pool_keeps_stopped_what_the_group_may_still_need(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 3, "");
    put_pool(cloud, "");
    assert_int_equal(count(cloud, "InService"), 1);
    assert_int_equal(count(cloud, "Warmed:Stopped"), 2);
    id_in(cloud, "Warmed:Stopped", id);
    assert_instance_is(cloud, id, "stopped");
    const json_t *activity =
        newest_activity(cloud, "Launching a new EC2 instance into warm pool: i-");
    assert_string_equal(doc_text(activity, "StatusCode"), "Successful");
    json_auto_t *groups = cloud_call(cloud, "autoscaling", "DescribeAutoScalingGroups", "{}");
    const json_t *shown = json_array_get(json_object_get(groups, "AutoScalingGroups"), 0);
    assert_int_equal(json_array_size(json_object_get(shown, "Instances")), 1);
    assert_int_equal(doc_number(shown, "WarmPoolSize"), 2);
    json_auto_t *page = cloud_call(cloud, "autoscaling", "DescribeWarmPool",
                                   "{'AutoScalingGroupName': 'g', 'MaxRecords': 1}");
    assert_int_equal(json_array_size(json_object_get(page, "Instances")), 1);
    assert_non_null(json_object_get(page, "NextToken"));
    json_auto_t *all = cloud_call(cloud, "autoscaling", "DescribeAutoScalingInstances", "{}");
    assert_int_equal(json_array_size(json_object_get(all, "AutoScalingInstances")), 3);
}

static void its_size_follows_its_settings(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 9, "");
    put_pool(cloud, ", 'MaxGroupPreparedCapacity': 3, 'PoolState': 'Running'");
    assert_int_equal(count(cloud, "Warmed:Running"), 2);
    put_pool(cloud, ", 'MaxGroupPreparedCapacity': 1, 'MinSize': 1, 'PoolState': 'Running'");
    assert_int_equal(count(cloud, "Warmed:Running"), 1);
    put_pool(cloud, ", 'MaxGroupPreparedCapacity': 0");
    assert_int_equal(json_array_size(json_object_get(group_of(cloud), "Instances")), 1);
}

/* ---- out and in ---- */

static void scale_out_takes_from_the_pool_which_is_filled_again(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 9, "");
    put_pool(cloud, ", 'MaxGroupPreparedCapacity': 0, 'MinSize': 1");
    id_in(cloud, "Warmed:Stopped", id);
    set_desired(cloud, 3);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_state(cloud, id, "InService");
    assert_instance_is(cloud, id, "running");
    assert_int_equal(count(cloud, "InService"), 3);
    assert_int_equal(count(cloud, "Warmed:Stopped"), 1);
    const json_t *activity =
        newest_activity(cloud, "Launching a new EC2 instance from warm pool: i-");
    assert_non_null(strstr(doc_text(activity, "Description"), id));
    assert_non_null(strstr(doc_text(activity, "Cause"), "increasing the capacity from 1 to 3."));
}

static void scale_in_returns_to_a_pool_that_reuses(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256], id[32];
    create_group(cloud, 0, 1, 1, "");
    attach_balancer(cloud, arn);
    put_pool(cloud, ", 'InstanceReusePolicy': {'ReuseOnScaleIn': true}");
    id_in(cloud, "InService", id);
    set_desired(cloud, 0);
    cloud_run(cloud, MINUTE_MS);
    assert_state(cloud, id, "Warmed:Pending"); /* until the load balancer has drained it */
    assert_instance_is(cloud, id, "running");
    cloud_run(cloud, 6 * MINUTE_MS);
    assert_state(cloud, id, "Warmed:Stopped");
    assert_int_equal(count_targets(cloud, arn), 0);
    set_desired(cloud, 1);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_state(cloud, id, "InService");
    assert_int_equal(count_targets(cloud, arn), 1);
}

static void without_reuse_scale_in_terminates(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 1, "");
    put_pool(cloud, "");
    id_in(cloud, "InService", id);
    set_desired(cloud, 0);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_null(member_of(cloud, id));
    assert_int_equal(count(cloud, "Warmed:Stopped"), 1);
}

/* ---- hooks ---- */

static void hooks_hold_on_the_way_in_and_on_the_way_out(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 0, 1, "");
    put_hook(cloud, "hello", "LAUNCHING");
    put_pool(cloud, "");
    id_in(cloud, "Warmed:Pending:Wait", id);
    assert_instance_is(cloud, id, "running");
    complete(cloud, "hello", id, "CONTINUE");
    assert_state(cloud, id, "Warmed:Stopped");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    assert_state(cloud, id, "Pending:Wait");
    complete(cloud, "hello", id, "CONTINUE");
    assert_state(cloud, id, "InService");
}

static void hooks_of_termination_hold_what_returns_and_what_ends(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 1, "");
    put_hook(cloud, "bye", "TERMINATING");
    put_pool(cloud, ", 'InstanceReusePolicy': {'ReuseOnScaleIn': true}");
    id_in(cloud, "InService", id);
    set_desired(cloud, 0);
    cloud_run(cloud, MINUTE_MS);
    assert_state(cloud, id, "Warmed:Pending:Wait");
    complete(cloud, "bye", id, "ABANDON");
    assert_state(cloud, id, "Warmed:Stopped");
    put_pool(cloud, ", 'MaxGroupPreparedCapacity': 0");
    assert_state(cloud, id, "Warmed:Terminating:Wait");
    complete(cloud, "bye", id, "CONTINUE");
    assert_null(member_of(cloud, id));
}

static void an_abandoned_one_is_replaced_in_the_pool(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 0, 1, "");
    put_hook(cloud, "hello", "LAUNCHING");
    put_pool(cloud, "");
    id_in(cloud, "Warmed:Pending:Wait", id);
    complete(cloud, "hello", id, "ABANDON");
    assert_null(member_of(cloud, id));
    assert_int_equal(count(cloud, "Warmed:Pending:Wait"), 1);
}

/* ---- health, refresh, end ---- */

static void what_is_lost_in_the_pool_is_replaced_there(void **state)
{
    struct simulated_cloud *cloud = *state;
    char id[32];
    create_group(cloud, 0, 1, 2, "");
    put_pool(cloud, "");
    id_in(cloud, "Warmed:Stopped", id);
    cloud_ok(cloud, "ec2", "TerminateInstances", "{'InstanceIds': ['%s']}", id);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_null(member_of(cloud, id));
    assert_int_equal(count(cloud, "Warmed:Stopped"), 1);
    id_in(cloud, "Warmed:Stopped", id);
    cloud_ok(cloud, "autoscaling", "SetInstanceHealth",
             "{'InstanceId': '%s', 'HealthStatus': 'Unhealthy'}", id);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_null(member_of(cloud, id));
    assert_int_equal(count(cloud, "Warmed:Stopped"), 1);
    assert_int_equal(count(cloud, "InService"), 1);
}

static void a_refresh_renews_the_pool_too(void **state)
{
    struct simulated_cloud *cloud = *state;
    char warm[32], live[32];
    create_group(cloud, 0, 1, 2, ", 'DefaultInstanceWarmup': 0");
    put_pool(cloud, "");
    id_in(cloud, "Warmed:Stopped", warm);
    id_in(cloud, "InService", live);
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh", "{'AutoScalingGroupName': 'g'}");
    cloud_run(cloud, 10 * MINUTE_MS);
    assert_null(member_of(cloud, live));
    assert_null(member_of(cloud, warm));
    assert_int_equal(count(cloud, "Warmed:Stopped"), 1);
    assert_int_equal(count(cloud, "InService"), 1);
    store_each (cursor, cloud->store, "instance-refresh", cloud->region)
        assert_string_equal(doc_text(cursor.doc, "Status"), "Successful");
}

static void a_pool_with_instances_goes_by_force_only(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 2, "");
    put_pool(cloud, "");
    assert_null(
        cloud_call(cloud, "autoscaling", "DeleteWarmPool", "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "ResourceInUse");
    cloud_ok(cloud, "autoscaling", "DeleteWarmPool",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    assert_null(cloud_call(cloud, "autoscaling", "PutWarmPool", "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "ScalingActivityInProgress");
    cloud_run(cloud, MINUTE_MS);
    assert_null(json_object_get(group_of(cloud), "WarmPoolConfiguration"));
    assert_int_equal(json_array_size(json_object_get(group_of(cloud), "Instances")), 1);
}

static void a_group_deleted_by_force_takes_its_pool_along(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 2, "");
    put_pool(cloud, "");
    assert_null(cloud_call(cloud, "autoscaling", "DeleteAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g'}"));
    assert_string_equal(cloud->err.code, "ResourceInUse");
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_null(group_of(cloud));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pool_keeps_stopped_what_the_group_may_still_need),
        TEST(its_size_follows_its_settings),
        TEST(scale_out_takes_from_the_pool_which_is_filled_again),
        TEST(scale_in_returns_to_a_pool_that_reuses),
        TEST(without_reuse_scale_in_terminates),
        TEST(hooks_hold_on_the_way_in_and_on_the_way_out),
        TEST(hooks_of_termination_hold_what_returns_and_what_ends),
        TEST(an_abandoned_one_is_replaced_in_the_pool),
        TEST(what_is_lost_in_the_pool_is_replaced_there),
        TEST(a_refresh_renews_the_pool_too),
        TEST(a_pool_with_instances_goes_by_force_only),
        TEST(a_group_deleted_by_force_takes_its_pool_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
