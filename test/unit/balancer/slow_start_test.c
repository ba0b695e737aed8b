#include "balancer/slow_start.h"

#include "balancer/selection.h"
#include "group_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { DURATION_MS = 100000 };
#define SLOW   "\"slow_start.duration_seconds\": \"100\""
#define ROW(n) "{\"Id\": \"10.0.0." #n "\"}"

static struct group_fixture fixture;
static int64_t now_ms;
static uint64_t generation;

/* Follows a document: the targets in it, and the attributes. */
static void load(const char *rows, const char *attributes)
{
    struct group_fixture old = fixture;
    group_load_targets(&fixture, rows, attributes);
    if (old.snapshot)
        group_unload(&old);
    slow_start_admit(fixture.group, ++generation);
    slow_start_follow(fixture.group, now_ms);
}

static void set(int index, int state)
{
    group_set(&fixture, index, state);
    slow_start_follow(fixture.group, now_ms);
}

static int share(int index)
{
    return atomic_load(&fixture.group->routable[index]->share);
}

static void pass(int64_t ms)
{
    now_ms += ms;
    slow_start_advance(fixture.group, now_ms);
}

static int begin(void **state)
{
    (void)state;
    fixture = (struct group_fixture){0};
    now_ms = 1000000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    group_unload(&fixture);
    return 0;
}

/* One healthy target that takes its full share, and a second one that has just come. */
static void load_newcomer(void)
{
    load(ROW(1), SLOW);
    set(0, TARGET_HEALTHY);
    load(ROW(1) "," ROW(2), SLOW);
}

static void the_share_of_a_new_target_grows_linearly(void **state)
{
    (void)state;
    load_newcomer();
    pass(DURATION_MS); /* the ramp begins when it is healthy, not when it was registered */
    set(1, TARGET_HEALTHY);
    assert_int_equal(share(1), 0);
    for (int percent = 1; percent < 100; percent++) {
        pass(DURATION_MS / 100);
        assert_int_equal(share(1), percent * TARGET_FULL_SHARE / 100);
        assert_int_equal(share(0), TARGET_FULL_SHARE);
    }
    pass(DURATION_MS / 100);
    assert_int_equal(share(1), TARGET_FULL_SHARE);
    assert_false(slow_start_advance(fixture.group, now_ms));
}

static void requests_follow_the_share_exactly(void **state)
{
    (void)state;
    load_newcomer();
    set(1, TARGET_HEALTHY);
    pass(DURATION_MS / 4);
    int turns[2] = {0};
    struct selection selection = {.pool = fixture.pool, .now_ms = 1000};
    for (int i = 0; i < 500; i++)
        turns[selection_next(&selection) == fixture.pool->targets[1]]++;
    assert_int_equal(turns[0], 400); /* one of five: a quarter against a whole */
    assert_int_equal(turns[1], 100);
}

static void targets_present_when_it_is_enabled_do_not_ramp(void **state)
{
    (void)state;
    load(ROW(1) "," ROW(2), "");
    set(0, TARGET_HEALTHY);
    set(1, TARGET_HEALTHY);
    load(ROW(1) "," ROW(2), SLOW);
    assert_int_equal(share(0), TARGET_FULL_SHARE);
    assert_int_equal(share(1), TARGET_FULL_SHARE);
}

static void a_batch_into_an_empty_group_does_not_ramp(void **state)
{
    (void)state;
    load("", SLOW);
    load(ROW(1) "," ROW(2), SLOW);
    set(0, TARGET_HEALTHY);
    set(1, TARGET_HEALTHY);
    assert_int_equal(share(0), TARGET_FULL_SHARE);
    assert_int_equal(share(1), TARGET_FULL_SHARE);
}

static void without_a_healthy_peer_that_does_not_ramp_nobody_ramps(void **state)
{
    (void)state;
    load_newcomer();
    set(0, TARGET_UNHEALTHY);
    set(1, TARGET_HEALTHY);
    assert_int_equal(share(1), TARGET_FULL_SHARE);
}

static void a_peer_that_ramps_is_not_enough(void **state)
{
    (void)state;
    load_newcomer();
    set(1, TARGET_HEALTHY);
    set(0, TARGET_UNHEALTHY);
    load(ROW(1) "," ROW(2) "," ROW(3), SLOW);
    set(2, TARGET_HEALTHY);
    assert_int_equal(share(1), 0);
    assert_int_equal(share(2), TARGET_FULL_SHARE);
}

static void a_target_that_recovers_ramps_again(void **state)
{
    (void)state;
    load_newcomer();
    set(1, TARGET_HEALTHY);
    pass(DURATION_MS / 2);
    set(1, TARGET_UNHEALTHY);
    assert_int_equal(share(1), TARGET_FULL_SHARE); /* it is out of slow start */
    pass(DURATION_MS / 4);
    set(1, TARGET_HEALTHY);
    assert_int_equal(share(1), 0);
    pass(DURATION_MS / 2);
    assert_int_equal(share(1), TARGET_FULL_SHARE / 2);
}

static void a_target_that_is_registered_anew_ramps_again(void **state)
{
    (void)state;
    load_newcomer();
    set(1, TARGET_HEALTHY);
    pass(DURATION_MS);
    static const char *const without[] = {ROW(1) ", {\"Id\": \"10.0.0.2\", \"Draining\": true}",
                                          ROW(1)};
    struct target *target = fixture.group->routable[1];
    target_hold(target); /* a request is still in flight */
    for (int i = 0; i < 2; i++) {
        load(without[i], SLOW);
        load(ROW(1) "," ROW(2), SLOW);
        assert_ptr_equal(fixture.group->routable[1], target);
        set(1, TARGET_INITIAL);
        set(1, TARGET_HEALTHY);
        assert_int_equal(share(1), 0);
        pass(DURATION_MS);
    }
    target_release(fixture.snapshot->targets, target);
}

static void switching_it_off_ends_every_ramp(void **state)
{
    (void)state;
    load_newcomer();
    set(1, TARGET_HEALTHY);
    load(ROW(1) "," ROW(2), "");
    assert_int_equal(share(1), TARGET_FULL_SHARE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_share_of_a_new_target_grows_linearly),
        TEST(requests_follow_the_share_exactly),
        TEST(targets_present_when_it_is_enabled_do_not_ramp),
        TEST(a_batch_into_an_empty_group_does_not_ramp),
        TEST(without_a_healthy_peer_that_does_not_ramp_nobody_ramps),
        TEST(a_peer_that_ramps_is_not_enough),
        TEST(a_target_that_recovers_ramps_again),
        TEST(a_target_that_is_registered_anew_ramps_again),
        TEST(switching_it_off_ends_every_ramp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
