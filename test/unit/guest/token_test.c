#include "guest/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[TOKEN_KEY_SIZE] = {1, 2, 3};

static void a_token_is_good_for_its_instance_until_it_expires(void **state)
{
    static const uint8_t other_key[TOKEN_KEY_SIZE] = {1, 2, 4};
    char token[TOKEN_TEXT_SIZE];

    (void)state;
    token_issue(key, "i-1", 1000, token);
    size_t size = strlen(token);
    assert_true(token_check(key, "i-1", 999, token, size));
    assert_false(token_check(key, "i-1", 1000, token, size));
    assert_false(token_check(key, "i-2", 999, token, size));
    assert_false(token_check(other_key, "i-1", 999, token, size));
}

static void a_changed_token_is_none(void **state)
{
    char token[TOKEN_TEXT_SIZE];

    (void)state;
    token_issue(key, "i-1", 1000, token);
    size_t size = strlen(token);
    for (size_t i = 0; i < size; i++) {
        char byte = token[i];
        token[i] = byte == 'A' ? 'B' : 'A';
        assert_false(token_check(key, "i-1", 999, token, size));
        token[i] = byte;
        assert_false(token_check(key, "i-1", 999, token, i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_for_its_instance_until_it_expires),
        cmocka_unit_test(a_changed_token_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
