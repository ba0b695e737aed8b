/* A FABRIC message is refused whole if any part of it does not hold. */
#include "host/net/fabric_message.h"

#include "base/cleanup.h"
#include "fabric_builder.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void build_sample(struct fabric_builder *builder)
{
    build_vpc(builder, "vpc-1");
    build_subnet(builder, "10.0.1.0/24", 0);
    build_route(builder, 0, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    int group = build_group(builder);
    build_egress(builder, group);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 90, NULL, group);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.64.0.5", group);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, group);
    build_interface(builder, INTERFACE_BALANCER, 0, "10.0.1.7", NULL, group);
    memcpy(builder->peers[builder->fabric.peer_count].id, "pcx-1", 6);
    memcpy(builder->peers[builder->fabric.peer_count++].vpc, "vpc-2", 6);
    build_block(builder, "10.1.0.0/16", 0);
    build_route_to(builder, 0, "10.1.0.0/16", ROUTE_PEER, 0);
    builder->fabric.member_count = 1;
}

static int view_of(const struct fabric_builder *builder)
{
    struct fabric_view view;
    struct err err;
    size_t size;
    auto_free struct fabric *message = build_message(builder, &size);
    return fabric_view(&view, message, size, &err);
}

static void a_whole_message_is_viewed_in_place(void **state)
{
    struct fabric_builder builder;
    struct fabric_view view;
    struct err err;
    size_t size;

    (void)state;
    build_sample(&builder);
    auto_free struct fabric *message = build_message(&builder, &size);
    assert_int_equal(fabric_view(&view, message, size, &err), 0);
    assert_string_equal(view.interfaces[2].id, builder.interfaces[2].id);
    assert_int_equal(view.rules[1].port_to, 90);
}

static void every_other_size_is_refused(void **state)
{
    struct fabric_builder builder;
    struct fabric_view view;
    struct err err;
    size_t size;

    (void)state;
    build_sample(&builder);
    auto_free struct fabric *message = build_message(&builder, &size);
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_int_equal(fabric_view(&view, message, shorter, &err), -1);
}

static void counts_cannot_overflow(void **state)
{
    struct fabric_builder builder;
    struct fabric_view view;
    struct err err;
    size_t size;

    (void)state;
    build_sample(&builder);
    auto_free struct fabric *message = build_message(&builder, &size);
    uint32_t *const counts[] = {
        &message->block_count,     &message->subnet_count,   &message->route_count,
        &message->acl_count,       &message->acl_rule_count, &message->group_count,
        &message->rule_count,      &message->member_count,   &message->peer_count,
        &message->interface_count, &message->address_count};
    static const uint32_t wild[] = {UINT32_MAX, 1u << 31, 1u << 28, 1u << 27};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        for (size_t j = 0; j < sizeof(wild) / sizeof(*wild); j++) {
            uint32_t count = *counts[i];
            *counts[i] = wild[j];
            assert_int_equal(fabric_view(&view, message, size, &err), -1);
            *counts[i] = count;
        }
    assert_int_equal(fabric_view(&view, message, size, &err), 0);
}

/* Each row breaks one thing. */
#define BREAKS(X)                                                                                  \
    X(memset(b.fabric.vpc, 'a', ID_SIZE))                                                          \
    X(strcpy_id(b.fabric.vpc, "vpc-../../etc"))                                                    \
    X(strcpy_id(b.fabric.vpc, "vpc-"))                                                             \
    X(strcpy_id(b.groups[0].id, "sg-a drop; }"))                                                   \
    X(strcpy_id(b.groups[0].id, "eni-1"))                                                          \
    X(b.blocks[0].network |= 1)                                                                    \
    X(b.blocks[0].prefix = 33)                                                                     \
    X(b.blocks[0].prefix = 7)                                                                      \
    X(b.blocks[0].peer = 0)                                                                        \
    X(b.fabric.block_count = 0)                                                                    \
    X(b.subnets[0].prefix = 15)                                                                    \
    X(b.subnets[0].network = quad("10.1.1.0"))                                                     \
    X(b.subnets[0].prefix = 31)                                                                    \
    X(b.routes[0].prefix = 200)                                                                    \
    X(b.routes[0].kind = 5)                                                                        \
    X(b.rules[0].group = 1)                                                                        \
    X(b.rules[1].peer_group = 1)                                                                   \
    X(b.rules[0].direction = 2)                                                                    \
    X(b.rules[0].prefix = 33)                                                                      \
    X(b.rules[1].port_to = 79)                                                                     \
    X((b.rules[1].protocol = IPPROTO_ICMP, b.rules[1].port_from = 256))                            \
    X(strcpy_id(b.acls[0].id, "sg-1"))                                                             \
    X(b.subnets[0].acl = 1)                                                                        \
    X(b.acl_rules[0].acl = 1)                                                                      \
    X(b.acl_rules[0].direction = 2)                                                                \
    X(b.acl_rules[0].action = 2)                                                                   \
    X(b.acl_rules[0].prefix = 33)                                                                  \
    X(b.acl_rules[0].network = 1)                                                                  \
    X(b.acl_rules[1].direction = DIRECTION_INGRESS)                                                \
    X((b.acl_rules[0].protocol = IPPROTO_TCP, b.acl_rules[0].port_from = 9,                        \
       b.acl_rules[0].port_to = 8))                                                                \
    X(b.interfaces[0].subnet = 1)                                                                  \
    X(b.interfaces[0].kind = 0)                                                                    \
    X((b.routes[0].kind = ROUTE_INTERFACE, b.routes[0].target = 3))                                \
    X(b.interfaces[2].flags = INTERFACE_UNCHECKED)                                                 \
    X(b.routes[1].target = 1)                                                                      \
    X(b.blocks[1].peer = 1)                                                                        \
    X((b.blocks[1].network = quad("10.0.128.0"), b.blocks[1].prefix = 17))                         \
    X((b.blocks[1].network = quad("10.0.0.0"), b.blocks[1].prefix = 8))                            \
    X(strcpy_id(b.peers[0].id, "eni-1"))                                                           \
    X(strcpy_id(b.peers[0].vpc, "vpc-1"))                                                          \
    X(strcpy_id(b.peers[0].vpc, "../../x"))                                                        \
    X(b.members[0].group = 1)                                                                      \
    X(b.interfaces[0].flags = 4)                                                                   \
    X(b.interfaces[0].group_count = FABRIC_GROUPS_PER_INTERFACE + 1)                               \
    X(b.interfaces[0].groups[0] = 1)                                                               \
    X(memcpy(b.interfaces[0].id, b.interfaces[1].id, ID_SIZE))                                     \
    X(b.addresses[0].address = quad("10.0.2.5"))                                                   \
    X(b.addresses[0].address = b.addresses[1].address)                                             \
    X(b.addresses[1].public_address = b.addresses[0].public_address)                               \
    X(b.addresses[0].interface = 1)                                                                \
    X(b.addresses[1].interface = 0)                                                                \
    X(b.addresses[2].interface = 3)                                                                \
    X(b.fabric.address_count = 2)

static void strcpy_id(char *id, const char *text)
{
    memset(id, 0, ID_SIZE);
    memcpy(id, text, strlen(text));
}

static void one_broken_part_refuses_the_message(void **state)
{
    struct fabric_builder sample;

    (void)state;
    build_sample(&sample);
    assert_int_equal(view_of(&sample), 0);
#define X(break_it)                                                                                \
    {                                                                                              \
        struct fabric_builder b = sample;                                                          \
        break_it;                                                                                  \
        if (view_of(&b) >= 0)                                                                      \
            fail_msg("accepted: %s", #break_it);                                                   \
    }
    BREAKS(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_viewed_in_place),
        cmocka_unit_test(every_other_size_is_refused),
        cmocka_unit_test(counts_cannot_overflow),
        cmocka_unit_test(one_broken_part_refuses_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
