#include "wire/query.h"
#include "wire/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct query *query, const char *text)
{
    return query_parse(query, text, strlen(text));
}

static void names_and_values_are_decoded(void **state)
{
    (void)state;
    auto_query query = {0};
    assert_int_equal(parse(&query, "a=1+2&&b%2E1=%3D%26&c&=d"), 0);
    assert_int_equal(query.count, 4);
    assert_string_equal(query_get(&query, "a"), "1 2");
    assert_string_equal(query_get(&query, "b.1"), "=&");
    assert_string_equal(query_get(&query, "c"), "");
    assert_string_equal(query_get(&query, ""), "d");
    assert_null(query_get(&query, "missing"));
}

static void broken_coding_and_nul_are_refused(void **state)
{
    (void)state;
    const char *const broken[] = {"a=%", "a=%4", "a=%zz", "a=x%00y", "%00=1"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        auto_query query = {0};
        assert_int_equal(parse(&query, broken[i]), -1);
    }
}

static void the_number_of_parameters_is_limited(void **state)
{
    (void)state;
    auto_buf text = {0};
    for (int i = 0; i <= QUERY_PARAMS_MAX; i++)
        buf_append_string(&text, "a&");
    auto_query query = {0};
    assert_int_equal(query_parse(&query, text.data, text.size), -1);
}

static void percent_coding_keeps_only_unreserved_bytes(void **state)
{
    (void)state;
    auto_buf coded = {0}, decoded = {0};
    uri_encode(&coded, "a-Z_0.~/ \xc3\xa9", 11, false);
    assert_string_equal(coded.data, "a-Z_0.~%2F%20%C3%A9");
    assert_true(uri_decode(&decoded, coded.data, coded.size, false));
    assert_string_equal(decoded.data, "a-Z_0.~/ \xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_decoded),
        cmocka_unit_test(broken_coding_and_nul_are_refused),
        cmocka_unit_test(the_number_of_parameters_is_limited),
        cmocka_unit_test(percent_coding_keeps_only_unreserved_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
