/* Usage and prices: how intervals are added up and rounded, what an LCU is, what the report says.
 */
#include "service/billing/cost.h"
#include "service/billing/lcu.h"
#include "service/billing/prices.h"
#include "service/billing/usage.h"
#include "service/ec2/instance_types.h"
#include "service_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const char arn[] =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/0123456789abcdef";
static const int64_t start_ms = 1767319200000; /* a full hour */

static int set_up(void **state)
{
    *state = fixture_create();
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* ---- intervals ---- */

static void an_instance_is_charged_by_the_second_and_for_a_minute_at_least(void **state)
{
    (void)state;
    json_auto_t *record = usage_make("i-1", "instance:t3.micro", "");
    usage_begin(record, 1, start_ms);
    assert_true(usage_is_open(record));
    assert_float_equal(usage_charged(record, start_ms + 10 * SECOND), 60 / 3600.0, 1e-9);
    assert_float_equal(usage_exact(record, start_ms + 10 * SECOND), 10 / 3600.0, 1e-9);
    usage_end(record, start_ms + 10 * SECOND);
    assert_false(usage_is_open(record));
    usage_begin(record, 1, start_ms + HOUR);
    usage_end(record, start_ms + HOUR + 90 * SECOND + 1);
    assert_float_equal(usage_charged(record, start_ms + 9 * HOUR), (60 + 91) / 3600.0, 1e-9);
    assert_float_equal(usage_exact(record, start_ms + 9 * HOUR), 100.001 / 3600.0, 1e-9);
}

static void a_load_balancer_is_charged_by_started_hours(void **state)
{
    (void)state;
    json_auto_t *record = usage_make(arn, "load-balancer", "");
    usage_begin(record, 1, start_ms);
    assert_float_equal(usage_charged(record, start_ms + MINUTE), 1, 1e-9);
    assert_float_equal(usage_charged(record, start_ms + HOUR), 1, 1e-9);
    assert_float_equal(usage_charged(record, start_ms + HOUR + 1), 2, 1e-9);
}

static void a_volume_that_grows_is_charged_for_each_size_while_it_had_it(void **state)
{
    (void)state;
    json_auto_t *record = usage_make("vol-1", "volume:gp3", "");
    usage_begin(record, 8, start_ms);
    usage_begin(record, 20, start_ms + 73 * (int64_t)HOUR);
    usage_end(record, start_ms + 146 * (int64_t)HOUR);
    assert_float_equal(usage_charged(record, start_ms), 0.1 * 8 + 0.1 * 20, 1e-9);
}

static void a_clock_that_stands_still_uses_nothing_and_ending_twice_is_harmless(void **state)
{
    (void)state;
    json_auto_t *record = usage_make("snap-1", "snapshot", "");
    usage_begin(record, 8, start_ms);
    usage_end(record, start_ms - MINUTE);
    usage_end(record, start_ms + HOUR);
    assert_float_equal(usage_charged(record, start_ms + HOUR), 0, 0);
}

static void sums_keep_what_was_used(void **state)
{
    (void)state;
    json_auto_t *sum = usage_make("", "instance:t3.micro", "g");
    for (int i = 0; i < 3; i++) {
        json_auto_t *record = usage_make("i-1", "instance:t3.micro", "g");
        usage_begin(record, 1, start_ms);
        usage_end(record, start_ms + HOUR);
        usage_fold(sum, record);
    }
    assert_float_equal(usage_charged(sum, start_ms), 3, 1e-9);
    assert_float_equal(usage_exact(sum, start_ms), 3, 1e-9);
}

/* ---- LCUs ---- */

static void an_lcu_is_the_highest_of_four_dimensions(void **state)
{
    (void)state;
    static const struct lcu_dimensions units[] = {
        {25.0 * 3600, 0, 0, 0}, {0, 3000.0 * 60, 0, 0}, {0, 0, 1e9, 0}, {0, 0, 0, 1000.0 * 3600}};
    for (int i = 0; i < 4; i++)
        assert_float_equal(lcu_hours(&units[i]), 1, 1e-9);
    struct lcu_dimensions all = {25.0 * 3600 / 2, 3000.0 * 60 * 3, 1e9 * 2, 0};
    assert_float_equal(lcu_hours(&all), 3, 1e-9);
}

static void add_metric(struct series_store *series, const char *metric, int64_t at_ms, double sum)
{
    struct series_dimension dimension = {"LoadBalancer", "app/web/0123456789abcdef"};
    struct series_key key = {"us-east-1", "AWS/ApplicationELB", metric, &dimension, 1};
    struct series_point point = {.count = 1, .sum = sum, .minimum = sum, .maximum = sum};
    struct err err;
    assert_int_equal(series_add(series, &key, "Count", at_ms, &point, &err), 0);
}

static void each_hour_is_charged_by_its_own_dimension(void **state)
{
    struct service_fixture *fixture = *state;
    struct series_store *series = fixture->series;
    add_metric(series, "ProcessedBytes", start_ms + MINUTE, 2e9);
    add_metric(series, "NewConnectionCount", start_ms + MINUTE, 25 * 3600);
    add_metric(series, "NewConnectionCount", start_ms + HOUR, 3 * 25 * 3600);
    double first = lcu_used(series, "us-east-1", arn, start_ms, start_ms + HOUR);
    double both = lcu_used(series, "us-east-1", arn, start_ms, start_ms + HOUR + MINUTE);
    assert_float_equal(first, 2, 1e-9);
    assert_float_equal(both, 2 + 3, 1e-9);
    assert_float_equal(lcu_used(series, "us-east-2", arn, start_ms, start_ms + HOUR), 0, 0);
}

static void ten_evaluations_of_a_request_are_free(void **state)
{
    struct service_fixture *fixture = *state;
    add_metric(fixture->series, "RequestCount", start_ms, 3600 * 1000);
    add_metric(fixture->series, "RuleEvaluations", start_ms, 12.0 * 3600 * 1000);
    double used = lcu_used(fixture->series, "us-east-1", arn, start_ms, start_ms + HOUR);
    assert_float_equal(used, 2, 1e-9);
}

/* ---- prices ---- */

static void sizes_cost_as_their_memory_says(void **state)
{
    (void)state;
    assert_float_equal(price_find("us-east-1", "instance:t3.micro"), 0.0104, 1e-9);
    assert_float_equal(price_find("us-east-1", "instance:t2.small"), 0.023, 1e-9);
    assert_float_equal(price_find("ap-south-1", "instance:t3.micro"), 0.0112, 1e-9);
    assert_float_equal(price_find("ap-south-1", "instance:t2.micro"), 0.0124, 1e-9);
    assert_float_equal(price_find("us-east-1", "instance:c5.18xlarge"), 3.06, 1e-9);
    assert_float_equal(price_find("us-east-1", "instance:m6g.medium"), 0.0385, 1e-9);
}

static void every_type_has_a_price_where_there_are_prices(void **state)
{
    (void)state;
    struct instance_type type;
    for (int i = 0; instance_type_at(i, &type); i++) {
        char item[64];
        snprintf(item, sizeof item, "instance:%s", type.name);
        assert_true(price_find("us-east-1", item) > 0);
        assert_true(price_find("ap-south-1", item) > 0);
        assert_true(isnan(price_find("eu-west-3", item)));
    }
    assert_true(isnan(price_find("us-east-1", "instance:x9.huge")));
    assert_true(isnan(price_find("us-east-1", "nothing")));
}

/* ---- the report ---- */

static void put(struct service_fixture *fixture, const char *kind, const char *region,
                const char *id, json_t *record)
{
    struct txn *txn = txn_begin(fixture->store);
    txn_put(txn, kind, region, id, record);
    assert_int_equal(txn_commit(txn, &fixture->err), 0);
}

/* A record of what was used since the start, still or until `end_ms` of it. */
static json_t *used(const char *resource, const char *item, const char *group, double quantity,
                    int64_t end_ms)
{
    json_t *record = usage_make(resource, item, group);
    usage_begin(record, quantity, start_ms);
    if (end_ms)
        usage_end(record, start_ms + end_ms);
    return record;
}

static json_t *report_after(struct service_fixture *fixture, int64_t ms, const char *only)
{
    struct call call = {
        .store = fixture->store, .series = fixture->series, .now_ms = start_ms + ms};
    put(fixture, usage_mark_kind, "", usage_mark_id,
        json_pack("{s:I, s:I, s:i}", "_began_ms", (json_int_t)start_ms, "_seen_ms",
                  (json_int_t)start_ms, "_away_ms", 0));
    return billing_report(&call, only);
}

static double number_at(const json_t *row, const char *member)
{
    return json_number_value(json_object_get(row, member));
}

static void what_is_gone_still_counts_and_a_month_goes_on_like_the_time_seen(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "usage-instance", "us-east-1", "a", used("i-1", "instance:t3.micro", "", 1, 0));
    put(fixture, "usage-instance", "us-east-1", "b", used("i-2", "instance:t3.micro", "", 1, HOUR));
    json_auto_t *report = report_after(fixture, 2 * HOUR, "");
    const json_t *region = json_array_get(json_object_get(report, "Regions"), 0);
    const json_t *rows = json_object_get(region, "Resources");
    assert_int_equal(json_array_size(rows), 2);
    assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "Running")));
    assert_true(json_is_false(json_object_get(json_array_get(rows, 1), "Running")));
    assert_float_equal(number_at(report, "Cost"), 3 * 0.0104, 1e-9);
    assert_float_equal(number_at(report, "MonthlyCost"), 1.5 * 730 * 0.0104, 1e-9);
}

static void a_fixed_fleet_has_the_maximum_all_the_time(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "usage-auto-scaling-group", "us-east-1", "g",
        used("g", "group-maximum", "g", 4, 0));
    put(fixture, "usage-instance", "us-east-1", "a", used("i-1", "instance:t3.micro", "g", 1, 0));
    put(fixture, "usage-instance", "us-east-1", "b",
        used("i-2", "instance:t3.micro", "g", 1, HOUR));
    json_auto_t *report = report_after(fixture, 2 * HOUR, "us-east-1");
    const json_t *region = json_array_get(json_object_get(report, "Regions"), 0);
    const json_t *group = json_array_get(json_object_get(region, "Groups"), 0);
    assert_float_equal(number_at(group, "InstanceHours"), 3, 1e-9);
    assert_float_equal(number_at(group, "FixedInstanceHours"), 8, 1e-9);
    assert_float_equal(number_at(group, "Cost"), 3 * 0.0104, 1e-9);
    assert_float_equal(number_at(group, "FixedCost"), 8 * 0.0104, 1e-9);
}

static void a_region_without_prices_says_so_and_costs_nothing_known(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "usage-instance", "eu-west-3", "a", used("i-1", "instance:t3.micro", "", 1, 0));
    json_auto_t *report = report_after(fixture, 2 * HOUR, "");
    const json_t *region = json_array_get(json_object_get(report, "Regions"), 0);
    const json_t *row = json_array_get(json_object_get(region, "Resources"), 0);
    assert_true(json_is_false(json_object_get(region, "HasPrices")));
    assert_null(json_object_get(region, "Cost"));
    assert_null(json_object_get(row, "Cost"));
    assert_float_equal(number_at(row, "Used"), 2, 1e-9);
    assert_float_equal(number_at(report, "Cost"), 0, 0);
    json_auto_t *other = report_after(fixture, 2 * HOUR, "us-east-1");
    assert_int_equal(json_array_size(json_object_get(other, "Regions")), 0);
}

static void lcus_since_the_record_was_written_are_in_the_report(void **state)
{
    struct service_fixture *fixture = *state;
    json_t *record = used(arn, "lcu", "", 0, 0);
    json_object_set_new(record, "_until_ms", json_integer(start_ms));
    put(fixture, "usage-load-balancer", "us-east-1", "lcu", record);
    add_metric(fixture->series, "ProcessedBytes", start_ms + MINUTE, 5e9);
    json_auto_t *report = report_after(fixture, HOUR / 2, "");
    assert_float_equal(number_at(report, "Cost"), 5 * 0.008, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_is_charged_by_the_second_and_for_a_minute_at_least),
        cmocka_unit_test(a_load_balancer_is_charged_by_started_hours),
        cmocka_unit_test(a_volume_that_grows_is_charged_for_each_size_while_it_had_it),
        cmocka_unit_test(a_clock_that_stands_still_uses_nothing_and_ending_twice_is_harmless),
        cmocka_unit_test(sums_keep_what_was_used),
        cmocka_unit_test(an_lcu_is_the_highest_of_four_dimensions),
        cmocka_unit_test_setup_teardown(each_hour_is_charged_by_its_own_dimension, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ten_evaluations_of_a_request_are_free, set_up, tear_down),
        cmocka_unit_test(sizes_cost_as_their_memory_says),
        cmocka_unit_test(every_type_has_a_price_where_there_are_prices),
        cmocka_unit_test_setup_teardown(
            what_is_gone_still_counts_and_a_month_goes_on_like_the_time_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fixed_fleet_has_the_maximum_all_the_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_region_without_prices_says_so_and_costs_nothing_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(lcus_since_the_record_was_written_are_in_the_report, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
