/* Peered VPCs, and VPCs of several address blocks, in real namespaces. */
#include "base/cleanup.h"
#include "fabric_stage.h"
#include "host/net/namespace.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VPC_C      "vpc-0000000000000000c"
#define PEERING_AB "pcx-000000000000000ab"
#define PEERING_BC "pcx-000000000000000bc"

/* A VPC 10.N.0.0/16 with an instance 10.N.1.5, which hears 80 from anywhere and says all. */
static void build_side(struct fabric_builder *builder, const char *vpc, int number)
{
    char text[32];

    build_vpc(builder, vpc);
    snprintf(text, sizeof(text), "10.%d.0.0", number);
    builder->blocks[0].network = quad(text);
    snprintf(text, sizeof(text), "10.%d.1.0/24", number);
    build_subnet(builder, text, 0);
    int group = build_group(builder);
    snprintf(builder->groups[group].id, ID_SIZE, "sg-%x", number);
    build_egress(builder, group);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
    snprintf(text, sizeof(text), "10.%d.1.5", number);
    build_interface(builder, INTERFACE_INSTANCE, 0, text, NULL, group);
}

/* Asks for a connection to VPC number `number`, and routes to its block. */
static void build_peer(struct fabric_builder *builder, const char *id, const char *vpc, int number)
{
    char block[32];
    uint32_t index = builder->fabric.peer_count++;

    snprintf(builder->peers[index].id, ID_SIZE, "%s", id);
    snprintf(builder->peers[index].vpc, ID_SIZE, "%s", vpc);
    snprintf(block, sizeof(block), "10.%d.0.0/16", number);
    build_block(builder, block, (int)index);
    build_route_to(builder, 0, block, ROUTE_PEER, (int)index);
}

/* A and B, peered, with routes both ways. */
static void build_pair(struct fabric_builder *a, struct fabric_builder *b)
{
    build_side(a, VPC_A, 1);
    build_side(b, VPC_B, 2);
    build_peer(a, PEERING_AB, VPC_B, 2);
    build_peer(b, PEERING_AB, VPC_A, 1);
}

static void peered_vpcs_reach_each_other_as_routes_and_rules_allow(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;

    build_pair(&a, &b);
    apply(stage, &a);
    apply(stage, &b);
    int in_a = launch(stage, &a, 0), in_b = launch(stage, &b, 0);
    int http = listen_in(stage, in_b, 80);
    listen_in(stage, in_b, 81);
    listen_in(stage, in_a, 80);

    assert_reaches(stage, in_a, "10.2.1.5", 80);
    assert_int_equal(peer_of(http), quad("10.1.1.5"));
    assert_reaches(stage, in_b, "10.1.1.5", 80);
    assert_silence(stage, in_a, "10.2.1.5", 81); /* the receiver's group */
    a.rules[0].protocol = IPPROTO_UDP;           /* the sender's group */
    a.rules[0].port_to = ALL_PORTS;
    apply(stage, &a);
    assert_silence(stage, in_a, "10.2.1.5", 80);
    a.rules[0].protocol = 0;
    apply(stage, &a);
    assert_reaches(stage, in_a, "10.2.1.5", 80);
    b.routes[0].kind = ROUTE_BLACKHOLE; /* no route back, no answer */
    apply(stage, &b);
    assert_silence(stage, in_a, "10.2.1.5", 80);
}

static void network_acls_judge_both_sides_of_a_peering_connection(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;

    build_pair(&a, &b);
    apply(stage, &a);
    apply(stage, &b);
    int in_a = launch(stage, &a, 0);
    listen_in(stage, launch(stage, &b, 0), 80);

    assert_reaches(stage, in_a, "10.2.1.5", 80);
    a.acl_rules[1].action = ACTION_DENY; /* what leaves the sender's subnet */
    apply(stage, &a);
    assert_silence(stage, in_a, "10.2.1.5", 80);
    a.acl_rules[1].action = ACTION_ALLOW;
    b.acl_rules[0].network = quad("10.2.0.0"); /* lets its own VPC in only */
    b.acl_rules[0].prefix = 16;
    apply(stage, &a);
    apply(stage, &b);
    assert_silence(stage, in_a, "10.2.1.5", 80);
}

static void groups_of_a_peered_vpc_admit_their_members(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;

    build_pair(&a, &b);
    build_interface(&a, INTERFACE_INSTANCE, 0, "10.1.1.6", NULL, 0);
    int foreign = build_group(&b);
    snprintf(b.groups[foreign].id, ID_SIZE, "sg-1");
    b.groups[foreign].peer = 0;
    build_rule(&b, 0, DIRECTION_INGRESS, IPPROTO_TCP, 81, 81, NULL, foreign);
    b.members[b.fabric.member_count].group = (uint16_t)foreign;
    b.members[b.fabric.member_count++].address = quad("10.1.1.5");
    apply(stage, &b);
    apply(stage, &a);
    int member = launch(stage, &a, 0), stranger = launch(stage, &a, 1);
    listen_in(stage, launch(stage, &b, 0), 81);

    assert_reaches(stage, member, "10.2.1.5", 81);
    assert_silence(stage, stranger, "10.2.1.5", 81);
    b.fabric.member_count--;
    apply(stage, &b);
    assert_silence(stage, member, "10.2.1.5", 81);
}

/* B names a group of A's, in which are 10.1.1.5 and 10.1.1.6; whoever has it may send to port 71.
 */
static int receive_of_group(struct stage *stage, struct fabric_builder *b)
{
    int foreign = build_group(b), one = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(71)};

    snprintf(b->groups[foreign].id, ID_SIZE, "sg-1");
    b->groups[foreign].peer = 0;
    build_rule(b, 0, DIRECTION_INGRESS, IPPROTO_UDP, 71, 71, NULL, foreign);
    for (int i = 0; i < 2; i++) {
        b->members[b->fabric.member_count].group = (uint16_t)foreign;
        b->members[b->fabric.member_count++].address = quad("10.1.1.5") + (uint32_t)i;
    }
    apply(stage, b);
    int receiver = socket_in(stage, launch(stage, b, 0), SOCK_DGRAM);
    setsockopt(receiver, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(receiver, (const struct sockaddr *)&name, sizeof(name)), 0);
    stage->listeners[stage->listener_count++] = receiver;
    return receiver;
}

static bool hears(int receiver, int wait_ms)
{
    char byte;
    struct pollfd pollfd = {.fd = receiver, .events = POLLIN};
    return poll(&pollfd, 1, wait_ms) == 1 && recv(receiver, &byte, 1, 0) == 1;
}

static void a_group_of_a_peer_is_not_who_says_its_addresses(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;

    build_pair(&a, &b);
    build_interface(&a, INTERFACE_INSTANCE, 0, "10.1.1.6", NULL, 0);
    a.interfaces[0].flags = INTERFACE_UNCHECKED;
    apply(stage, &a);
    int receiver = receive_of_group(stage, &b), in_a = launch(stage, &a, 0);

    send_as(stage, in_a, "10.1.1.6", 0, "10.2.1.5", 71);
    assert_false(hears(receiver, DROPPED_MS));
    send_as(stage, in_a, "10.1.1.5", 0, "10.2.1.5", 71);
    assert_true(hears(receiver, ALLOWED_MS));
}

static void a_group_of_a_peer_is_not_another_peer_with_its_addresses(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b, c;

    build_pair(&a, &b);
    build_side(&c, VPC_C, 1); /* as A, but not its VPC */
    build_peer(&c, PEERING_BC, VPC_B, 2);
    snprintf(b.peers[1].id, ID_SIZE, PEERING_BC);
    snprintf(b.peers[1].vpc, ID_SIZE, VPC_C);
    b.fabric.peer_count++;
    build_block(&b, "10.1.0.0/16", 1);
    apply(stage, &a);
    apply(stage, &c);
    int receiver = receive_of_group(stage, &b), in_a = launch(stage, &a, 0);
    int in_c = launch(stage, &c, 0);

    send_as(stage, in_c, "10.1.1.5", 0, "10.2.1.5", 71);
    assert_false(hears(receiver, DROPPED_MS));
    send_as(stage, in_a, "10.1.1.5", 0, "10.2.1.5", 71);
    assert_true(hears(receiver, ALLOWED_MS));
}

static void nothing_passes_through_a_peered_vpc(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b, c;

    build_pair(&a, &b);
    build_side(&c, VPC_C, 3);
    build_peer(&b, PEERING_BC, VPC_C, 3);
    build_peer(&c, PEERING_BC, VPC_B, 2);
    build_route_to(&a, 0, "10.3.0.0/16", ROUTE_PEER, 0);
    build_route_to(&c, 0, "10.1.0.0/16", ROUTE_PEER, 0);
    build_route_to(&a, 0, "0.0.0.0/0", ROUTE_PEER, 0);
    build_route(&b, 0, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    b.addresses[0].public_address = quad("100.119.0.5");
    apply(stage, &a);
    apply(stage, &b);
    apply(stage, &c);
    int in_a = launch(stage, &a, 0), in_b = launch(stage, &b, 0);
    listen_in(stage, launch(stage, &c, 0), 80);
    listen_in(stage, HOST, 30155);

    assert_reaches(stage, in_b, "10.3.1.5", 80);
    assert_reaches(stage, in_b, "100.119.0.1", 30155);
    assert_silence(stage, in_a, "10.3.1.5", 80);
    assert_silence(stage, in_a, "100.119.0.1", 30155);
}

static void a_peer_says_only_what_its_own_addresses_say(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;
    int sockets[NET_GUEST_SOCKETS];

    build_pair(&a, &b);
    a.interfaces[0].flags = INTERFACE_UNCHECKED; /* so that only the peer can stop it */
    build_rule(&b, 0, DIRECTION_INGRESS, IPPROTO_UDP, 70, 70, "0.0.0.0/0", 0);
    apply(stage, &a);
    apply(stage, &b);
    int in_a = launch(stage, &a, 0);
    auto_fd int receiver = socket_in(stage, launch(stage, &b, 0), SOCK_DGRAM);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(70)};
    assert_int_equal(bind(receiver, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_ok(stage, net_open_guest_sockets(stage->net, VPC_B, sockets, &stage->err));
    auto_fd int imds = sockets[0], dns = sockets[1], stream = sockets[2];
    struct pollfd heard = {.fd = receiver, .events = POLLIN}, asked = {.fd = dns, .events = POLLIN};

    send_as(stage, in_a, "10.2.1.77", 0, "10.2.1.5", 70); /* as one of the receiver's own VPC */
    send_as(stage, in_a, "10.9.1.5", 0, "10.2.1.5", 70);
    assert_int_equal(poll(&heard, 1, DROPPED_MS), 0);
    send_as(stage, in_a, "10.1.1.5", 0, "10.2.0.2", 53); /* the other VPC's resolver */
    assert_int_equal(poll(&asked, 1, DROPPED_MS), 0);
    send_as(stage, in_a, "10.1.1.77", 0, "10.2.1.5", 70);
    assert_int_equal(poll(&heard, 1, ALLOWED_MS), 1);
    assert_true(imds >= 0 && stream >= 0);
}

static void a_peering_connection_ends_at_once_and_comes_back(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b, alone;

    build_pair(&a, &b);
    build_side(&alone, VPC_A, 1);
    apply(stage, &a);
    apply(stage, &b);
    int in_a = launch(stage, &a, 0);
    listen_in(stage, launch(stage, &b, 0), 80);
    assert_reaches(stage, in_a, "10.2.1.5", 80);

    apply(stage, &alone);
    assert_silence(stage, in_a, "10.2.1.5", 80);
    apply(stage, &b); /* one side alone cannot open it */
    assert_silence(stage, in_a, "10.2.1.5", 80);
    apply(stage, &a);
    assert_reaches(stage, in_a, "10.2.1.5", 80);

    net_destroy(stage->net);
    open_net(stage);
    apply(stage, &a);
    apply(stage, &b);
    assert_reaches(stage, in_a, "10.2.1.5", 80);
    assert_ok(stage, net_delete_vpc(stage->net, VPC_B, &stage->err));
    assert_silence(stage, in_a, "10.2.1.5", 80);
    apply(stage, &b);
    listen_in(stage, launch(stage, &b, 0), 80);
    assert_reaches(stage, in_a, "10.2.1.5", 80);
}

static void balancers_are_reached_by_peers(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder a, b;

    build_pair(&a, &b);
    build_interface(&b, INTERFACE_BALANCER, 0, "10.2.1.9", NULL, 0);
    apply(stage, &a);
    apply(stage, &b);
    int in_a = launch(stage, &a, 0);
    auto_fd int listener = net_open_listener(stage->net, VPC_B, quad("10.2.1.9"), 80, &stage->err);
    auto_fd int second = net_open_listener(stage->net, VPC_B, quad("10.2.1.9"), 81, &stage->err);
    assert_true(listener >= 0 && second >= 0);

    assert_reaches(stage, in_a, "10.2.1.9", 80);
    assert_silence(stage, in_a, "10.2.1.9", 81);
}

static void every_block_of_a_vpc_is_local(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_block(&builder, "10.7.0.0/16", FABRIC_OWN_BLOCK);
    build_subnet(&builder, "10.7.1.0/24", 1);
    build_route(&builder, 1, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 2, "10.7.1.6", "100.119.0.6", 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int in_a = listen_in(stage, a, 80), in_b = listen_in(stage, b, 80);

    assert_reaches(stage, a, "10.7.1.6", 80);
    assert_int_equal(peer_of(in_b), quad("10.0.1.5"));
    assert_reaches(stage, b, "10.0.1.5", 80);
    assert_int_equal(peer_of(in_a), quad("10.7.1.6"));
    assert_reaches(stage, HOST, "100.119.0.6", 80);
    builder.fabric.block_count--;
    builder.fabric.subnet_count--;
    builder.fabric.interface_count--;
    builder.fabric.address_count--;
    builder.fabric.route_count--;
    apply(stage, &builder);
    assert_silence(stage, a, "10.7.1.6", 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(peered_vpcs_reach_each_other_as_routes_and_rules_allow),
        ON_STAGE(network_acls_judge_both_sides_of_a_peering_connection),
        ON_STAGE(groups_of_a_peered_vpc_admit_their_members),
        ON_STAGE(a_group_of_a_peer_is_not_who_says_its_addresses),
        ON_STAGE(a_group_of_a_peer_is_not_another_peer_with_its_addresses),
        ON_STAGE(nothing_passes_through_a_peered_vpc),
        ON_STAGE(a_peer_says_only_what_its_own_addresses_say),
        ON_STAGE(a_peering_connection_ends_at_once_and_comes_back),
        ON_STAGE(balancers_are_reached_by_peers),
        ON_STAGE(every_block_of_a_vpc_is_local),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
