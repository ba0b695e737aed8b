#include "balancer/transforms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FORWARD "'Actions': [{'Type': 'forward', 'TargetGroupName': 'app'}]"

struct world {
    struct traffic_table traffic;
    struct target_table targets;
    struct tls_store tls;
    struct snapshot *snapshot;
    struct http1_head head;
    struct regex_scratch scratch;
    char room[1024];
    struct request_facts facts;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    traffic_table_init(&world->traffic, 1);
    target_table_init(&world->targets, 1);
    tls_store_init(&world->tls, 1);
    *state = world;
    return world ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = *state;
    snapshot_destroy(world->snapshot);
    traffic_table_finish(&world->traffic);
    tls_store_finish(&world->tls);
    free(world);
    return 0;
}

/* A listener with these rules; quotes are single. */
static void load(struct world *world, const char *rules)
{
    char text[2048];
    struct err err = {0};
    int size = snprintf(text, sizeof text,
                        "{'TargetGroups': [{'TargetGroupName': 'app', 'Protocol': 'HTTP'}], "
                        "'Listeners': [{'Protocol': 'HTTP', 'Address': '127.0.0.1', 'Port': 80, "
                        "'DefaultActions': [{'Type': 'forward', 'TargetGroupName': 'app'}], "
                        "'Rules': [%s]}]}",
                        rules);
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    world->snapshot =
        snapshot_load(text, (size_t)size, &world->traffic, &world->targets, &world->tls, &err);
    if (!world->snapshot)
        fail_msg("%s", err.text);
}

/* The rule that a request from 10.1.2.3 meets. */
static const struct rule *rule_of(struct world *world, const char *request)
{
    assert_true(http1_parse_request(request, strlen(request), 0, &world->head) > 0);
    struct target_parts parts = split_target(world->head.target);
    world->facts = (struct request_facts){.scratch = &world->scratch};
    rules_facts(&world->facts, &world->head, &parts, 0x0a010203, world->room);
    return rules_choose(&world->snapshot->load_balancers[0].listeners[0], &world->facts);
}

static bool is_text(struct slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static void facts_are_what_rules_compare(void **state)
{
    struct world *world = *state;
    load(world, "");
    assert_null(rule_of(world, "GET /a/%62/../c?D=%65 HTTP/1.1\r\nHost: A.b:80\r\n\r\n"));
    assert_true(is_text(world->facts.host, "a.b"));
    assert_true(is_text(world->facts.path, "/a/c"));
    assert_true(is_text(world->facts.query, "D=%65"));
    assert_true(is_text(world->facts.url, "/a/c?D=%65"));
    rule_of(world, "GET http://X?q HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_true(is_text(world->facts.host, "x"));
    assert_true(is_text(world->facts.url, "/?q"));
    rule_of(world, "GET /plain HTTP/1.0\r\n\r\n");
    assert_true(is_text(world->facts.host, ""));
    assert_true(is_text(world->facts.query, ""));
    static const uint8_t peer[16] = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3};
    assert_memory_equal(world->facts.address, peer, 16);
}

static void the_first_rule_whose_conditions_all_match_is_met(void **state)
{
    struct world *world = *state;
    load(world,
         "{'Priority': 7, 'Conditions': [{'Field': 'path-pattern', 'Values': ['/a*']}], " FORWARD
         "}, {'Priority': 3, 'Conditions': [{'Field': 'source-ip', 'SourceIpConfig': "
         "{'Values': ['10.1.0.0/16']}}, {'Field': 'http-header', 'HttpHeaderConfig': "
         "{'HttpHeaderName': 'X-A', 'RegexValues': ['^\\\\d+$']}}, {'Field': 'query-string', "
         "'QueryStringConfig': {'Values': [{'Key': 'k', 'Value': '\\\\*'}]}}], " FORWARD "}");
    const struct rule *rule = rule_of(world, "GET /a?k=* HTTP/1.1\r\nHost: a\r\nx-a: 12\r\n\r\n");
    assert_int_equal(rule->priority, 3);
    rule = rule_of(world, "GET /a?k=* HTTP/1.1\r\nHost: a\r\nx-a: 12b\r\n\r\n");
    assert_int_equal(rule->priority, 7);
    assert_null(rule_of(world, "GET /b?k=x HTTP/1.1\r\nHost: a\r\nx-a: 12\r\n\r\n"));
}

static void transforms_replace_the_first_match(void **state)
{
    struct world *world = *state;
    load(world,
         "{'Priority': 1, 'Conditions': [{'Field': 'path-pattern', 'Values': ['/*']}], "
         "'Transforms': [{'Type': 'url-rewrite', 'UrlRewriteConfig': {'Rewrites': [{'Regex': "
         "'/(b+)', 'Replace': '/<$1>'}]}}, {'Type': 'host-header-rewrite', "
         "'HostHeaderRewriteConfig': {'Rewrites': [{'Regex': '^(.*)[.]com$', 'Replace': "
         "'$1.org'}]}}], " FORWARD "}");
    const struct rule *rule = rule_of(world, "GET /a/bb/b?c HTTP/1.1\r\nHost: X.com:1\r\n\r\n");
    char room[64];
    struct transformed made;
    struct writer out = {room, room + sizeof room, false};
    assert_int_equal(transform_request(rule, &world->facts, &out, &made), TRANSFORM_DONE);
    assert_true(is_text(made.url, "/a/<bb>/b?c"));
    assert_true(is_text(made.host, "x.org"));
    rule = rule_of(world, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    out = (struct writer){room, room + sizeof room, false};
    assert_int_equal(transform_request(rule, &world->facts, &out, &made), TRANSFORM_NONE);
    assert_int_equal(made.url.size + made.host.size, 0);
    rule = rule_of(world, "GET /b/aaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: x\r\n\r\n");
    out = (struct writer){room, room + 16, false};
    assert_int_equal(transform_request(rule, &world->facts, &out, &made), TRANSFORM_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(facts_are_what_rules_compare, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_rule_whose_conditions_all_match_is_met, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(transforms_replace_the_first_match, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
