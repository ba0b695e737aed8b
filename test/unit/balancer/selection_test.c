#include "balancer/selection.h"

#include "group_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEAST  "\"load_balancing.algorithm.type\": \"least_outstanding_requests\""
#define RANDOM "\"load_balancing.algorithm.type\": \"weighted_random\""
#define ROUTES "\"target_group_health.unhealthy_state_routing.minimum_healthy_targets."
#define NO_DNS "\"target_group_health.dns_failover.minimum_healthy_targets."

static struct group_fixture fixture;
static uint64_t chance;

/* The number of the target that a thread chooses; -1: none. */
static int choose(int thread, int tried)
{
    struct selection selection = {
        .algorithm = fixture.group->attributes.algorithm,
        .pool = fixture.pool,
        .tried = fixture.pool->targets,
        .tried_count = tried,
        .thread = thread,
        .now_ms = 1000,
        .random = chance++ * 0x2545f4914f6cdd1d,
    };
    const struct target *target = selection_next(&selection);
    for (int i = 0; target && i < fixture.pool->count; i++)
        if (fixture.pool->targets[i] == target)
            return i;
    return -1;
}

static struct target *target_at(int index)
{
    return fixture.pool->targets[index];
}

static void load(int count, const char *attributes)
{
    group_load(&fixture, count, attributes);
}

static int unload(void **state)
{
    (void)state;
    group_unload(&fixture);
    return 0;
}

/* ---- round_robin ---- */

static void round_robin_takes_one_after_the_other(void **state)
{
    (void)state;
    load(3, "");
    for (int i = 0; i < 9; i++)
        assert_int_equal(choose(0, 0), i % 3);
}

static void unhealthy_targets_are_passed_over_until_none_is_healthy(void **state)
{
    (void)state;
    load(3, "");
    group_set(&fixture, 1, TARGET_UNHEALTHY);
    assert_int_equal(choose(0, 0), 0);
    assert_int_equal(choose(0, 0), 2);
    assert_int_equal(choose(0, 0), 0);
    group_set(&fixture, 0, TARGET_UNHEALTHY);
    group_set(&fixture, 2, TARGET_INITIAL);
    assert_int_equal(choose(0, 0), 1);
    assert_int_equal(choose(0, 0), 2);
}

static void below_the_percentage_of_healthy_targets_all_are_used(void **state)
{
    (void)state;
    load(3, ROUTES "percentage\": \"50\"");
    group_set(&fixture, 0, TARGET_UNHEALTHY);
    assert_int_equal(choose(0, 0), 1);
    group_set(&fixture, 1, TARGET_UNHEALTHY);
    assert_int_equal(choose(0, 0), 2);
    assert_int_equal(choose(0, 0), 0);
    assert_int_equal(choose(0, 0), 1);
}

static void either_threshold_opens_the_pool(void **state)
{
    (void)state;
    load(4, ROUTES "count\": \"3\", " NO_DNS "count\": \"off\", " ROUTES "percentage\": \"25\"");
    group_set(&fixture, 0, TARGET_UNHEALTHY);
    assert_false(atomic_load(&fixture.pool->open));
    group_set(&fixture, 1, TARGET_UNHEALTHY);
    assert_true(atomic_load(&fixture.pool->open));
}

static void tried_targets_are_not_offered_and_failing_ones_come_last(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"", LEAST, RANDOM};
    for (int i = 0; i < 3; i++) {
        load(3, algorithms[i]);
        assert_int_equal(choose(0, 2), 2);
        assert_int_equal(choose(0, 3), -1);
        target_at(0)->threads[0].avoid_until_ms = 2000;
        target_at(1)->threads[0].avoid_until_ms = 2000;
        for (int turn = 0; turn < 4; turn++)
            assert_int_equal(choose(0, 0), 2);
        target_at(2)->threads[0].avoid_until_ms = 2000;
        assert_true(choose(0, 0) >= 0);
        if (i < 2)
            group_unload(&fixture);
    }
}

static void a_thousand_targets_have_their_turns(void **state)
{
    (void)state;
    static int turns[1000];
    memset(turns, 0, sizeof turns);
    load(1000, "");
    for (int i = 0; i < 1000; i++)
        if (i % 10 == 3)
            group_set(&fixture, i, TARGET_UNHEALTHY);
    for (int i = 0; i < 1800; i++)
        turns[choose(0, 0)]++;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(turns[i], i % 10 == 3 ? 0 : 2);
}

static void threads_begin_apart_from_each_other(void **state)
{
    (void)state;
    load(8, "");
    struct snapshot *snapshot = fixture.snapshot;
    struct pool pool = {.targets = fixture.pool->targets, .count = fixture.pool->count};
    pool_prepare(&pool, snapshot);
    for (int i = 0; i < GROUP_THREADS; i++)
        assert_int_equal((pool.rotations[i].next + 8 - pool.rotations[0].next) % 8, i * 2);
}

/* ---- least_outstanding_requests ---- */

static void the_fewest_outstanding_requests_of_all_threads_count(void **state)
{
    (void)state;
    load(3, LEAST);
    atomic_store(&target_at(0)->outstanding, 5);
    atomic_store(&target_at(1)->outstanding, 3);
    atomic_store(&target_at(2)->outstanding, 4);
    for (int thread = 0; thread < GROUP_THREADS; thread++)
        assert_int_equal(choose(thread, 0), 1);
}

static void equals_have_their_turns(void **state)
{
    (void)state;
    load(3, LEAST);
    for (int i = 0; i < 6; i++)
        assert_int_equal(choose(0, 0), i % 3);
    for (int i = 0; i < 3; i++)
        atomic_store(&target_at(i)->outstanding, 7);
    for (int i = 0; i < 6; i++)
        assert_int_equal(choose(0, 0), i % 3);
}

static void skewed_threads_level_the_targets_out(void **state)
{
    (void)state;
    load(4, LEAST);
    atomic_store(&target_at(0)->outstanding, 40); /* which another thread keeps busy */
    /* One thread begins 9 of 10 requests, and none ends. */
    for (int i = 0; i < 160 - 40; i++) {
        int chosen = choose(i % 10 ? 0 : 1 + i % 3, 0);
        atomic_fetch_add(&target_at(chosen)->outstanding, 1);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(atomic_load(&target_at(i)->outstanding), 40);
}

static void a_large_group_is_levelled_out_too(void **state)
{
    (void)state;
    enum { COUNT = 1000, EACH = 5 };
    load(COUNT, LEAST);
    for (int i = 0; i < COUNT; i++)
        atomic_store(&target_at(i)->outstanding, i % EACH);
    int left = COUNT * EACH - COUNT * (EACH - 1) / 2;
    for (int i = 0; i < left; i++)
        atomic_fetch_add(&target_at(choose(i % GROUP_THREADS, 0))->outstanding, 1);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(atomic_load(&target_at(i)->outstanding), EACH);
}

static void who_has_finished_in_a_large_group_is_found_soon(void **state)
{
    (void)state;
    load(1000, LEAST);
    for (int i = 0; i < 1000; i++)
        atomic_store(&target_at(i)->outstanding, 9);
    choose(0, 0);
    atomic_store(&target_at(777)->outstanding, 3);
    int found = 0;
    for (int i = 0; i < 64; i++)
        found += choose(0, 0) == 777;
    assert_int_equal(found, 1);
}

static void unhealthy_targets_have_the_fewest_requests_and_get_none(void **state)
{
    (void)state;
    load(3, LEAST);
    atomic_store(&target_at(0)->outstanding, 1);
    atomic_store(&target_at(1)->outstanding, 2);
    group_set(&fixture, 2, TARGET_UNHEALTHY);
    assert_int_equal(choose(0, 0), 0);
}

/* ---- weighted_random ---- */

enum { THROWS = 30000 };

/* How often each of four targets is chosen. */
static void throw(int turns[4])
{
    memset(turns, 0, 4 * sizeof *turns);
    for (int i = 0; i < THROWS; i++)
        turns[choose(0, 0)]++;
}

static void is_about(int turns, double share)
{
    assert_true(turns > THROWS * share * 0.9 && turns < THROWS * share * 1.1);
}

static void all_weights_are_equal(void **state)
{
    (void)state;
    int turns[4];
    load(4, RANDOM);
    throw(turns);
    for (int i = 0; i < 4; i++)
        is_about(turns[i], 0.25);
    group_set(&fixture, 1, TARGET_UNHEALTHY);
    throw(turns);
    assert_int_equal(turns[1], 0);
    is_about(turns[0], 1.0 / 3);
    is_about(turns[3], 1.0 / 3);
}

static void a_share_that_shrank_is_what_a_target_gets(void **state)
{
    (void)state;
    int turns[4];
    load(4, RANDOM);
    atomic_store(&target_at(2)->share, TARGET_FULL_SHARE / 4);
    throw(turns);
    is_about(turns[2], 0.25 / 3.25);
    is_about(turns[0], 1 / 3.25);
}

static void chance_passes_nobody_over_when_all_are_held_back(void **state)
{
    (void)state;
    load(2, RANDOM);
    atomic_store(&target_at(0)->share, 0);
    atomic_store(&target_at(1)->share, 0);
    assert_true(choose(0, 0) >= 0);
    assert_int_equal(choose(0, 1), 1);
}

/* ---- sessions ---- */

static void a_session_names_a_target_that_may_be_chosen(void **state)
{
    (void)state;
    load(100, "");
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(pool_session_target(fixture.pool, target_at(i)->session), target_at(i));
    assert_null(pool_session_target(fixture.pool, 12345));
    group_set(&fixture, 70, TARGET_UNHEALTHY);
    assert_null(pool_session_target(fixture.pool, target_at(70)->session));
    for (int i = 0; i < 100; i++)
        atomic_store(&target_at(i)->state, TARGET_UNHEALTHY);
    group_set(&fixture, 0, TARGET_UNHEALTHY);
    assert_ptr_equal(pool_session_target(fixture.pool, target_at(70)->session), target_at(70));
}

/* ---- attributes ---- */

static void what_excludes_each_other_is_refused(void **state)
{
    (void)state;
    assert_null(group_refusal(""));
    assert_null(group_refusal("\"slow_start.duration_seconds\": 30"));
    assert_non_null(group_refusal("\"slow_start.duration_seconds\": 30, " LEAST));
    assert_non_null(group_refusal("\"slow_start.duration_seconds\": 29"));
    assert_non_null(group_refusal("\"load_balancing.algorithm.anomaly_mitigation\": \"on\""));
    assert_non_null(group_refusal("\"lambda.multi_value_headers.enabled\": \"false\""));
    assert_non_null(group_refusal("\"stickiness.enabled\": [true]"));
    assert_null(group_refusal("\"stickiness.enabled\": true"));
}

#define TEST(name) cmocka_unit_test_teardown(name, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_robin_takes_one_after_the_other),
        TEST(unhealthy_targets_are_passed_over_until_none_is_healthy),
        TEST(below_the_percentage_of_healthy_targets_all_are_used),
        TEST(either_threshold_opens_the_pool),
        TEST(tried_targets_are_not_offered_and_failing_ones_come_last),
        TEST(a_thousand_targets_have_their_turns),
        TEST(threads_begin_apart_from_each_other),
        TEST(the_fewest_outstanding_requests_of_all_threads_count),
        TEST(equals_have_their_turns),
        TEST(skewed_threads_level_the_targets_out),
        TEST(a_large_group_is_levelled_out_too),
        TEST(who_has_finished_in_a_large_group_is_found_soon),
        TEST(unhealthy_targets_have_the_fewest_requests_and_get_none),
        TEST(all_weights_are_equal),
        TEST(a_share_that_shrank_is_what_a_target_gets),
        TEST(chance_passes_nobody_over_when_all_are_held_back),
        TEST(a_session_names_a_target_that_may_be_chosen),
        cmocka_unit_test(what_excludes_each_other_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
