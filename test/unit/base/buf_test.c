#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void appends_grow_and_stay_terminated(void **state)
{
    (void)state;
    auto_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%03d", i);
    assert_false(buf.failed);
    assert_int_equal(buf.size, 3000);
    assert_int_equal(buf.data[3000], 0);
    buf_consume(&buf, 2997);
    assert_string_equal(buf.data, "999");
}

static void past_the_limit_it_fails_and_stays_failed(void **state)
{
    (void)state;
    auto_buf buf = {.size_limit = 10};
    buf_append_string(&buf, "1234567890");
    assert_false(buf.failed);
    buf_append_char(&buf, '1');
    assert_true(buf.failed);
    assert_int_equal(buf.size, 10);
    buf_clear(&buf);
    buf_append_string(&buf, "again");
    assert_string_equal(buf.data, "again");
}

static void take_moves_the_contents_out(void **state)
{
    (void)state;
    auto_buf buf = {0};
    char *empty = buf_take(&buf);
    assert_string_equal(empty, "");
    free(empty);
    buf_append_string(&buf, "text");
    char *text = buf_take(&buf);
    assert_string_equal(text, "text");
    assert_null(buf.data);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_grow_and_stay_terminated),
        cmocka_unit_test(past_the_limit_it_fails_and_stays_failed),
        cmocka_unit_test(take_moves_the_contents_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
