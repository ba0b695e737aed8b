#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void context_goes_in_front_and_keeps_code_and_number(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_sys(&err, ENOENT, "%s", "/nowhere"), -1);
    err_wrap(&err, "opening %d", 7);
    assert_string_equal(err.text, "opening 7: /nowhere: No such file or directory");
    assert_int_equal(err.number, ENOENT);
    assert_string_equal(err.code, "");
    err_aws(&err, "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", "vpc-1");
    err_wrap(&err, "x");
    assert_string_equal(err.code, "InvalidVpcID.NotFound");
    assert_int_equal(err.number, 0);
}

static void text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct err err;
    char text[3 * ERR_TEXT_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    err_set(&err, "%s", text);
    err_wrap(&err, "%s", text);
    err_sys(&err, EIO, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_goes_in_front_and_keeps_code_and_number),
        cmocka_unit_test(text_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
