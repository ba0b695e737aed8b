#include "wire/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

/* All pairs as "name=value|name=value". */
static const char *read_all(const char *header)
{
    static char text[512];
    size_t size = 0;
    struct cookie_reader reader = {slice_of(header), 0};
    struct cookie cookie;
    text[0] = 0;
    while (cookie_next(&reader, &cookie))
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s=%.*s", size ? "|" : "",
                                 (int)cookie.name.size, cookie.name.data, (int)cookie.value.size,
                                 cookie.value.data);
    return text;
}

static void pairs_are_split_and_trimmed(void **state)
{
    (void)state;
    assert_string_equal(read_all("a=1; b=2"), "a=1|b=2");
    assert_string_equal(read_all("a=1;b=2;"), "a=1|b=2");
    assert_string_equal(read_all(" \ta = 1 ; b = x y \t"), "a=1|b=x y");
    assert_string_equal(read_all("a=b=c=="), "a=b=c==");
    assert_string_equal(read_all("a="), "a=");
    assert_string_equal(read_all("a=\"q;r\"; b=1"), "a=\"q|b=1");
    assert_string_equal(read_all(""), "");
}

static void pieces_without_a_name_are_passed_over(void **state)
{
    (void)state;
    assert_string_equal(read_all("; ;;a=1;no pair;=2;b=3"), "a=1|b=3");
}

static void a_value_beyond_the_limit_counts_as_absent(void **state)
{
    (void)state;
    char header[COOKIE_VALUE_SIZE_MAX + 16];
    memset(header, 'x', sizeof header);
    memcpy(header, "a=", 2);
    snprintf(header + 2 + COOKIE_VALUE_SIZE_MAX, 8, ";b=1");
    struct cookie_reader reader = {slice_of(header), 0};
    struct cookie cookie;
    assert_true(cookie_next(&reader, &cookie));
    assert_int_equal(cookie.value.size, COOKIE_VALUE_SIZE_MAX);
    snprintf(header + 2 + COOKIE_VALUE_SIZE_MAX, 8, "y;b=1");
    assert_string_equal(read_all(header), "b=1");
}

static void cookies_beyond_the_limit_are_not_looked_at(void **state)
{
    (void)state;
    size_t size = (COOKIES_MAX + 1) * 4;
    char *header = malloc(size + 1);
    for (size_t i = 0; i < size; i += 4)
        memcpy(header + i, "a=1;", 4);
    struct cookie_reader reader = {{header, size}, 0};
    struct cookie cookie;
    int count = 0;
    while (cookie_next(&reader, &cookie))
        count++;
    assert_int_equal(count, COOKIES_MAX);
    free(header);
}

static void set_cookie_is_known_by_its_name(void **state)
{
    (void)state;
    assert_true(cookie_sets(slice_of("app=1; Path=/"), "app"));
    assert_true(cookie_sets(slice_of(" app =1"), "app"));
    assert_true(cookie_sets(slice_of("app="), "app"));
    assert_false(cookie_sets(slice_of("App=1"), "app"));
    assert_false(cookie_sets(slice_of("apple=1"), "app"));
    assert_false(cookie_sets(slice_of("x=1; app=1"), "app"));
    assert_false(cookie_sets(slice_of("app; x=1"), "app"));
    assert_false(cookie_sets(slice_of(""), "app"));
}

static void chromium_from_version_80_wants_same_site(void **state)
{
    (void)state;
    static const struct {
        const char *agent;
        bool wants;
    } rows[] = {
        {"Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537",
         true},
        {"Mozilla/5.0 AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", true},
        {"Mozilla/5.0 Chromium/90.0", true},
        {"Mozilla/5.0 Chrome/79.0.3945.130 Safari/537.36", false},
        {"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15", false},
        {"curl/8.0", false},
        {"Chrome/", false},
        {"Chrome/99999999999999999999", true},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(cookie_agent_wants_same_site(slice_of(rows[i].agent)), rows[i].wants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_split_and_trimmed),
        cmocka_unit_test(pieces_without_a_name_are_passed_over),
        cmocka_unit_test(a_value_beyond_the_limit_counts_as_absent),
        cmocka_unit_test(cookies_beyond_the_limit_are_not_looked_at),
        cmocka_unit_test(set_cookie_is_known_by_its_name),
        cmocka_unit_test(chromium_from_version_80_wants_same_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
