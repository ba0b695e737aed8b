#include "wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void vectors_of_rfc_4648_round_trip(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        size_t size;
        char *data = base64_decode(text, strlen(text), &size);
        assert_string_equal(text, pairs[i][1]);
        assert_string_equal(data, pairs[i][0]);
        assert_int_equal(size, strlen(pairs[i][0]));
        free(text);
        free(data);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Zg", "Zg=", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Zm9v!", "=Zm9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t size;
        assert_null(base64_decode(bad[i], strlen(bad[i]), &size));
    }
}

static void white_space_is_dropped(void **state)
{
    (void)state;
    size_t size;
    char *data = base64_decode(" Zm9v\r\nYmFy\n", 12, &size);
    assert_string_equal(data, "foobar");
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648_round_trip),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(white_space_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
