#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

static int calls;
static struct loop *loop;

static int setup(void **state)
{
    struct err err;
    (void)state;
    calls = 0;
    loop = loop_create(&err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(loop);
    return 0;
}

static void count(struct loop_timer *timer)
{
    int *order = timer->owner;
    if (order)
        *order = calls;
    calls++;
}

static void advancing_the_cloud_clock_makes_cloud_timers_due(void **state)
{
    (void)state;
    struct err err;
    struct loop_timer hour;
    loop_timer_init(&hour, count, NULL);
    struct cloud_clock clock = cloud_clock_start(1);
    loop_set_cloud_clock(loop, &clock);
    loop_timer_set_cloud(loop, &hour, cloud_clock_now(&clock) + 3600 * 1000);
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 0);
    cloud_clock_advance(&clock, 3600 * 1000);
    loop_set_cloud_clock(loop, &clock);
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 1);
    assert_int_equal(hour.heap_index, -1);
}

static void timers_fire_in_order_of_their_time_and_not_when_cleared(void **state)
{
    (void)state;
    struct err err;
    struct loop_timer timers[20];
    int order[20];
    struct cloud_clock clock = cloud_clock_start(1);
    loop_set_cloud_clock(loop, &clock);
    for (int i = 0; i < 20; i++) {
        loop_timer_init(&timers[i], count, &order[i]);
        loop_timer_set_cloud(loop, &timers[i],
                             cloud_clock_now(&clock) + 100000 + (i * 7 % 20) * 1000);
    }
    loop_timer_clear(loop, &timers[3]);
    loop_timer_clear(loop, &timers[3]);
    cloud_clock_advance(&clock, 1000000);
    loop_set_cloud_clock(loop, &clock);
    while (calls < 19)
        loop_turn(loop, 0, &err);
    for (int i = 0; i < 20; i++)
        for (int j = 0; j < 20; j++)
            if (i != 3 && j != 3 && i * 7 % 20 < j * 7 % 20)
                assert_true(order[i] < order[j]);
}

/* Timers that are set for now: each sets the one it owns. */
static void set_next(struct loop_timer *timer)
{
    calls++;
    loop_timer_set(loop, timer->owner, 0);
}

static void whoever_always_has_more_to_do_gets_two_calls_a_turn(void **state)
{
    (void)state;
    struct err err;
    struct loop_timer busy, later[100];
    loop_timer_init(&busy, set_next, &busy);
    for (int i = 0; i < 100; i++) {
        loop_timer_init(&later[i], count, NULL);
        loop_timer_set(loop, &later[i], 60000);
    }
    loop_timer_set(loop, &busy, 0);
    loop_turn(loop, -1, &err);
    assert_int_equal(calls, 2);
    loop_turn(loop, -1, &err); /* which does not wait */
    assert_int_equal(calls, 4);
}

static void what_is_passed_on_is_done_in_the_same_turn(void **state)
{
    (void)state;
    struct err err;
    struct loop_timer first, second;
    int order = -1;
    loop_timer_init(&second, count, &order);
    loop_timer_init(&first, set_next, &second);
    loop_timer_set(loop, &first, 0);
    loop_turn(loop, -1, &err);
    assert_int_equal(calls, 2);
    assert_int_equal(order, 1);
}

static void timers_for_now_fire_in_the_order_they_were_set_and_not_when_cleared(void **state)
{
    (void)state;
    struct err err;
    struct loop_timer timers[50];
    int order[50];
    for (int i = 0; i < 50; i++) {
        order[i] = -1;
        loop_timer_init(&timers[i], count, &order[i]);
        loop_timer_set(loop, &timers[i], 0);
    }
    loop_timer_set(loop, &timers[0], 0); /* keeps its place */
    loop_timer_clear(loop, &timers[7]);
    loop_timer_clear(loop, &timers[49]);
    loop_timer_set(loop, &timers[8], 60000);
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 47);
    assert_int_equal(order[7], -1);
    assert_int_equal(order[8], -1);
    assert_int_equal(order[49], -1);
    for (int i = 0; i < 49; i++)
        if (i != 7 && i != 8)
            assert_int_equal(order[i], i < 7 ? i : i - 2);
    loop_timer_clear(loop, &timers[8]);
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 47);
}

static struct loop_watch watches[2];

/* Whoever comes first removes the other, whose event is pending in the same turn. */
static void unwatch_other(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    calls++;
    loop_unwatch(loop, watch == &watches[0] ? &watches[1] : &watches[0]);
}

static void a_watch_that_was_removed_gets_no_pending_event(void **state)
{
    (void)state;
    struct err err;
    int ends[2][2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        watches[i] = (struct loop_watch){.fd = -1, .on_event = unwatch_other};
        assert_int_equal(loop_watch(loop, &watches[i], ends[i][0], EPOLLIN, &err), 0);
    }
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 1);
    for (int i = 0; i < 4; i++)
        close(ends[i / 2][i % 2]);
}

static void forget_other(struct loop_watch *watch, uint32_t events)
{
    struct loop_watch *other = watch == &watches[0] ? &watches[1] : &watches[0];
    int fd = other->fd;
    (void)events;
    calls++;
    loop_forget(loop, other);
    if (fd >= 0)
        close(fd);
}

static void a_watch_that_was_forgotten_and_closed_gets_no_event(void **state)
{
    (void)state;
    struct err err;
    int ends[2][2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        watches[i] = (struct loop_watch){.fd = -1, .on_event = forget_other};
        assert_int_equal(loop_watch(loop, &watches[i], ends[i][0], EPOLLIN, &err), 0);
    }
    loop_turn(loop, 0, &err);
    assert_int_equal(calls, 1);
    loop_turn(loop, 0, &err); /* the one that was not closed is still there to be read */
    assert_int_equal(calls, 2);
    close(watches[0].fd >= 0 ? watches[0].fd : watches[1].fd);
    for (int i = 0; i < 2; i++)
        close(ends[i][1]);
}

static void cloud_time_runs_faster_by_its_speed(void **state)
{
    (void)state;
    struct cloud_clock clock = {.base_cloud_ms = 5000, .base_mono_ms = 100, .speed = 60};
    assert_int_equal(cloud_clock_at(&clock, 100), 5000);
    assert_int_equal(cloud_clock_at(&clock, 1100), 65000);
    cloud_clock_advance(&clock, 900000);
    assert_int_equal(cloud_clock_at(&clock, 1100), 965000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(advancing_the_cloud_clock_makes_cloud_timers_due, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_their_time_and_not_when_cleared,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_always_has_more_to_do_gets_two_calls_a_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_passed_on_is_done_in_the_same_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            timers_for_now_fire_in_the_order_they_were_set_and_not_when_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(a_watch_that_was_removed_gets_no_pending_event, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_watch_that_was_forgotten_and_closed_gets_no_event, setup,
                                        teardown),
        cmocka_unit_test(cloud_time_runs_faster_by_its_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
