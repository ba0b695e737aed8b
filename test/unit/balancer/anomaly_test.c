#include "balancer/anomaly.h"

#include "group_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RANDOM    "\"load_balancing.algorithm.type\": \"weighted_random\""
#define MITIGATES RANDOM ", \"load_balancing.algorithm.anomaly_mitigation\": \"on\""

static struct group_fixture fixture;
static int told; /* changes */

static void on_change(const struct target *target, void *owner)
{
    (void)target, (void)owner;
    told++;
}

static void end_round(void)
{
    anomaly_round(fixture.group, GROUP_THREADS, on_change, NULL);
}

/* The target answered, or a connection to it failed; counted by two threads. */
static void answer(int index, int answers, int errors)
{
    struct target *target = fixture.group->routable[index];
    target->threads[1].answers += (uint64_t)answers / 2;
    target->threads[2].answers += (uint64_t)(answers - answers / 2);
    target->threads[1].errors += (uint64_t)errors;
}

static void answer_all(int count, int answers, int errors)
{
    for (int i = 0; i < count; i++)
        answer(i, answers, errors);
}

static const struct target_anomaly *result(int index)
{
    return &fixture.group->routable[index]->anomaly;
}

static int share(int index)
{
    return atomic_load(&fixture.group->routable[index]->share);
}

static void load(int count, const char *attributes)
{
    told = 0;
    group_load(&fixture, count, attributes);
}

static int unload(void **state)
{
    (void)state;
    group_unload(&fixture);
    return 0;
}

static void who_fails_more_than_his_peers_is_anomalous(void **state)
{
    (void)state;
    load(3, "");
    answer_all(2, 100, 1);
    answer(2, 100, 30);
    end_round();
    assert_true(result(2)->anomalous);
    assert_false(result(0)->anomalous || result(1)->anomalous);
    assert_int_equal(told, 1);
    answer_all(3, 100, 0);
    end_round();
    assert_false(result(2)->anomalous);
    assert_int_equal(told, 2);
}

static void what_most_targets_do_is_normal(void **state)
{
    (void)state;
    load(4, "");
    answer_all(4, 100, 60);
    end_round();
    assert_int_equal(told, 0);
    answer_all(3, 100, 60);
    answer(3, 100, 0);
    end_round();
    assert_int_equal(told, 0);
}

static void fewer_than_three_healthy_targets_are_not_compared(void **state)
{
    (void)state;
    load(3, MITIGATES);
    answer_all(2, 100, 0);
    answer(2, 100, 100);
    end_round();
    assert_true(result(2)->anomalous && result(2)->mitigated);
    group_set(&fixture, 0, TARGET_UNHEALTHY);
    answer(2, 100, 100);
    end_round();
    assert_false(result(2)->anomalous || result(2)->mitigated);
    assert_int_equal(share(2), TARGET_FULL_SHARE);
}

static void a_few_answers_say_nothing_until_there_are_more(void **state)
{
    (void)state;
    load(3, "");
    for (int round = 0; round < 4; round++) {
        answer_all(2, 100, 0);
        answer(2, 2, 2);
        end_round();
        assert_false(result(2)->anomalous);
    }
    answer_all(2, 100, 0);
    answer(2, 2, 2);
    end_round();
    assert_true(result(2)->anomalous);
}

static void mitigation_halves_the_share_step_by_step_and_gives_it_back(void **state)
{
    (void)state;
    load(3, MITIGATES);
    int expected = TARGET_FULL_SHARE;
    for (int round = 0; round < 4; round++) {
        answer_all(2, 100, 0);
        answer(2, 100, 50);
        end_round();
        expected /= 2;
        assert_int_equal(share(2), expected);
        assert_true(result(2)->mitigated);
    }
    for (int round = 0; round < 4; round++) {
        assert_true(result(2)->mitigated);
        int before = share(2);
        answer_all(3, 100, 0);
        end_round();
        assert_true(share(2) > before);
    }
    assert_int_equal(share(2), TARGET_FULL_SHARE);
    assert_false(result(2)->mitigated || result(2)->anomalous);
    assert_int_equal(share(0), TARGET_FULL_SHARE);
}

static void some_share_is_left_to_see_whether_it_is_normal_again(void **state)
{
    (void)state;
    load(3, MITIGATES);
    for (int round = 0; round < 20; round++) {
        answer_all(2, 100, 0);
        answer(2, 100, 100);
        end_round();
    }
    assert_int_equal(share(2), ANOMALY_SHARE_MIN);
}

static void without_mitigation_an_anomaly_takes_nothing_away(void **state)
{
    (void)state;
    load(3, RANDOM);
    answer_all(2, 100, 0);
    answer(2, 100, 100);
    end_round();
    assert_true(result(2)->anomalous);
    assert_false(result(2)->mitigated);
    assert_int_equal(share(2), TARGET_FULL_SHARE);
}

#define TEST(name) cmocka_unit_test_teardown(name, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_fails_more_than_his_peers_is_anomalous),
        TEST(what_most_targets_do_is_normal),
        TEST(fewer_than_three_healthy_targets_are_not_compared),
        TEST(a_few_answers_say_nothing_until_there_are_more),
        TEST(mitigation_halves_the_share_step_by_step_and_gives_it_back),
        TEST(some_share_is_left_to_see_whether_it_is_normal_again),
        TEST(without_mitigation_an_anomaly_takes_nothing_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
