/* What policies make of a group's capacity, checked against AWS's pages on step and simple scaling.
 */
#include "service_fixture.h"

#include "base/cleanup.h"
#include "service/autoscaling/policy.h"
#include "service/autoscaling/step.h"
#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define G "'AutoScalingGroupName': 'g'"

/* ---- arithmetic ---- */

static void steps_are_open_where_they_lead_away_from_the_threshold(void **state)
{
    (void)state;
    static const struct {
        const char *steps, *text;
    } cases[] = {
        {"[{\"MetricIntervalLowerBound\": 0, \"ScalingAdjustment\": 1}]", NULL},
        {"[{\"MetricIntervalUpperBound\": 0, \"ScalingAdjustment\": -1}]", NULL},
        {"[{\"MetricIntervalLowerBound\": -5, \"MetricIntervalUpperBound\": 0, "
         "\"ScalingAdjustment\": -1}, {\"MetricIntervalUpperBound\": -5, \"ScalingAdjustment\": "
         "-2}]",
         NULL},
        {"[{\"MetricIntervalLowerBound\": 1, \"MetricIntervalUpperBound\": 2, "
         "\"ScalingAdjustment\": 1}]",
         "There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is "
         "null) when one StepAdjustment has a positive upper bound"},
        {"[{\"MetricIntervalLowerBound\": -5, \"MetricIntervalUpperBound\": 0, "
         "\"ScalingAdjustment\": -1}]",
         "There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is "
         "null) when one StepAdjustment has a negative lower bound"},
        {"[{\"MetricIntervalUpperBound\": 0, \"ScalingAdjustment\": -1}, "
         "{\"MetricIntervalUpperBound\": -5, \"ScalingAdjustment\": -2}]",
         "StepAdjustment intervals can't overlap."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_auto_t *policy =
            json_pack("{s:s, s:s, s:o}", "PolicyType", "StepScaling", "AdjustmentType",
                      "ChangeInCapacity", "StepAdjustments", json_loads(cases[i].steps, 0, NULL));
        struct err err = {0};
        assert_int_equal(adjustment_check(policy, &err), cases[i].text ? -1 : 0);
        assert_string_equal(err.text, cases[i].text ? cases[i].text : "");
    }
}

static int64_t apply(const char *type, int capacity, json_int_t amount, json_int_t magnitude)
{
    json_auto_t *policy = json_pack("{s:s, s:s, s:I}", "PolicyType", "SimpleScaling",
                                    "AdjustmentType", type, "ScalingAdjustment", amount);
    if (magnitude)
        json_object_set_new(policy, "MinAdjustmentMagnitude", json_integer(magnitude));
    return adjustment_apply(policy, capacity, 0);
}

static void percentages_round_as_awss_and_reach_their_magnitude(void **state)
{
    (void)state;
    static const struct {
        int capacity, percent, magnitude, wanted;
    } cases[] = {
        {10, 127, 0, 22}, /* 12.7 is 12 */
        {10, 6, 0, 11},   /* 0.6 is 1 */
        {10, -6, 0, 9},   /* -0.6 is -1 */
        {10, -68, 0, 4},  /* -6.8 is -6 */
        {4, 25, 2, 6},    {4, -25, 2, 2}, {20, 25, 2, 25},
        {4, 0, 2, 4},     {0, 50, 0, 0},  {0, 50, 2, 2}, /* at least so many, of nothing too */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(apply("PercentChangeInCapacity", cases[i].capacity, cases[i].percent,
                               cases[i].magnitude),
                         cases[i].wanted);
}

static void the_largest_numbers_do_not_wrap_around(void **state)
{
    (void)state;
    assert_true(apply("ChangeInCapacity", 10000, INT32_MAX, 0) > INT32_MAX);
    assert_true(apply("ChangeInCapacity", 0, INT32_MIN, 0) < 0);
    assert_true(apply("PercentChangeInCapacity", 10000, INT32_MAX, 0) > INT32_MAX);
    assert_true(apply("PercentChangeInCapacity", 10000, INT32_MIN, 0) < INT32_MIN);
}

/* ---- running ---- */

/* A group "g" of 1 to 10 that wants four. */
static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': "
                           "'ami-0c02fb55956c7d316', 'InstanceType': 't3.micro'}}"));
    json_decref(fixture_ok(fixture, "autoscaling", "CreateAutoScalingGroup",
                           "{" G ", 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "
                           "'AvailabilityZones': ['us-east-1a'], 'MinSize': 1, 'MaxSize': 10, "
                           "'DesiredCapacity': 4, 'DefaultInstanceWarmup': 60}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* Instances that are in service since now. */
static void come_into_service(struct service_fixture *fixture, int count)
{
    auto_txn *txn = txn_begin(fixture->store);
    json_t *members =
        json_object_get(txn_edit(txn, "auto-scaling-group", fixture->region, "g"), "Instances");
    for (int i = 0; i < count; i++)
        json_array_append_new(members, json_pack("{s:o, s:s, s:s, s:s, s:b, s:I}", "InstanceId",
                                                 json_sprintf("i-%017zu", json_array_size(members)),
                                                 "AvailabilityZone", "us-east-1a", "LifecycleState",
                                                 "InService", "HealthStatus", "Healthy",
                                                 "ProtectedFromScaleIn", 0, "_in_service_ms",
                                                 (json_int_t)fixture->now_ms));
    assert_int_equal(txn_commit(ptr_take(&txn), &fixture->err), 0);
}

/* One step from the threshold on: outwards above it, inwards below. */
static void put_step(struct service_fixture *fixture, const char *name, int amount)
{
    json_decref(fixture_ok(fixture, "autoscaling", "PutScalingPolicy",
                           "{" G ", 'PolicyName': '%s', 'PolicyType': 'StepScaling', "
                           "'AdjustmentType': 'ChangeInCapacity', 'StepAdjustments': "
                           "[{'MetricInterval%sBound': 0, 'ScalingAdjustment': %d}]}",
                           name, amount > 0 ? "Lower" : "Upper", amount));
}

static void execute(struct service_fixture *fixture, const char *name, const char *more)
{
    json_decref(fixture_ok(fixture, "autoscaling", "ExecutePolicy", "{" G ", 'PolicyName': '%s'%s}",
                           name, more));
}

static int desired(struct service_fixture *fixture)
{
    return (int)doc_number(store_get(fixture->store, "auto-scaling-group", fixture->region, "g"),
                           "DesiredCapacity");
}

#define ABOVE ", 'MetricValue': 60, 'BreachThreshold': 50"
#define BELOW ", 'MetricValue': 40, 'BreachThreshold': 50"

static void of_several_step_policies_the_largest_capacity_wins(void **state)
{
    come_into_service(*state, 4);
    ((struct service_fixture *)*state)->now_ms += 60000;
    put_step(*state, "two", 2);
    put_step(*state, "one", 1);
    execute(*state, "two", ABOVE);
    assert_int_equal(desired(*state), 6);
    execute(*state, "one", ABOVE); /* 5 would do, and 6 are on their way */
    assert_int_equal(desired(*state), 6);
}

static void what_warms_up_counts_outwards_and_holds_up_inwards(void **state)
{
    struct service_fixture *fixture = *state;
    come_into_service(fixture, 2);
    fixture->now_ms += 60000;
    come_into_service(fixture, 2);
    put_step(fixture, "three", 3);
    put_step(fixture, "less", -1);
    execute(fixture, "less", BELOW);
    assert_int_equal(desired(fixture), 4);
    execute(fixture, "three", ABOVE); /* two are warm */
    assert_int_equal(desired(fixture), 5);
    come_into_service(fixture, 1);
    fixture->now_ms += 60000;
    execute(fixture, "less", BELOW);
    assert_int_equal(desired(fixture), 4);
}

static void step_scaling_is_executed_with_a_metric_that_has_a_step(void **state)
{
    come_into_service(*state, 4);
    ((struct service_fixture *)*state)->now_ms += 60000;
    put_step(*state, "more", 1);
    fixture_fails(*state, "ValidationError", "autoscaling", "ExecutePolicy",
                  "{" G ", 'PolicyName': 'more', 'MetricValue': 60}");
    fixture_fails(*state, "ValidationError", "autoscaling", "ExecutePolicy",
                  "{" G ", 'PolicyName': 'more', 'HonorCooldown': true" ABOVE "}");
    fixture_fails(*state, "ValidationError", "autoscaling", "ExecutePolicy",
                  "{" G ", 'PolicyName': 'more'" BELOW "}");
    assert_string_equal(((struct service_fixture *)*state)->err.text,
                        "No step adjustment found for metric value [40] and breach threshold 50");
    assert_int_equal(desired(*state), 4);
    execute(*state, "more", ", 'MetricValue': 50, 'BreachThreshold': 50");
    assert_int_equal(desired(*state), 5);
}

static void simple_scaling_waits_for_cooldowns_only_if_asked(void **state)
{
    struct service_fixture *fixture = *state;
    static const char honoring[] = "{" G ", 'PolicyName': 'own', 'HonorCooldown': true}";
    json_decref(fixture_ok(fixture, "autoscaling", "PutScalingPolicy",
                           "{" G ", 'PolicyName': 'own', 'AdjustmentType': 'ChangeInCapacity', "
                           "'ScalingAdjustment': 3, 'Cooldown': 20}"));
    json_decref(fixture_ok(fixture, "autoscaling", "ExecutePolicy", honoring));
    fixture_fails(fixture, "ScalingActivityInProgress", "autoscaling", "ExecutePolicy", honoring);
    execute(fixture, "own", ""); /* its cooldown begins again */
    assert_int_equal(desired(fixture), 10);
    fixture->now_ms += 19000;
    fixture_fails(fixture, "ScalingActivityInProgress", "autoscaling", "ExecutePolicy", honoring);
    fixture->now_ms += 1000;
    json_decref(fixture_ok(fixture, "autoscaling", "ExecutePolicy", honoring)); /* at its maximum */
    assert_int_equal(desired(fixture), 10);
    fixture_fails(fixture, "ValidationError", "autoscaling", "ExecutePolicy",
                  "{" G ", 'PolicyName': 'own'" ABOVE "}");
}

static void without_its_own_a_policy_has_the_groups_cooldown(void **state)
{
    struct service_fixture *fixture = *state;
    static const char honoring[] = "{" G ", 'PolicyName': 'more', 'HonorCooldown': true}";
    json_decref(fixture_ok(fixture, "autoscaling", "PutScalingPolicy",
                           "{" G ", 'PolicyName': 'more', 'AdjustmentType': 'ChangeInCapacity', "
                           "'ScalingAdjustment': 1}"));
    execute(fixture, "more", "");
    fixture->now_ms += 299000;
    fixture_fails(fixture, "ScalingActivityInProgress", "autoscaling", "ExecutePolicy", honoring);
    fixture->now_ms += 1000;
    json_decref(fixture_ok(fixture, "autoscaling", "ExecutePolicy", honoring));
    assert_int_equal(desired(fixture), 6);
}

/* ---- target tracking ---- */

static void set_alarm(struct service_fixture *fixture, const json_t *policy, bool low,
                      const char *value)
{
    size_t i;
    const json_t *alarm;
    json_array_foreach (json_object_get(policy, "Alarms"), i, alarm)
        if (policy_alarm_is_low(doc_text(alarm, "AlarmName")) == low)
            json_decref(fixture_ok(fixture, "cloudwatch", "SetAlarmState",
                                   "{'AlarmName': '%s', 'StateValue': '%s', 'StateReason': 'r'}",
                                   doc_text(alarm, "AlarmName"), value));
}

static json_t *track(struct service_fixture *fixture, const char *metric, bool grows_only)
{
    return fixture_ok(fixture, "autoscaling", "PutScalingPolicy",
                      "{" G ", 'PolicyName': '%s', 'PolicyType': 'TargetTrackingScaling', "
                      "'TargetTrackingConfiguration': {'TargetValue': 50, 'DisableScaleIn': %s, "
                      "'PredefinedMetricSpecification': {'PredefinedMetricType': '%s'}}}",
                      metric, grows_only ? "true" : "false", metric);
}

/* As an alarm does it. */
static int run(struct service_fixture *fixture, const json_t *policy, bool scale_in, double metric)
{
    auto_txn *txn = txn_begin(fixture->store);
    struct call call = fixture_context(fixture, txn);
    struct policy_trigger trigger = {.alarm = "a", .scale_in = scale_in, .metric = metric};
    int changed = policy_execute(&call, doc_text(policy, "PolicyARN"), &trigger, &fixture->err);
    assert_int_equal(txn_commit(ptr_take(&txn), &fixture->err), 0);
    return changed;
}

static void tracking_scales_in_only_if_all_policies_agree(void **state)
{
    come_into_service(*state, 4);
    ((struct service_fixture *)*state)->now_ms += 60000;
    json_auto_t *cpu = track(*state, "ASGAverageCPUUtilization", false);
    json_auto_t *in = track(*state, "ASGAverageNetworkIn", false);
    json_auto_t *out = track(*state, "ASGAverageNetworkOut", true);
    set_alarm(*state, cpu, true, "ALARM");
    assert_int_equal(run(*state, cpu, true, 10), 0);
    set_alarm(*state, in, true, "ALARM");
    set_alarm(*state, out, false, "ALARM"); /* it never scales in, but wants more now */
    assert_int_equal(run(*state, cpu, true, 10), 0);
    set_alarm(*state, out, false, "OK");
    assert_int_equal(run(*state, cpu, true, 10), 1);
    assert_int_equal(desired(*state), 3);
}

static void tracking_grows_if_one_policy_wants_it_and_rounds_up(void **state)
{
    come_into_service(*state, 4);
    ((struct service_fixture *)*state)->now_ms += 60000;
    json_auto_t *cpu = track(*state, "ASGAverageCPUUtilization", false);
    json_auto_t *in = track(*state, "ASGAverageNetworkIn", false);
    assert_int_equal(run(*state, cpu, false, 70), 1); /* 5.6 */
    assert_int_equal(desired(*state), 6);
    assert_int_equal(run(*state, in, false, 60), 0); /* 4.8: the larger one stays */
    assert_int_equal(desired(*state), 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_open_where_they_lead_away_from_the_threshold),
        cmocka_unit_test(percentages_round_as_awss_and_reach_their_magnitude),
        cmocka_unit_test(the_largest_numbers_do_not_wrap_around),
        TEST(of_several_step_policies_the_largest_capacity_wins),
        TEST(what_warms_up_counts_outwards_and_holds_up_inwards),
        TEST(step_scaling_is_executed_with_a_metric_that_has_a_step),
        TEST(simple_scaling_waits_for_cooldowns_only_if_asked),
        TEST(without_its_own_a_policy_has_the_groups_cooldown),
        TEST(tracking_scales_in_only_if_all_policies_agree),
        TEST(tracking_grows_if_one_policy_wants_it_and_rounds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
