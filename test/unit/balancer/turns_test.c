#include "balancer/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT = 100 };

static struct loop *loop;
static struct turns turns;
static struct turn all[COUNT];
static int taken[10 * COUNT], taken_count, events;

static void take(struct turn *turn)
{
    taken[taken_count++] = (int)(turn - all);
}

static void take_and_wait_again(struct turn *turn)
{
    take(turn);
    turn_wait(&turns, turn);
}

static int setup(void **state)
{
    struct err err;
    (void)state;
    taken_count = events = 0;
    loop = loop_create(&err);
    turns_init(&turns, loop, 0);
    for (int i = 0; i < COUNT; i++)
        turn_init(&all[i], take);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    turns_finish(&turns);
    loop_destroy(loop);
    return 0;
}

static void on_event(struct loop_watch *watch, uint32_t ready)
{
    char byte;
    (void)ready;
    events += (int)read(watch->fd, &byte, 1);
}

static void others_are_served_while_many_wait(void **state)
{
    struct err err;
    int ends[2];
    struct loop_watch watch = {.fd = -1, .on_event = on_event};
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_watch(loop, &watch, ends[0], EPOLLIN, &err), 0);
    for (int i = 0; i < COUNT; i++)
        turn_wait(&turns, &all[i]);
    for (int i = 1; taken_count < COUNT; i++) {
        assert_int_equal(write(ends[1], "x", 1), 1);
        loop_turn(loop, -1, &err);
        assert_int_equal(events, i);
        assert_in_range(taken_count, 1, 2 * i * TURNS_AT_ONCE);
    }
    close(ends[0]);
    close(ends[1]);
}

static void who_came_first_is_first(void **state)
{
    struct err err;
    (void)state;
    for (int i = 0; i < COUNT; i++)
        all[i].on_turn = take_and_wait_again;
    for (int i = 0; i < COUNT; i++)
        turn_wait(&turns, &all[i]);
    turn_wait(&turns, &all[0]); /* keeps its place */
    while (taken_count < 2 * COUNT)
        loop_turn(loop, -1, &err);
    for (int i = 0; i < 2 * COUNT; i++)
        assert_int_equal(taken[i], i % COUNT);
    for (int i = 0; i < COUNT; i++)
        turn_leave(&all[i]);
}

static void who_left_gets_no_turn(void **state)
{
    struct err err;
    (void)state;
    for (int i = 0; i < 2; i++)
        turn_wait(&turns, &all[i]);
    turn_leave(&all[0]);
    turn_leave(&all[0]);
    loop_turn(loop, 0, &err);
    assert_int_equal(taken_count, 1);
    assert_int_equal(taken[0], 1);
}

/* A clock that is late only makes the pauses longer. */
static void there_is_a_pause_if_asked_for(void **state)
{
    enum { PAUSE_MS = 2 };
    struct err err;
    (void)state;
    turns_init(&turns, loop, PAUSE_MS);
    for (int i = 0; i < 3 * TURNS_AT_ONCE; i++)
        turn_wait(&turns, &all[i]);
    loop_turn(loop, 0, &err);
    int64_t begun_ms = loop_now_ms(loop);
    assert_int_equal(taken_count, TURNS_AT_ONCE);
    while (taken_count < 3 * TURNS_AT_ONCE)
        loop_turn(loop, -1, &err);
    assert_true(loop_now_ms(loop) - begun_ms >= 2 * PAUSE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_are_served_while_many_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(who_came_first_is_first, setup, teardown),
        cmocka_unit_test_setup_teardown(who_left_gets_no_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_a_pause_if_asked_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
