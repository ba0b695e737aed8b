#include "wire/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool matches(const char *pattern, const char *text)
{
    return glob_match(pattern, strlen(pattern), text, strlen(text));
}

static void literals_match_whole_text_only(void **state)
{
    (void)state;
    assert_true(matches("abc", "abc"));
    assert_false(matches("abc", "abcd"));
    assert_false(matches("abc", "ab"));
    assert_true(matches("", ""));
}

static void star_takes_any_run_and_question_mark_one_byte(void **state)
{
    (void)state;
    assert_true(matches("*", ""));
    assert_true(matches("a*c*", "abbbcd"));
    assert_true(matches("a?c", "abc"));
    assert_false(matches("a?c", "ac"));
    assert_true(matches("*.example.com", "a.example.com"));
    assert_false(matches("*.example.com", "example.com"));
}

static void backslash_takes_the_next_byte_literally(void **state)
{
    (void)state;
    assert_true(matches("a\\*c", "a*c"));
    assert_false(matches("a\\*c", "abc"));
    assert_true(matches("a\\?", "a?"));
}

static void many_stars_stay_fast(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'a', sizeof text);
    assert_false(glob_match("*a*a*a*a*a*a*a*b", 16, text, sizeof text));
}

static void case_is_ignored_on_demand(void **state)
{
    (void)state;
    assert_true(glob_match_nocase("EXAMPLE.*", 9, "example.com", 11));
    assert_false(matches("EXAMPLE.*", "example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_match_whole_text_only),
        cmocka_unit_test(star_takes_any_run_and_question_mark_one_byte),
        cmocka_unit_test(backslash_takes_the_next_byte_literally),
        cmocka_unit_test(many_stars_stay_fast),
        cmocka_unit_test(case_is_ignored_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
