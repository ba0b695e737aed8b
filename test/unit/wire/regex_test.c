#include "wire/regex.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct regex_scratch scratch;

/* "whole|group 1|..." of the first match, "-" for a group that took no part; "no" for none. */
static const char *found(const char *pattern, const char *text)
{
    static char out[256];
    struct err err = {0};
    struct regex_span spans[REGEX_GROUPS_MAX + 1];
    struct regex *regex = regex_compile(pattern, strlen(pattern), 0, &err);
    if (!regex)
        fail_msg("%s: %s", pattern, err.text);
    bool matches = regex_matches(regex, text, strlen(text), &scratch);
    bool searched = regex_search(regex, text, strlen(text), spans, &scratch);
    assert_int_equal(matches, searched);
    int size = snprintf(out, sizeof out, "%s", searched ? "" : "no");
    for (int i = 0; searched && i <= regex_groups(regex); i++)
        size += snprintf(out + size, sizeof out - (size_t)size, "%s%.*s", i ? "|" : "",
                         spans[i].start < 0 ? 1 : spans[i].end - spans[i].start,
                         spans[i].start < 0 ? "-" : text + spans[i].start);
    regex_free(regex);
    return out;
}

struct vector {
    const char *pattern, *text, *found;
};

static void check(const struct vector *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(found(vectors[i].pattern, vectors[i].text), vectors[i].found) != 0)
            fail_msg("/%s/ in '%s': %s, not %s", vectors[i].pattern, vectors[i].text,
                     found(vectors[i].pattern, vectors[i].text), vectors[i].found);
}

static void each_part_of_the_syntax_means_what_re2_says(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"", "abc", ""},
        {"b", "abc", "b"},
        {"^b", "abc", "no"},
        {"^a.c$", "abc", "abc"},
        {".", "\n", "no"},
        {"(?s).", "\n", "\n"},
        {"[a-c]+", "xxabcd", "abc"},
        {"[^a-c]", "abcd", "d"},
        {"[]a]+", "a]b", "a]"},
        {"[a-]+", "-a", "-a"},
        {"[\\d.]+", "v1.2", "1.2"},
        {"[[:alpha:]_]+", "12ab_3", "ab_"},
        {"\\d\\D\\w\\W\\s\\S", "1aZ- !", "1aZ- !"},
        {"\\x41\\x{42}\\.\\/", "AB./", "AB./"},
        {"\\bfoo\\b", "a foo b", "foo"},
        {"\\bfoo\\b", "afoo b", "no"},
        {"o\\Bo", "foo", "oo"},
        {"\\Aab\\z", "ab", "ab"},
        {"\\Aab\\z", "ab\n", "no"},
        {"(?m)^b$", "a\nb\nc", "b"},
        {"(a)(b)?", "ac", "a|a|-"},
        {"(?:a|b)+", "abba", "abba"},
        {"(?P<x>a)(?<y>b)", "ab", "ab|a|b"},
        {"a|ab", "ab", "a"},
        {"(?:a|ab)(?:c|bcd)", "abcd", "abcd"},
        {"a{2}", "aaa", "aa"},
        {"a{2,}", "aaa", "aaa"},
        {"a{1,2}", "aaa", "aa"},
        {"a{0}b", "ab", "b"},
        {"a{,2}", "a{,2}", "a{,2}"},
        {"a{x", "a{x", "a{x"},
        {"a+?", "aaa", "a"},
        {"a*?b", "aab", "aab"},
        {"a??", "a", ""},
        {"a{1,3}?", "aaa", "a"},
        {"(a*)(a*)", "aaa", "aaa|aaa|"},
        {"(a*?)(a*)", "aaa", "aaa||aaa"},
        {"(?i)aBc", "AbC", "AbC"},
        {"(?i:a)b", "AB", "no"},
        {"(?i)a(?-i)b", "AB", "no"},
        {"((?i)a)b", "AB", "no"},
        {"((?i)a)b", "Ab", "Ab|A"},
        {"(?i)[a-c]+", "ABC", "ABC"},
        {"(?i)[^a]", "Ab", "b"},
        {"(a|b)*", "aba", "aba|a"},
        {"(|a)+", "aa", "|"},
        {"()", "a", "|"},
        {"^mywebsite-(.+).com$", "mywebsite-example.com", "mywebsite-example.com|example"},
        {"^/dp/([A-Z0-9]+)/?$", "/dp/B0/", "/dp/B0/|B0"},
    };
    check(vectors, sizeof vectors / sizeof vectors[0]);
}

/* What is refused, and what the error says of it. */
static void what_cannot_be_linear_or_is_not_supported_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"(?=a)", "look-ahead"},
        {"(?!a)", "look-ahead"},
        {"(?<=a)b", "look-behind"},
        {"(?<!a)b", "look-behind"},
        {"(a)\\1", "back-reference"},
        {"(?P<n>a)(?P=n)", "back-reference"},
        {"(?<n>a)\\k<n>", "back-reference"},
        {"(?>a)", "atomic"},
        {"a++", "possessive"},
        {"a*+", "possessive"},
        {"a?+", "possessive"},
        {"a{1,2}+", "possessive"},
        {"(a(?R)?)", "recursion"},
        {"(a(?1)?)", "recursion"},
        {"(?&n)", "subroutine"},
        {"(?P>n)", "subroutine"},
        {"(a)\\g<1>", "subroutines"},
        {"(?(1)a)", "conditional"},
        {"\\p{L}", "Unicode"},
        {"\\P{L}", "Unicode"},
        {"\\pL", "Unicode"},
        {"\\Qa\\E", "escape"},
        {"\\X", "escape"},
        {"a**", "repeated"},
        {"*a", "nothing"},
        {"a|*", "nothing"},
        {"(", "not closed"},
        {")", "closes no"},
        {"[a", "not closed"},
        {"[b-a]", "out of order"},
        {"[[:nope:]]", "not known"},
        {"a{3,2}", "out of order"},
        {"a{256}", "larger"},
        {"a{1,99999999999}", "larger"},
        {"a\\", "backslash"},
        {"\\xZZ", "hexadecimal"},
        {"(?<>a)", "name"},
        {"(?z)", "not supported"},
        {"(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)", "capturing"},
        {"((a{99}){99}){99}", "too large"},
        {"(?:(?:(?:){255}){255}){255}", "too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct regex *regex = regex_compile(cases[i][0], strlen(cases[i][0]), 0, &err);
        if (regex || !strstr(err.text, cases[i][1]))
            fail_msg("%s: '%s'", cases[i][0], err.text);
    }
}

static void limits_are_errors(void **state)
{
    (void)state;
    struct err err = {0};
    char pattern[REGEX_SIZE_MAX + 1], nested[4 * 60];
    memset(pattern, 'a', sizeof pattern);
    assert_null(regex_compile(pattern, sizeof pattern, 0, &err));
    struct regex *regex = regex_compile(pattern, sizeof pattern - 1, 0, &err);
    assert_non_null(regex);
    regex_free(regex);
    for (int i = 0; i < 60; i++)
        memcpy(nested + 3 * i, "(?:", 3);
    memset(nested + 180, ')', 60);
    assert_null(regex_compile(nested, sizeof nested, 0, &err));
    assert_non_null(strstr(err.text, "nested"));
}

/* A backtracking engine would need longer than the universe is old for any of these. */
static void no_pattern_makes_matching_slow(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a*)*b",
                                           "(a|aa)+$b",
                                           "(a|a)*b\\b",
                                           "(.*)(.*)(.*)(.*)(.*)b",
                                           "^(([a-z])+.)+[A-Z]([a-z])+$",
                                           "(?:a?){100}a{100}b\\b",
                                           "((a{0,9}){0,9}){0,9}b"};
    enum { SIZE = 16384 };
    static char text[SIZE];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct err err = {0};
        struct regex_span spans[REGEX_GROUPS_MAX + 1];
        struct regex *regex = regex_compile(patterns[i], strlen(patterns[i]), 0, &err);
        assert_non_null(regex);
        assert_false(regex_matches(regex, text, SIZE, &scratch));
        assert_false(regex_search(regex, text, SIZE, spans, &scratch));
        regex_free(regex);
    }
}

static void case_is_ignored_on_demand(void **state)
{
    (void)state;
    struct err err = {0};
    struct regex *regex = regex_compile("^ex[a-m]+\\.com$", 15, REGEX_IGNORE_CASE, &err);
    assert_non_null(regex);
    assert_true(regex_matches(regex, "EXamPLe.CoM", 8, &scratch) == false);
    assert_true(regex_matches(regex, "EXAbLE.CoM", 10, &scratch));
    regex_free(regex);
}

/* ---- against POSIX ---- */

static uint64_t chance = 88172645463325252ULL;

static unsigned below(unsigned limit)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)(chance >> 33) % limit;
}

/* A pattern that this engine and POSIX's extended expressions both know; anchors only around it,
   as some C libraries get them wrong elsewhere. */
static size_t make_pattern(char *out, size_t room, int depth)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[b-c]"};
    static const char *const repeats[] = {"*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}"};
    size_t size = 0;
    unsigned count = 1 + below(4);
    for (unsigned i = 0; i < count && size + 40 < room; i++) {
        unsigned kind = below(12);
        bool group = kind >= 9 && depth > 0;
        if (group) {
            out[size++] = '(';
            size += make_pattern(out + size, (room - size) / 2, depth - 1);
            out[size++] = ')';
        } else {
            size += (size_t)snprintf(out + size, room - size, "%s", atoms[kind % 7]);
        }
        if (below(3) == 0)
            size += (size_t)snprintf(out + size, room - size, "%s", repeats[below(7)]);
        if (i + 1 < count && below(5) == 0)
            out[size++] = '|';
    }
    out[size] = 0;
    return size;
}

static void generated_patterns_match_where_posix_says(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        char pattern[256] = "^", text[12];
        unsigned begin = below(4) == 0;
        size_t size = begin + make_pattern(pattern + begin, sizeof pattern - 2, 2);
        if (below(4) == 0)
            memcpy(pattern + size++, "$", 2);
        struct err err = {0};
        regex_t posix;
        struct regex *regex = regex_compile(pattern, size, 0, &err);
        if (!regex && strstr(err.text, "capturing"))
            continue;
        assert_non_null(regex);
        assert_int_equal(regcomp(&posix, pattern, REG_EXTENDED), 0);
        for (int t = 0; t < 20; t++) {
            size_t length = below(sizeof text - 1);
            for (size_t at = 0; at < length; at++)
                text[at] = "abcd"[below(4)];
            text[length] = 0;
            regmatch_t where;
            struct regex_span spans[REGEX_GROUPS_MAX + 1];
            bool expected = regexec(&posix, text, 1, &where, 0) == 0;
            bool searched = regex_search(regex, text, length, spans, &scratch);
            if (expected != regex_matches(regex, text, length, &scratch) || expected != searched ||
                (expected && spans[0].start != where.rm_so))
                fail_msg("/%s/ in '%s'", pattern, text);
        }
        regfree(&posix);
        regex_free(regex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_of_the_syntax_means_what_re2_says),
        cmocka_unit_test(what_cannot_be_linear_or_is_not_supported_is_refused_by_name),
        cmocka_unit_test(limits_are_errors),
        cmocka_unit_test(no_pattern_makes_matching_slow),
        cmocka_unit_test(case_is_ignored_on_demand),
        cmocka_unit_test(generated_patterns_match_where_posix_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
