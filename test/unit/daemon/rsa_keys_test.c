/* RSA keys for api: made on a thread, told through the loop. */
#include "daemon/rsa_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

enum { TURN_MS = 10000 };

static int calls;

static void on_keys(void *arg)
{
    (void)arg;
    calls++;
}

static void await_call(struct loop *loop)
{
    struct err err;
    int before = calls;
    while (calls == before)
        assert_return_code(loop_turn(loop, TURN_MS, &err), 0);
}

static void expect_none_yet(struct rsa_keys *keys, int count)
{
    struct err err = {0};
    assert_null(rsa_keys_take(keys, count, &err));
    assert_true(err.again);
}

static void keys_come_when_there_are_as_many_as_were_asked_for(void **state)
{
    struct err err;
    struct loop *loop = loop_create(&err);
    struct rsa_keys *keys = rsa_keys_create(loop, on_keys, NULL, &err);
    (void)state;
    assert_non_null(keys);
    expect_none_yet(keys, 2);
    expect_none_yet(keys, 2); /* somebody else, meanwhile */
    await_call(loop);
    char *first = rsa_keys_take(keys, 2, &err), *second = rsa_keys_take(keys, 1, &err);
    assert_non_null(first);
    assert_non_null(second);
    assert_string_not_equal(first, second);
    assert_non_null(strstr(first, "PRIVATE KEY"));
    expect_none_yet(keys, 1);
    free(first);
    free(second);
    rsa_keys_destroy(keys); /* one is being made */
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_when_there_are_as_many_as_were_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
