#include "balancer/traffic.h"

#include "ipc/response_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rows_hold_what_all_threads_counted_since_the_last_one(void **state)
{
    (void)state;
    struct traffic_table table;
    struct traffic *rows;
    traffic_table_init(&table, 2);
    struct cell *cell = traffic_cell(&table, "app/a/1", "targetgroup/t/2", "z");
    assert_ptr_equal(traffic_cell(&table, "app/a/1", "targetgroup/t/2", "z"), cell);
    counter_add(&cell->threads[0].requests, 2);
    counter_add(&cell->threads[1].requests, 3);
    traffic_response_time(&cell->threads[0], 1000);
    traffic_response_time(&cell->threads[1], 3);
    assert_int_equal(traffic_collect(&table, &rows), 1);
    assert_string_equal(rows[0].target_group, "targetgroup/t/2");
    assert_int_equal(rows[0].requests, 5);
    assert_int_equal(rows[0].response_time_min_us, 3);
    assert_int_equal(rows[0].response_time_max_us, 1000);
    assert_int_equal(rows[0].response_time_sum_us, 1003);
    assert_int_equal(rows[0].response_time_buckets[3], 1);
    assert_int_equal(rows[0].response_time_buckets[response_time_bucket(1000)], 1);
    free(rows);

    counter_add(&cell->threads[1].requests, 1);
    assert_int_equal(traffic_collect(&table, &rows), 1);
    assert_int_equal(rows[0].requests, 1);
    assert_int_equal(rows[0].response_time_max_us, 0);
    free(rows);
    assert_int_equal(traffic_collect(&table, &rows), 0);
    free(rows);
    traffic_table_finish(&table);
}

static void a_connection_counts_each_second_and_its_end_is_told(void **state)
{
    (void)state;
    struct traffic_table table;
    struct traffic *rows;
    traffic_table_init(&table, 1);
    struct cell *cell = traffic_cell(&table, "a", "", "z");
    counter_add(&cell->threads[0].active_connections, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(traffic_collect(&table, &rows), 1);
        assert_int_equal(rows[0].active_connections, 1);
        free(rows);
    }
    counter_add(&cell->threads[0].active_connections, (uint64_t)-1);
    assert_int_equal(traffic_collect(&table, &rows), 1);
    assert_int_equal(rows[0].active_connections, 0);
    free(rows);
    atomic_fetch_sub(&cell->uses, 1);
    assert_int_equal(traffic_collect(&table, &rows), 0);
    free(rows);
    assert_true(list_empty(&table.cells)); /* nobody uses it: forgotten */
    traffic_table_finish(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold_what_all_threads_counted_since_the_last_one),
        cmocka_unit_test(a_connection_counts_each_second_and_its_end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
