/* Filter policies: what they let through, and what they may not say. */
#include "service/sns/filter_policy.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* JSON in which single quotes stand for double ones. */
static json_t *parse(const char *text)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *quote = strchr(copy, '\''); quote; quote = strchr(quote, '\''))
        *quote = '"';
    json_t *parsed = json_loads(copy, 0, NULL);
    if (!parsed)
        fail_msg("bad JSON in a test: %s", text);
    return parsed;
}

static void a_policy_lets_through_what_it_says(void **state)
{
    static const struct {
        const char *policy, *facts;
        bool matches;
    } rows[] = {
        {"{}", "{}", true},
        {"{'a': ['x']}", "{'a': 'x'}", true},
        {"{'a': ['x']}", "{'a': 'X'}", false},
        {"{'a': ['x']}", "{}", false},
        {"{'a': ['x', 'y']}", "{'a': 'y', 'b': 'z'}", true},
        {"{'a': ['x'], 'b': ['y']}", "{'a': 'x'}", false},
        {"{'a': ['x'], 'b': ['y']}", "{'a': 'x', 'b': 'y'}", true},
        {"{'a': [true]}", "{'a': true}", true},
        {"{'a': [null]}", "{'a': null}", true},
        {"{'a': [null]}", "{}", false},
        /* numbers */
        {"{'a': [300]}", "{'a': 300.0}", true},
        {"{'a': [300]}", "{'a': '300'}", false},
        {"{'a': [{'numeric': ['=', 3]}]}", "{'a': 3}", true},
        {"{'a': [{'numeric': ['>', 0, '<=', 5]}]}", "{'a': 5}", true},
        {"{'a': [{'numeric': ['>', 0, '<=', 5]}]}", "{'a': 0}", false},
        {"{'a': [{'numeric': ['>', 0, '<=', 5]}]}", "{'a': 5.01}", false},
        {"{'a': [{'numeric': ['<', 0]}]}", "{'a': '-1'}", false},
        {"{'a': [{'numeric': ['>=', 1.5]}]}", "{'a': 1.5}", true},
        /* strings */
        {"{'a': [{'prefix': 'bas'}]}", "{'a': 'baseball'}", true},
        {"{'a': [{'prefix': 'bas'}]}", "{'a': 'ba'}", false},
        {"{'a': [{'suffix': 'ball'}]}", "{'a': 'baseball'}", true},
        {"{'a': [{'suffix': 'ball'}]}", "{'a': 'all'}", false},
        {"{'a': [{'equals-ignore-case': 'TenNis'}]}", "{'a': 'tennis'}", true},
        {"{'a': [{'equals-ignore-case': 'tennis'}]}", "{'a': 'tennis '}", false},
        {"{'a': [{'prefix': '3'}]}", "{'a': 3}", false},
        /* anything but */
        {"{'a': [{'anything-but': 'x'}]}", "{'a': 'y'}", true},
        {"{'a': [{'anything-but': 'x'}]}", "{'a': 'x'}", false},
        {"{'a': [{'anything-but': 'x'}]}", "{}", false},
        {"{'a': [{'anything-but': ['x', 'y']}]}", "{'a': 'y'}", false},
        {"{'a': [{'anything-but': [100, 500]}]}", "{'a': 101}", true},
        {"{'a': [{'anything-but': {'prefix': 'order-'}}]}", "{'a': 'data-entry'}", true},
        {"{'a': [{'anything-but': {'prefix': 'order-'}}]}", "{'a': 'order-number'}", false},
        {"{'a': [{'anything-but': {'suffix': ['-1', '-2']}}]}", "{'a': 'a-2'}", false},
        /* presence */
        {"{'a': [{'exists': true}]}", "{'a': 'x'}", true},
        {"{'a': [{'exists': true}]}", "{}", false},
        {"{'a': [{'exists': false}]}", "{}", true},
        {"{'a': [{'exists': false}]}", "{'a': null}", false},
        {"{'a': ['x', {'exists': false}]}", "{}", true},
        /* of an array one item is enough, also of anything-but */
        {"{'a': ['rugby']}", "{'a': ['soccer', 'rugby']}", true},
        {"{'a': [{'anything-but': ['rugby']}]}", "{'a': ['rugby', 'soccer']}", true},
        {"{'a': [{'anything-but': ['rugby']}]}", "{'a': ['rugby']}", false},
        {"{'a': ['x']}", "{'a': []}", false},
        /* $or, and what is beside it */
        {"{'$or': [{'a': ['x']}, {'b': ['y']}]}", "{'b': 'y'}", true},
        {"{'$or': [{'a': ['x']}, {'b': ['y']}]}", "{'c': 'y'}", false},
        {"{'s': ['z'], '$or': [{'a': ['x']}, {'b': ['y']}]}", "{'a': 'x'}", false},
        {"{'s': ['z'], '$or': [{'a': ['x']}, {'b': ['y']}]}", "{'a': 'x', 's': 'z'}", true},
        /* bodies */
        {"{'o': {'n': ['x']}}", "{'o': {'n': 'x'}}", true},
        {"{'o': {'n': ['x']}}", "{'o': 'x'}", false},
        {"{'o': {'n': ['x']}}", "{'o': [{'n': 'y'}, {'n': 'x'}]}", true},
        {"{'o': {'n': ['x'], 'm': [1]}}", "{'o': [{'n': 'x', 'm': 2}, {'n': 'y', 'm': 1}]}", false},
        {"{'o': {'n': [{'exists': false}]}}", "{}", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *policy = parse(rows[i].policy), *facts = parse(rows[i].facts);
        if (filter_policy_matches(policy, facts) != rows[i].matches)
            fail_msg("%s of %s", rows[i].policy, rows[i].facts);
    }
}

static void a_policy_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *policy;
        bool of_body;
        const char *why; /* NULL: it is fine */
    } rows[] = {
        {"{\"a\": [\"x\"]}", false, NULL},
        {"{\"a\": {\"b\": [\"x\"]}}", true, NULL},
        {"{}", false, NULL},
        {"{\"a\": [{\"anything-but\": {\"prefix\": \"x\"}}]}", false, NULL},
        {"", false, "failed to parse JSON"},
        {"[]", false, "failed to parse JSON"},
        {"{\"a\": [\"x\"], \"a\": [\"y\"]}", false, "failed to parse JSON"},
        {"{\"a\": \"x\"}", false, "must be an object or an array"},
        {"{\"a\": []}", false, "Empty arrays"},
        {"{\"a\": {}}", true, "Empty objects"},
        {"{\"a\": {\"b\": [\"x\"]}}", false, "does not support nested"},
        {"{\"a\": [[\"x\"]]}", false, "Match value must be"},
        {"{\"a\": [{\"prefix\": \"x\", \"suffix\": \"y\"}]}", false, "Match value must be"},
        {"{\"a\": [{\"wildcard\": \"*x\"}]}", false, "Unrecognized match type wildcard"},
        {"{\"a\": [{\"prefix\": 1}]}", false, "must be a string"},
        {"{\"a\": [{\"exists\": 1}]}", false, "either true or false"},
        {"{\"a\": [{\"numeric\": [\"=\"]}]}", false, "[operator, number]"},
        {"{\"a\": [{\"numeric\": [\"!=\", 1]}]}", false, "Unrecognized numeric range operator"},
        {"{\"a\": [{\"numeric\": [\"=\", \"1\"]}]}", false, "must be numeric"},
        {"{\"a\": [{\"numeric\": [\"=\", 1e10]}]}", false, "must be numeric"},
        {"{\"a\": [{\"numeric\": [\">\", 5, \"<\", 1]}]}", false, "Bottom must be less than top"},
        {"{\"a\": [{\"numeric\": [\"<\", 1, \">\", 5]}]}", false, "Bottom must be less than top"},
        {"{\"a\": [{\"anything-but\": []}]}", false, "must not be empty"},
        {"{\"a\": [{\"anything-but\": [[1]]}]}", false, "only values"},
        {"{\"a\": [{\"anything-but\": {\"numeric\": [\"=\", 1]}}]}", false, "Unsupported"},
        {"{\"$or\": [{\"a\": [1]}]}", false, "at least 2"},
        {"{\"$or\": [{\"a\": [1]}, 2]}", false, "Only JSON object"},
        {"{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}", false, "more than 5"},
        {"{\"a\":[1,2,3,4,5,6],\"b\":[1,2,3,4,5,6],\"c\":[1,2,3,4,5]}", false, "too complex"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        int result = filter_policy_check(rows[i].policy, rows[i].of_body, &err);
        assert_int_equal(result, rows[i].why ? -1 : 0);
        if (rows[i].why && !strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].policy, err.text);
    }
}

/* Whoever nests a policy must not make the check or the match recurse without end. */
static void a_policy_may_not_be_deep(void **state)
{
    enum { DEPTH = 500 };
    auto_buf text = {0};
    struct err err;
    (void)state;
    for (int i = 0; i < DEPTH; i++)
        buf_append_string(&text, "{\"a\":");
    buf_append_string(&text, "[1]");
    for (int i = 0; i < DEPTH; i++)
        buf_append_char(&text, '}');
    assert_int_equal(filter_policy_check(text.data, true, &err), -1);
}

static void attributes_become_facts_by_their_types(void **state)
{
    (void)state;
    json_auto_t *attributes =
        parse("{'s': {'DataType': 'String', 'StringValue': '1'}, 'n': {'DataType': 'Number', "
              "'StringValue': '1.50'}, 'b': {'DataType': 'Binary', 'BinaryValue': 'AA=='}}");
    json_object_set_new(
        attributes, "l",
        json_pack("{s:s, s:s}", "DataType", "String.Array", "StringValue", "[\"x\", 2]"));
    json_auto_t *facts = filter_policy_facts(attributes);
    json_auto_t *expected = parse("{'s': '1', 'n': 1.5, 'l': ['x', 2]}");
    assert_true(json_equal(facts, expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_lets_through_what_it_says),
        cmocka_unit_test(a_policy_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_policy_may_not_be_deep),
        cmocka_unit_test(attributes_become_facts_by_their_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
