#include "ipc/response_time.h"

#include "ipc/message.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void the_middle_of_a_bucket_is_within_a_32nd_of_every_value_in_it(void **state)
{
    (void)state;
    for (uint64_t us = 1; us < UINT64_C(1) << 32; us += us / 100 + 1) {
        int bucket = response_time_bucket(us);
        assert_in_range(bucket, 0, RESPONSE_TIME_BUCKETS - 1);
        double middle = response_time_middle_us(bucket);
        assert_true(fabs(middle - (double)us) <= (double)us / 32);
    }
}

static void buckets_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    int last = response_time_bucket(0);
    assert_int_equal(last, 0);
    for (uint64_t us = 1; us < 1 << 20; us++) {
        int bucket = response_time_bucket(us);
        assert_true(bucket == last || bucket == last + 1);
        last = bucket;
    }
}

static void the_last_bucket_takes_what_is_longer(void **state)
{
    (void)state;
    assert_int_equal(response_time_bucket((UINT64_C(1) << 32) - 1), RESPONSE_TIME_BUCKETS - 1);
    assert_int_equal(response_time_bucket(UINT64_MAX), RESPONSE_TIME_BUCKETS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_middle_of_a_bucket_is_within_a_32nd_of_every_value_in_it),
        cmocka_unit_test(buckets_follow_each_other_without_a_gap),
        cmocka_unit_test(the_last_bucket_takes_what_is_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
