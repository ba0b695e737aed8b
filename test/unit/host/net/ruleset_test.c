/* The text of nftables rules: what a change costs, and how each sort of rule is written. */
#include "host/net/ruleset.h"

#include "base/cleanup.h"
#include "fabric_builder.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORLD_NETWORK = 100 << 24 | 64 << 16 };

static void rules_of(struct ruleset *ruleset, const struct fabric_builder *builder)
{
    struct fabric_view view;
    struct err err;
    size_t size;
    auto_free struct fabric *message = build_message(builder, &size);
    assert_int_equal(fabric_view(&view, message, size, &err), 0);
    assert_int_equal(ruleset_build(ruleset, &view, WORLD_NETWORK, 1, &err), 0);
}

/* The commands from `old` (NULL: nothing known) to `new`. */
static char *commands(const struct fabric_builder *old, const struct fabric_builder *new)
{
    struct ruleset before = {0}, after;
    struct buf text = {0};

    if (old)
        rules_of(&before, old);
    rules_of(&after, new);
    ruleset_diff(old ? &before : NULL, &after, &text);
    ruleset_reset(&before);
    ruleset_reset(&after);
    if (!text.size)
        buf_append_string(&text, "");
    return buf_take(&text);
}

static int lines(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void build_group_of(struct fabric_builder *builder, int interfaces)
{
    build_vpc(builder, "vpc-1");
    build_subnet(builder, "10.0.1.0/24", 0);
    int group = build_group(builder);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
    for (int i = 0; i < interfaces; i++) {
        char address[32];
        snprintf(address, sizeof(address), "10.0.1.%d", 10 + i % 100);
        build_interface(builder, INTERFACE_INSTANCE, 0, address, NULL, group);
    }
}

static void nothing_changes_without_a_change(void **state)
{
    struct fabric_builder builder;
    (void)state;
    build_group_of(&builder, 3);
    auto_free char *text = commands(&builder, &builder);
    assert_string_equal(text, "");
}

static void a_change_costs_the_same_however_many_there_are(void **state)
{
    struct fabric_builder few, many, fewer, fewest;

    (void)state;
    build_group_of(&fewest, 1);
    build_group_of(&few, 2);
    build_group_of(&fewer, 50);
    build_group_of(&many, 51);
    auto_free char *second = commands(&fewest, &few), *last = commands(&fewer, &many);
    assert_int_equal(lines(second), lines(last));
    few = many;
    few.rules[0].port_to = 81;
    auto_free char *rule = commands(&many, &few);
    assert_string_equal(rule,
                        "flush chain ip pileus sg_00000000000000000_in\n"
                        "add rule ip pileus sg_00000000000000000_in tcp dport 80-81 accept\n");
}

static void an_interface_goes_with_all_that_names_it(void **state)
{
    struct fabric_builder two, one;

    (void)state;
    build_group_of(&two, 2);
    build_group_of(&one, 1);
    auto_free char *text = commands(&two, &one);
    const char *element = strstr(text, "delete element ip pileus egress { 10.0.1.11");
    const char *chain = strstr(text, "delete chain ip pileus eni_00000000000000001_out");
    assert_non_null(element);
    assert_non_null(chain);
    assert_true(element < chain);
    assert_non_null(strstr(text, "delete element ip pileus sg_00000000000000000_members"));
    assert_non_null(strstr(text, "delete element ip pileus bound { \"v00000000000001\""));
    assert_null(strstr(text, "10.0.1.10"));
}

static void each_sort_of_rule_has_its_text(void **state)
{
    static const struct {
        int direction, protocol, from, to;
        const char *peer, *text;
    } rows[] = {
        {0, 0, 0, 0, "0.0.0.0/0", "_in accept\n"},
        {0, 0, 0, 0, "10.1.0.0/16", "_in ip saddr 10.1.0.0/16 accept\n"},
        {1, IPPROTO_TCP, 22, 22, "192.0.2.1/32",
         "_out ip daddr 192.0.2.1/32 tcp dport 22 accept\n"},
        {0, IPPROTO_UDP, 53, 99, NULL,
         "_in meta mark != 1 ip saddr @sg_00000000000000000_members udp dport 53-99 accept\n"},
        {0, IPPROTO_TCP, 0, 0xffff, "0.0.0.0/0", "_in ip protocol 6 accept\n"},
        {0, IPPROTO_ICMP, 8, 0xffff, "0.0.0.0/0", "_in icmp type 8 accept\n"},
        {0, IPPROTO_ICMP, 3, 4, "0.0.0.0/0", "_in icmp type 3 icmp code 4 accept\n"},
        {0, IPPROTO_ICMP, 0xffff, 0xffff, "0.0.0.0/0", "_in ip protocol 1 accept\n"},
        {0, 50, 0, 0, "0.0.0.0/0", "_in ip protocol 50 accept\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fabric_builder builder;
        build_group_of(&builder, 0);
        build_rule(&builder, 0, (enum fabric_direction)rows[i].direction, rows[i].protocol,
                   rows[i].from, rows[i].to, rows[i].peer, 0);
        auto_free char *text = commands(NULL, &builder);
        if (!strstr(text, rows[i].text))
            fail_msg("%s is not in:\n%s", rows[i].text, text);
    }
}

static void each_sort_of_entry_of_a_network_acl_has_its_text(void **state)
{
    static const struct {
        int direction, protocol, from, to;
        const char *block;
        int action;
        const char *text;
    } rows[] = {
        {0, 0, 0, 0xffff, "0.0.0.0/0", ACTION_DENY, "_in goto rejected_in\n"},
        {0, 0, 0, 0xffff, "10.1.0.0/16", ACTION_ALLOW, "_in ip saddr 10.1.0.0/16 return\n"},
        {1, IPPROTO_TCP, 1024, 65535, "192.0.2.1/32", ACTION_ALLOW,
         "_out ip daddr 192.0.2.1/32 tcp dport 1024-65535 return\n"},
        {0, IPPROTO_UDP, 53, 53, "0.0.0.0/0", ACTION_DENY, "_in udp dport 53 goto rejected_in\n"},
        {0, IPPROTO_ICMP, 8, 0xffff, "0.0.0.0/0", ACTION_ALLOW, "_in icmp type 8 return\n"},
        {0, IPPROTO_ICMP, 0xffff, 0xffff, "0.0.0.0/0", ACTION_DENY,
         "_in ip protocol 1 goto rejected_in\n"},
        {1, 50, 0, 0xffff, "0.0.0.0/0", ACTION_ALLOW, "_out ip protocol 50 return\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fabric_builder builder;
        char line[256];
        build_group_of(&builder, 0);
        int acl = build_acl(&builder);
        build_acl_rule(&builder, acl, (enum fabric_direction)rows[i].direction, 100,
                       rows[i].protocol, rows[i].from, rows[i].to, rows[i].block,
                       (enum fabric_action)rows[i].action);
        auto_free char *text = commands(NULL, &builder);
        snprintf(line, sizeof(line), "acl_00000000000000001%s", rows[i].text);
        if (!strstr(text, line))
            fail_msg("%s is not in:\n%s", line, text);
    }
}

static void a_changed_entry_costs_the_same_however_many_subnets_have_its_acl(void **state)
{
    struct fabric_builder old, new;

    (void)state;
    build_group_of(&old, 1);
    for (int i = 2; i < 40; i++) {
        char block[32];
        snprintf(block, sizeof(block), "10.0.%d.0/24", i);
        build_subnet(&old, block, 0);
    }
    new = old;
    new.acl_rules[0].prefix = 8;
    new.acl_rules[0].network = quad("10.0.0.0");
    auto_free char *text = commands(&old, &new);
    assert_string_equal(text,
                        "flush chain ip pileus acl_00000000000000000_in\n"
                        "add rule ip pileus acl_00000000000000000_in ip saddr 10.0.0.0/8 return\n"
                        "add rule ip pileus acl_00000000000000000_in goto rejected_in\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_without_a_change),
        cmocka_unit_test(a_change_costs_the_same_however_many_there_are),
        cmocka_unit_test(an_interface_goes_with_all_that_names_it),
        cmocka_unit_test(each_sort_of_rule_has_its_text),
        cmocka_unit_test(each_sort_of_entry_of_a_network_acl_has_its_text),
        cmocka_unit_test(a_changed_entry_costs_the_same_however_many_subnets_have_its_acl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
