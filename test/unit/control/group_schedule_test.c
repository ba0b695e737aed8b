/* Scheduled actions come when they are due, once, in order; and what happens to those missed. */
#include "group_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* It is 2026-01-02T03:04:05Z when a test begins, and half a minute later when its group is there.
 */
static const int64_t three_o_clock = 1767322800;
enum { HOUR_MS = 3600 * SECOND_MS, DAY_MS = 24 * HOUR_MS };

static void put(struct simulated_cloud *cloud, const char *name, const char *members)
{
    cloud_ok(cloud, "autoscaling", "PutScheduledUpdateGroupAction",
             "{'AutoScalingGroupName': 'g', 'ScheduledActionName': '%s', %s}", name, members);
}

static int64_t desired(struct simulated_cloud *cloud)
{
    return doc_number(group_of(cloud), "DesiredCapacity");
}

static const json_t *action(struct simulated_cloud *cloud, const char *id)
{
    return store_get(cloud->store, "scheduled-action", cloud->region, id);
}

static int count_executions(struct simulated_cloud *cloud)
{
    int count = 0;
    store_each (cursor, cloud->store, "scaling-activity", cloud->region)
        count += !strncmp(doc_text(cursor.doc, "Description"), "Executing", strlen("Executing"));
    return count;
}

/* The clock jumps: nothing happens in between, as when a user advances it or the daemon was away.
 */
static void jump(struct simulated_cloud *cloud, int64_t duration_ms)
{
    cloud->now_ms += duration_ms;
    cloud_run(cloud, 0);
}

static void an_action_sets_the_sizes_and_is_told(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 1, 2, "");
    put(cloud, "rush hour",
        "'StartTime': 1767323400, 'MinSize': 2, 'MaxSize': 5, "
        "'DesiredCapacity': 3"); /* 03:10 */
    cloud_run(cloud, 5 * MINUTE_MS);
    assert_int_equal(desired(cloud), 1);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 3);
    const json_t *told = newest_activity(cloud, "Executing scheduled action rush hour");
    assert_string_equal(doc_text(told, "StatusCode"), "Successful");
    assert_string_equal(
        doc_text(told, "Cause"),
        "At 2026-01-02T03:10:00Z the scheduled action rush hour executed. Setting min size from 1 "
        "to 2. Setting max size from 2 to 5. Setting desired capacity from 1 to 3.");
    assert_string_equal(
        doc_text(newest_activity(cloud, "Launching"), "Cause"),
        "At 2026-01-02T03:10:00Z a scheduled action update of AutoScalingGroup constraints to min: "
        "2, max: 5, desired: 3 changing the desired capacity from 1 to 3.  At "
        "2026-01-02T03:10:00Z the scheduled action rush hour executed. Setting min size from 1 to "
        "2. Setting max size from 2 to 5. Setting desired capacity from 1 to 3.  At "
        "2026-01-02T03:10:00Z an instance was started in response to a difference between desired "
        "and actual capacity, increasing the capacity from 1 to 3.");
    assert_null(action(cloud, "g:rush hour"));
}

static void a_recurring_action_comes_again_until_its_end(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put(cloud, "a", "'Recurrence': '0 */2 * * *', 'DesiredCapacity': 2, 'EndTime': 1767342000");
    set_desired(cloud, 1); /* the end is at 08:20 */
    for (int hour = 4; hour <= 8; hour += 2) {
        cloud_run(cloud, 2 * HOUR_MS);
        assert_int_equal(desired(cloud), 2);
        set_desired(cloud, 1);
    }
    assert_null(action(cloud, "g:a"));
    assert_int_equal(count_executions(cloud), 3);
    cloud_run(cloud, DAY_MS);
    assert_int_equal(desired(cloud), 1);
}

static void the_start_time_is_the_first_run(void **state)
{
    struct simulated_cloud *cloud = *state;
    char members[160];
    create_group(cloud, 0, 0, 4, "");
    snprintf(
        members, sizeof members,
        "'StartTime': %lld, 'Recurrence': '0 9 * * *', 'TimeZone': 'UTC', 'DesiredCapacity': 1",
        (long long)three_o_clock + 25 * 3600 + 7);
    put(cloud, "a", members);
    cloud_run(cloud, 24 * HOUR_MS);
    assert_int_equal(count_executions(cloud), 0);
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(count_executions(cloud), 1);
    assert_int_equal(doc_number(action(cloud, "g:a"), "StartTime"), three_o_clock + 30 * 3600);
}

/* Up at 8 and down at 20: after any jump the group is as if no time had been left out. */
static void of_what_a_jump_passes_over_the_last_counts_in_order(void **state)
{
    static const struct {
        int hours, desired, executions;
    } jumps[] = {{4, 0, 0}, {1, 3, 1}, {12, 1, 1}, {24, 1, 2}, {12, 3, 1}, {10 * 24 + 1, 3, 2}};
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put(cloud, "down", "'Recurrence': '0 20 * * *', 'DesiredCapacity': 1");
    put(cloud, "up", "'Recurrence': '0 8 * * *', 'DesiredCapacity': 3");
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        int before = count_executions(cloud);
        jump(cloud, jumps[i].hours * (int64_t)HOUR_MS);
        assert_int_equal(desired(cloud), jumps[i].desired);
        assert_int_equal(count_executions(cloud) - before, jumps[i].executions);
    }
}

static void one_that_ended_meanwhile_runs_once_more_and_is_gone(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put(cloud, "a", "'Recurrence': '0 * * * *', 'DesiredCapacity': 2, 'EndTime': 1767342000");
    put(cloud, "b", "'Recurrence': '0 0 1 1 *', 'DesiredCapacity': 4, 'EndTime': 1767342000");
    jump(cloud, DAY_MS);
    assert_int_equal(desired(cloud), 2);
    assert_int_equal(count_executions(cloud), 1);
    assert_int_equal(store_count(cloud->store, "scheduled-action", cloud->region), 0);
}

static void what_comes_while_the_process_is_suspended_is_left_out(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    put(cloud, "once", "'StartTime': 1767323400, 'DesiredCapacity': 2");
    put(cloud, "daily", "'Recurrence': '30 3 * * *', 'DesiredCapacity': 3");
    cloud_ok(cloud, "autoscaling", "SuspendProcesses",
             "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['ScheduledActions']}");
    cloud_run(cloud, HOUR_MS);
    cloud_ok(cloud, "autoscaling", "ResumeProcesses", "{'AutoScalingGroupName': 'g'}");
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(desired(cloud), 0);
    assert_null(action(cloud, "g:once"));
    cloud_run(cloud, DAY_MS);
    assert_int_equal(desired(cloud), 3);
}

static void sizes_that_do_not_fit_then_are_told_as_a_failure(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 4, "");
    put(cloud, "a", "'StartTime': 1767323400, 'DesiredCapacity': 5");
    cloud_run(cloud, HOUR_MS);
    assert_int_equal(desired(cloud), 1);
    const json_t *told = newest_activity(cloud, "Executing scheduled action a");
    assert_string_equal(doc_text(told, "StatusCode"), "Failed");
    assert_string_equal(
        doc_text(told, "StatusMessage"),
        "Desired capacity:5 must be between the specified min size:0 and max size:4");
}

static void a_deleted_group_takes_its_actions_along(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 4, "");
    put(cloud, "a", "'Recurrence': '* * * * *', 'DesiredCapacity': 2");
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'ForceDelete': true}");
    cloud_run(cloud, HOUR_MS);
    assert_null(group_of(cloud));
    assert_int_equal(store_count(cloud->store, "scheduled-action", cloud->region), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_action_sets_the_sizes_and_is_told),
        TEST(a_recurring_action_comes_again_until_its_end),
        TEST(the_start_time_is_the_first_run),
        TEST(of_what_a_jump_passes_over_the_last_counts_in_order),
        TEST(one_that_ended_meanwhile_runs_once_more_and_is_gone),
        TEST(what_comes_while_the_process_is_suspended_is_left_out),
        TEST(sizes_that_do_not_fit_then_are_told_as_a_failure),
        TEST(a_deleted_group_takes_its_actions_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
