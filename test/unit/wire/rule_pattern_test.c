#include "wire/rule_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void values_have_the_characters_of_their_kind(void **state)
{
    (void)state;
    static const struct {
        enum rule_field field;
        const char *value;
        bool valid;
    } cases[] = {
        {RULE_HOST, "*.Example.com", true},
        {RULE_HOST, "a_b-1.example.?om", true},
        {RULE_HOST, "example", false},
        {RULE_HOST, "example.c0m", false},
        {RULE_HOST, "exa mple.com", false},
        {RULE_HOST, "example.com:80", false},
        {RULE_PATH, "/img/*", true},
        {RULE_PATH, "/_-.$/~\"'@:+&?", true},
        {RULE_PATH, "/a%20b", false},
        {RULE_PATH, "/a?b=c", false},
        {RULE_PATH, "", false},
        {RULE_HEADER, "*Chrome/1 (X11; Linux)*", true},
        {RULE_HEADER, "tab\there", false},
        {RULE_HEADER, "\xc3\xa9", false},
        {RULE_METHOD, "MY-OWN_METHOD", true},
        {RULE_METHOD, "get", false},
        {RULE_METHOD, "GET*", false},
        {RULE_QUERY, "a=b&c", true},
        {RULE_SOURCE, "10.0.0.0/8", true},
        {RULE_SOURCE, "2001:db8::/32", true},
        {RULE_SOURCE, "10.0.0.0", false},
        {RULE_SOURCE, "10.0.0.0/33", false},
        {RULE_SOURCE, "10.0.0.0/-1", false},
        {RULE_SOURCE, "255.255.255.255/32", false},
        {RULE_SOURCE, "::/129", false},
        {RULE_SOURCE, "10.0.0.*/32", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        int result = rule_check_value(cases[i].field, cases[i].value, &err);
        if ((result == 0) != cases[i].valid)
            fail_msg("'%s': %s", cases[i].value, err.text);
    }
}

static void values_have_a_greatest_size(void **state)
{
    (void)state;
    char value[130] = "/";
    struct err err = {0};
    memset(value + 1, 'a', 127);
    assert_int_equal(rule_check_value(RULE_PATH, value, &err), 0);
    value[128] = 'a';
    assert_int_equal(rule_check_value(RULE_PATH, value, &err), -1);
    assert_non_null(strstr(err.text, "cannot be longer than '128' characters"));
    memset(value, 'A', 41);
    value[41] = 0;
    assert_int_equal(rule_check_value(RULE_METHOD, value, &err), -1);
    assert_int_equal(rule_check_header_name(value, &err), -1);
    value[40] = 0;
    assert_int_equal(rule_check_header_name(value, &err), 0);
}

static void a_rule_has_five_values_and_six_wildcards(void **state)
{
    (void)state;
    struct rule_totals totals = {0};
    struct err err = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(rule_count_value(RULE_PATH, "/a", &totals, &err), 0);
    assert_int_equal(rule_check_regex(RULE_PATH, "^/a", &totals, &err), 0);
    assert_int_equal(rule_count_value(RULE_HOST, "a.b", &totals, &err), -1);
    assert_string_equal(err.text, "A rule can only have '5' condition values");
    totals = (struct rule_totals){0};
    assert_int_equal(rule_count_value(RULE_PATH, "/*?*?*?", &totals, &err), 0);
    assert_int_equal(rule_check_pair("\\*", "\\?\\\\", &totals, &err), 0);
    assert_int_equal(rule_count_value(RULE_METHOD, "GET", &totals, &err), 0);
    assert_int_equal(rule_check_pair("k", "v*", &totals, &err), -1);
    assert_string_equal(err.text, "A rule can only have '6' condition wildcards");
}

static void only_header_and_query_conditions_repeat(void **state)
{
    (void)state;
    for (int field = 0; field < RULE_FIELDS; field++) {
        struct rule_totals totals = {0};
        struct err err = {0};
        assert_int_equal(rule_count_condition(field, &totals, &err), 0);
        bool repeats = field == RULE_HEADER || field == RULE_QUERY;
        assert_int_equal(rule_count_condition(field, &totals, &err), repeats ? 0 : -1);
    }
}

static void regex_values_are_for_hosts_paths_and_headers(void **state)
{
    (void)state;
    struct rule_totals totals = {0};
    struct err err = {0};
    assert_int_equal(rule_check_regex(RULE_HOST, "^a\\.(com|net)$", &totals, &err), 0);
    assert_int_equal(rule_check_regex(RULE_HEADER, "Chrome/[0-9]+", &totals, &err), 0);
    assert_int_equal(rule_check_regex(RULE_QUERY, "a", &totals, &err), -1);
    assert_int_equal(rule_check_regex(RULE_METHOD, "a", &totals, &err), -1);
    assert_int_equal(rule_check_regex(RULE_PATH, "(?=a)", &totals, &err), -1);
    assert_non_null(strstr(err.text, "look-ahead"));
    assert_int_equal(rule_check_header_name("Host", &err), -1);
    assert_int_equal(rule_check_header_name("X Y", &err), -1);
}

static void address_blocks_are_ipv6_with_ipv4_inside(void **state)
{
    (void)state;
    struct rule_block block;
    struct err err = {0};
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3};
    assert_int_equal(rule_parse_block("10.1.2.3/24", &block, &err), 0);
    assert_memory_equal(block.address, mapped, 16);
    assert_int_equal(block.prefix, 120);
    assert_int_equal(rule_parse_block("2001:db8::/32", &block, &err), 0);
    assert_int_equal(block.address[0], 0x20);
    assert_int_equal(block.prefix, 32);
}

static void rewrites_name_groups_that_exist(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(rule_check_rewrite("^/(a)/(b)", "/$2/$1$0$", &err), 0);
    assert_int_equal(rule_check_rewrite("^/(a)", "/$2", &err), -1);
    assert_int_equal(rule_check_rewrite("", "/", &err), -1);
    assert_int_equal(rule_check_rewrite("(a", "/", &err), -1);
    assert_int_equal(rule_check_rewrite("a", "\r\n", &err), -1);
}

static void redirects_change_something_and_stay_in_their_limits(void **state)
{
    (void)state;
    static const struct {
        struct rule_redirect redirect;
        bool https, valid;
    } cases[] = {
        {{.protocol = "HTTPS"}, false, true},
        {{.protocol = "HTTP"}, false, true},
        {{.protocol = "HTTP"}, true, false},
        {{.protocol = "FTP"}, false, false},
        {{.host = "a.#{host}"}, true, true},
        {{.host = "#{path}"}, false, false},
        {{.host = ""}, false, false},
        {{.port = "443"}, false, true},
        {{.port = "0"}, false, false},
        {{.port = "65536"}, false, false},
        {{.port = "+80"}, false, false},
        {{.path = "/new/#{path}:#{port}@#{host}"}, false, true},
        {{.path = "new"}, false, false},
        {{.path = "/#{query}"}, false, false},
        {{.path = "/a b"}, false, false},
        {{.path = "/a\r\nSet-Cookie:x"}, false, false},
        {{.path = "/x", .query = "#{query}&p=#{protocol}"}, false, true},
        {{.path = "/x", .query = "?a"}, false, false},
        {{.path = "/x", .query = "#{nope}"}, false, false},
        {{.query = "a=b"}, false, false},
        {{NULL}, false, false},
        {{"#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}"}, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        int result = rule_check_redirect(&cases[i].redirect, cases[i].https, &err);
        if ((result == 0) != cases[i].valid)
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void fixed_responses_have_their_statuses_and_types(void **state)
{
    (void)state;
    static char body[RULE_MESSAGE_SIZE_MAX + 2];
    struct err err = {0};
    assert_int_equal(rule_check_fixed_response("503", "text/html", "sorry", &err), 0);
    assert_int_equal(rule_check_fixed_response("200", NULL, NULL, &err), 0);
    assert_int_equal(rule_check_fixed_response("302", NULL, NULL, &err), -1);
    assert_int_equal(rule_check_fixed_response("20", NULL, NULL, &err), -1);
    assert_int_equal(rule_check_fixed_response("2000", NULL, NULL, &err), -1);
    assert_int_equal(rule_check_fixed_response("200", "image/png", NULL, &err), -1);
    memset(body, 'a', RULE_MESSAGE_SIZE_MAX + 1);
    assert_int_equal(rule_check_fixed_response("200", NULL, body, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_the_characters_of_their_kind),
        cmocka_unit_test(values_have_a_greatest_size),
        cmocka_unit_test(a_rule_has_five_values_and_six_wildcards),
        cmocka_unit_test(only_header_and_query_conditions_repeat),
        cmocka_unit_test(regex_values_are_for_hosts_paths_and_headers),
        cmocka_unit_test(address_blocks_are_ipv6_with_ipv4_inside),
        cmocka_unit_test(rewrites_name_groups_that_exist),
        cmocka_unit_test(redirects_change_something_and_stay_in_their_limits),
        cmocka_unit_test(fixed_responses_have_their_statuses_and_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
