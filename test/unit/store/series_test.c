#include "store/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MINUTE = 60 * 1000 };
static const int64_t start_ms = (int64_t)1700000040 * 1000; /* a whole minute */

static const struct series_dimension dimensions[] = {{"A", "1"}, {"B", "2"}};
static const struct series_dimension swapped[] = {{"B", "2"}, {"A", "1"}};
static const struct series_key key = {"us-east-1", "N", "M", dimensions, 2};
static const struct series_key same_key = {"us-east-1", "N", "M", swapped, 2};

static void add(struct series_store *store, int64_t at_ms, double value)
{
    struct err err;
    struct series_point point = {.count = 1, .sum = value, .minimum = value, .maximum = value};
    assert_int_equal(series_add(store, &key, "Count", at_ms, &point, &err), 0);
}

static struct series_store *open_store(const char *path)
{
    struct err err;
    struct series_store *store = series_open(path, &err);
    assert_non_null(store);
    return store;
}

static void values_of_a_minute_are_aggregated(void **state)
{
    (void)state;
    struct series_store *store = open_store(NULL);
    add(store, start_ms + 1, 3);
    add(store, start_ms + 59999, 5);
    add(store, start_ms + 60000, 7);
    struct series_point points[3];
    assert_int_equal(series_read(series_find(store, &same_key), start_ms, start_ms + 10 * MINUTE,
                                 MINUTE, points, 3),
                     2);
    assert_int_equal(points[0].start_ms, start_ms);
    assert_float_equal(points[0].sum, 8, 0);
    assert_float_equal(points[0].minimum, 3, 0);
    assert_float_equal(points[0].maximum, 5, 0);
    assert_float_equal(points[1].sum, 7, 0);
    series_close(store);
}

static void periods_begin_at_the_start_asked_for_and_gaps_stay_gaps(void **state)
{
    (void)state;
    struct series_store *store = open_store(NULL);
    for (int minute = 0; minute < 20; minute++)
        if (minute < 5 || minute >= 12)
            add(store, start_ms + minute * MINUTE, 1);
    struct series_point points[10];
    const struct series *series = series_find(store, &key);
    assert_int_equal(
        series_read(series, start_ms + MINUTE, start_ms + 16 * MINUTE, 5 * MINUTE, points, 10), 2);
    assert_int_equal(points[0].start_ms, start_ms + MINUTE);
    assert_float_equal(points[0].count, 4, 0);
    assert_int_equal(points[1].start_ms, start_ms + 11 * MINUTE);
    assert_float_equal(points[1].count, 4, 0);
    assert_int_equal(series_read(series, start_ms, start_ms + 20 * MINUTE, MINUTE, points, 3), 3);
    series_close(store);
}

static void history_beyond_the_ring_is_read_and_changed_on_disk(void **state)
{
    (void)state;
    struct series_store *store = open_store(NULL);
    for (int minute = 0; minute < 500; minute++)
        add(store, start_ms + minute * MINUTE, minute);
    add(store, start_ms + 3 * MINUTE, 100);
    struct series_point points[500];
    assert_int_equal(series_read(series_find(store, &key), start_ms, start_ms + 500 * MINUTE,
                                 MINUTE, points, 500),
                     500);
    for (int minute = 0; minute < 500; minute++)
        assert_float_equal(points[minute].sum, minute == 3 ? 103 : minute, 0);
    series_close(store);
}

static void a_restart_keeps_what_was_flushed_and_goes_on_in_the_same_minute(void **state)
{
    (void)state;
    char path[] = "/tmp/series-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct err err;
    struct series_store *store = open_store(path);
    add(store, start_ms, 1);
    add(store, start_ms + MINUTE, 2);
    assert_int_equal(series_flush(store, &err), 0);
    series_close(store);
    store = open_store(path);
    assert_string_equal(series_unit(series_find(store, &key)), "Count");
    add(store, start_ms + MINUTE, 4);
    add(store, start_ms, 8);
    struct series_point points[3];
    assert_int_equal(
        series_read(series_find(store, &key), start_ms, start_ms + 3 * MINUTE, MINUTE, points, 3),
        2);
    assert_float_equal(points[0].sum, 9, 0);
    assert_float_equal(points[1].sum, 6, 0);
    assert_float_equal(points[1].maximum, 4, 0);
    series_close(store);
    unlink(path);
    char beside[sizeof path + 4];
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
}

static void percentiles_are_exact_to_five_percent(void **state)
{
    (void)state;
    struct series_store *store = open_store(NULL);
    for (int i = 1; i <= 100; i++)
        add(store, start_ms + i % 3 * MINUTE, i);
    const struct series *series = series_find(store, &key);
    const double asked[] = {10, 50, 90, 99};
    for (size_t i = 0; i < 4; i++)
        assert_float_equal(series_percentile(series, start_ms, start_ms + 3 * MINUTE, asked[i]),
                           asked[i], asked[i] * 0.05 + 0.5);
    assert_float_equal(series_percentile(series, start_ms, start_ms + 3 * MINUTE, 100), 100, 5);
    assert_true(isnan(series_percentile(series, start_ms + 5 * MINUTE, start_ms + 9 * MINUTE, 50)));
    series_close(store);
}

static void percentiles_of_values_that_are_not_known_are_not_given(void **state)
{
    (void)state;
    struct err err;
    struct series_store *store = open_store(NULL);
    struct series_point point = {.count = 3, .sum = 9, .minimum = 1, .maximum = 5};
    assert_int_equal(series_add(store, &key, "Count", start_ms, &point, &err), 0);
    assert_true(isnan(series_percentile(series_find(store, &key), start_ms, start_ms + 1, 50)));
    struct series_value values[] = {{1, 1}, {3, 1}, {5, 1}};
    int64_t next_ms = start_ms + MINUTE;
    assert_int_equal(series_add_values(store, &key, "Count", next_ms, &point, values, 3, &err), 0);
    assert_float_equal(series_percentile(series_find(store, &key), next_ms, next_ms + 1, 50), 3,
                       0.15);
    series_close(store);
}

static void a_series_without_data_for_fifteen_days_is_forgotten(void **state)
{
    (void)state;
    struct err err;
    struct series_store *store = open_store(NULL);
    add(store, start_ms, 1);
    struct series_key other = key;
    other.metric = "Other";
    struct series_point point = {.count = 1};
    assert_int_equal(series_add(store, &other, "Count",
                                start_ms + (SERIES_MINUTES_KEPT + 1LL) * MINUTE, &point, &err),
                     0);
    assert_int_equal(series_flush(store, &err), 0);
    assert_null(series_find(store, &key));
    assert_non_null(series_find(store, &other));
    series_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_a_minute_are_aggregated),
        cmocka_unit_test(periods_begin_at_the_start_asked_for_and_gaps_stay_gaps),
        cmocka_unit_test(history_beyond_the_ring_is_read_and_changed_on_disk),
        cmocka_unit_test(a_restart_keeps_what_was_flushed_and_goes_on_in_the_same_minute),
        cmocka_unit_test(percentiles_are_exact_to_five_percent),
        cmocka_unit_test(percentiles_of_values_that_are_not_known_are_not_given),
        cmocka_unit_test(a_series_without_data_for_fifteen_days_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
