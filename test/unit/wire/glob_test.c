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

static bool glob_says(const char *pattern, const char *text, unsigned flags)
{
    struct glob glob;
    glob_init(&glob, pattern, strlen(pattern), flags);
    return glob_matches(&glob, text, strlen(text));
}

static void case_is_ignored_on_demand(void **state)
{
    (void)state;
    assert_true(glob_says("EXAMPLE.*", "example.com", GLOB_IGNORE_CASE));
    assert_true(glob_says("*.COM", "example.com", GLOB_IGNORE_CASE));
    assert_false(glob_says("EXAMPLE.*", "example.com", 0));
    assert_false(glob_says("@", "`", GLOB_IGNORE_CASE));
}

static void backslash_is_a_byte_like_others_unless_it_escapes(void **state)
{
    (void)state;
    assert_true(glob_says("a\\*", "a\\b", 0));
    assert_false(glob_says("a\\*", "a\\b", GLOB_ESCAPE));
    assert_true(glob_says("a\\*", "a*", GLOB_ESCAPE));
    assert_true(glob_says("\\?*\\\\", "?x\\", GLOB_ESCAPE));
    assert_false(glob_says("\\?", "x", GLOB_ESCAPE));
    assert_true(glob_says("a\\", "a\\", GLOB_ESCAPE));
}

static void a_pattern_made_ready_says_the_same(void **state)
{
    (void)state;
    static const char *const patterns[] = {"",   "a",   "a*",  "*a",    "a*b", "?",   "??*",
                                           "*?", "ab?", "a**", "*a*b*", "aab", "b\\*"};
    static const char *const texts[] = {"", "a", "b", "ab", "aab", "abb", "ba", "abab", "b*"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++)
            assert_int_equal(glob_says(patterns[i], texts[j], GLOB_ESCAPE),
                             matches(patterns[i], texts[j]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_match_whole_text_only),
        cmocka_unit_test(star_takes_any_run_and_question_mark_one_byte),
        cmocka_unit_test(backslash_takes_the_next_byte_literally),
        cmocka_unit_test(many_stars_stay_fast),
        cmocka_unit_test(case_is_ignored_on_demand),
        cmocka_unit_test(backslash_is_a_byte_like_others_unless_it_escapes),
        cmocka_unit_test(a_pattern_made_ready_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
