/* Several interfaces of one instance, in real namespaces: each answers by itself. */
#include "base/cleanup.h"
#include "fabric_stage.h"
#include "host/net/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Two subnets of a group that lets in 80 from anywhere: interfaces 0 (in the first subnet) and 1
 * (in the second) are for one instance, 2 (in the first) is another's.
 */
static void build(struct fabric_builder *builder)
{
    build_vpc(builder, VPC_A);
    build_subnet(builder, "10.0.1.0/24", 0);
    build_subnet(builder, "10.0.2.0/24", 1);
    int group = build_group(builder);
    build_egress(builder, group);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, group);
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.5", NULL, group);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.9", NULL, group);
}

static void plug_second(struct stage *stage, const struct fabric_builder *builder, int instance)
{
    struct instance_interface plug;
    describe(builder, 1, &plug);
    plug.device_index = 1;
    assert_ok(stage, net_plug(stage->net, &plug, stage->instances[instance], &stage->err));
}

static bool has_link(struct stage *stage, int instance, const char *name)
{
    assert_int_equal(setns(stage->instances[instance], CLONE_NEWNET), 0);
    unsigned index = if_nametoindex(name);
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
    return index != 0;
}

static void a_second_interface_answers_for_itself(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), other = launch(stage, &builder, 2);
    listen_in(stage, a, 80);
    assert_silence(stage, other, "10.0.2.5", 80);
    plug_second(stage, &builder, a);
    assert_true(has_link(stage, a, "eth1"));
    assert_reaches(stage, other, "10.0.2.5", 80);
    assert_reaches(stage, other, "10.0.1.5", 80);

    net_unplug(stage->net, VPC_A, builder.interfaces[1].id);
    assert_false(has_link(stage, a, "eth1"));
    assert_silence(stage, other, "10.0.2.5", 80);
    assert_reaches(stage, other, "10.0.1.5", 80);
}

/* Both in one subnet: what is asked at the second is answered by the second, or it is dropped. */
static void two_interfaces_may_be_in_one_subnet(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build(&builder);
    builder.interfaces[1].subnet = 0;
    builder.addresses[1].address = quad("10.0.1.6");
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), other = launch(stage, &builder, 2);
    plug_second(stage, &builder, a);
    listen_in(stage, a, 80);
    assert_reaches(stage, other, "10.0.1.6", 80);
    assert_reaches(stage, other, "10.0.1.5", 80);
}

static void secondary_addresses_come_and_go_on_any_interface(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct instance_interface before[2], after[2];

    build(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), other = launch(stage, &builder, 2);
    plug_second(stage, &builder, a);
    listen_in(stage, a, 80);
    for (int i = 0; i < 2; i++) {
        describe(&builder, i, &before[i]);
        before[i].device_index = (uint32_t)i;
        after[i] = before[i];
        after[i].addresses[after[i].address_count++] = quad(i ? "10.0.2.50" : "10.0.1.50");
        assert_ok(stage, net_readdress(stage->net, &before[i], &after[i], stage->instances[a],
                                       &stage->err));
    }
    struct fabric_builder more = builder; /* addresses are in order of their interfaces */
    more.fabric.address_count = 0;
    build_address(&more, 0, "10.0.1.5", NULL);
    build_address(&more, 0, "10.0.1.50", NULL);
    build_address(&more, 1, "10.0.2.5", NULL);
    build_address(&more, 1, "10.0.2.50", NULL);
    build_address(&more, 2, "10.0.1.9", NULL);
    apply(stage, &more);
    assert_reaches(stage, other, "10.0.1.50", 80);
    assert_reaches(stage, other, "10.0.2.50", 80);

    assert_ok(stage,
              net_readdress(stage->net, &after[1], &before[1], stage->instances[a], &stage->err));
    assert_reaches(stage, other, "10.0.2.5", 80);
    auto_fd int client = socket_in(stage, other, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("10.0.2.50"), 80, DROPPED_MS), 0);
}

/* A name that the instance's owner has taken is no reason not to plug it in. */
static void an_instance_cannot_keep_an_interface_out(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct rtnl rtnl;

    build(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), other = launch(stage, &builder, 2);
    struct link_end here = {.name = "eth1", .namespace_fd = -1, .mac = {2}};
    struct link_end there = {.name = "mine", .namespace_fd = -1, .mac = {2, 1}};
    assert_int_equal(setns(stage->instances[a], CLONE_NEWNET), 0);
    assert_ok(stage, rtnl_open(&rtnl, &stage->err));
    assert_ok(stage, link_create(&rtnl, &here, &there, &stage->err));
    rtnl_close(&rtnl);
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
    plug_second(stage, &builder, a);
    assert_true(has_link(stage, a, "eth2"));
    listen_in(stage, a, 80);
    assert_reaches(stage, other, "10.0.2.5", 80);
}

static void numbers_that_are_none_are_refused(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct instance_interface good, bad;

    build(&builder);
    describe(&builder, 0, &good);
    bad = good;
    bad.device_index = INSTANCE_INTERFACES_MAX;
    assert_int_equal(net_plug(stage->net, &bad, -1, &stage->err), -1);
    bad = good;
    bad.address_count = INTERFACE_ADDRESSES_MAX + 1;
    assert_int_equal(net_plug(stage->net, &bad, -1, &stage->err), -1);
    bad = good;
    bad.addresses[bad.address_count++] = quad("10.0.2.7"); /* of another subnet */
    assert_int_equal(net_plug(stage->net, &bad, -1, &stage->err), -1);
    bad = good;
    snprintf(bad.id, sizeof(bad.id), "../x");
    assert_int_equal(net_plug(stage->net, &bad, -1, &stage->err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_second_interface_answers_for_itself),
        ON_STAGE(two_interfaces_may_be_in_one_subnet),
        ON_STAGE(secondary_addresses_come_and_go_on_any_interface),
        ON_STAGE(an_instance_cannot_keep_an_interface_out),
        ON_STAGE(numbers_that_are_none_are_refused),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
