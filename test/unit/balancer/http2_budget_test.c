#include "balancer/http2_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { RESET_COST = 2560 };

static int resets_until_too_much(struct http2_budget *budget, int64_t step_ms, size_t paid)
{
    int64_t now_ms = budget->seen_ms;
    for (int count = 0; count < 100000; count++) {
        now_ms += step_ms;
        if (!http2_budget_charge(budget, now_ms, RESET_COST))
            return count;
        http2_budget_pay(budget, paid);
    }
    return -1;
}

static void cheap_frames_are_too_much_at_some_point(void **state)
{
    (void)state;
    struct http2_budget budget = {0};
    int count = resets_until_too_much(&budget, 0, 0);
    assert_in_range(count, 50, 500);
}

static void honest_work_and_time_pay_for_them(void **state)
{
    (void)state;
    struct http2_budget budget = {0};
    assert_int_equal(resets_until_too_much(&budget, 0, RESET_COST), -1);
    budget = (struct http2_budget){0};
    assert_int_equal(resets_until_too_much(&budget, 1000, 0), -1);
}

static void what_is_paid_ahead_is_not_kept(void **state)
{
    (void)state;
    struct http2_budget budget = {0};
    http2_budget_pay(&budget, SIZE_MAX);
    assert_in_range(resets_until_too_much(&budget, 0, 0), 50, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheap_frames_are_too_much_at_some_point),
        cmocka_unit_test(honest_work_and_time_pay_for_them),
        cmocka_unit_test(what_is_paid_ahead_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
