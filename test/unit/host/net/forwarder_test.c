/* NAT gateways, and instances that packets of others pass, in real namespaces. */
#include "base/cleanup.h"
#include "fabric_stage.h"
#include "host/net/namespace.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- NAT gateways ---- */

/*
 * A public subnet (table 0) with a NAT gateway, and a private one (table 1) with an instance whose
 * way out it is. Returns the gateway's interface.
 */
static int build_private_subnet(struct fabric_builder *builder)
{
    build_vpc(builder, VPC_A);
    build_subnet(builder, "10.0.1.0/24", 0);
    build_subnet(builder, "10.0.2.0/24", 1);
    build_egress(builder, build_group(builder));
    int nat = build_interface(builder, INTERFACE_NAT, 0, "10.0.1.4", "100.119.0.4", 0);
    builder->interfaces[nat].group_count = 0;
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.5", NULL, 0);
    build_route(builder, 0, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    build_route_to(builder, 1, "0.0.0.0/0", ROUTE_INTERFACE, nat);
    return nat;
}

static void a_nat_gateway_lets_out_and_nothing_in(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_private_subnet(&builder);
    build_rule(&builder, 0, DIRECTION_INGRESS, 0, 0, 0, "0.0.0.0/0", 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 1);
    int in_host = listen_in(stage, HOST, 30155);
    listen_in(stage, a, 80);

    auto_fd int client = socket_in(stage, a, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("100.119.0.1"), 30155, ALLOWED_MS), 1);
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    auto_fd int server = accept(in_host, (struct sockaddr *)&peer, &size);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), quad("100.119.0.4"));
    assert_passes_a_byte(client, server);
    assert_passes_a_byte(server, client);

    assert_silence(stage, HOST, "100.119.0.4", 80);
    assert_silence(stage, HOST, "100.119.0.4", ntohs(peer.sin_port));
    assert_silence(stage, a, "10.0.1.4", 80);
    builder.rules[0].port_from = builder.rules[0].port_to = 1; /* of the sender's group: out */
    builder.rules[0].protocol = IPPROTO_TCP;
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);
}

static void a_nat_gateway_needs_a_way_out_itself(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_private_subnet(&builder);
    builder.routes[0].kind = ROUTE_BLACKHOLE;
    apply(stage, &builder);
    int a = launch(stage, &builder, 1);
    listen_in(stage, HOST, 30155);

    assert_silence(stage, a, "100.119.0.1", 30155);
    builder.routes[0].kind = ROUTE_INTERNET_GATEWAY;
    builder.addresses[0].public_address = 0;
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);
    builder.addresses[0].public_address = quad("100.119.0.4");
    build_route(&builder, 1, "100.119.0.1/32", ROUTE_BLACKHOLE); /* more specific */
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);
    builder.fabric.route_count--;
    apply(stage, &builder);
    assert_reaches(stage, a, "100.119.0.1", 30155);
}

static void network_acls_judge_both_sides_of_a_nat_gateway(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_private_subnet(&builder);
    int acl = build_acl(&builder);
    int out = build_acl_rule(&builder, acl, DIRECTION_EGRESS, 10, IPPROTO_TCP, 30155, 30155,
                             "100.119.0.1/32", ACTION_ALLOW);
    build_acl_rule(&builder, acl, DIRECTION_INGRESS, 10, IPPROTO_TCP, EPHEMERAL_MIN, ALL_PORTS,
                   "100.119.0.1/32", ACTION_ALLOW);
    builder.subnets[1].acl = (uint16_t)acl;
    apply(stage, &builder);
    int a = launch(stage, &builder, 1);
    listen_in(stage, HOST, 30155);

    assert_reaches(stage, a, "100.119.0.1", 30155);
    builder.acl_rules[out].action = ACTION_DENY; /* of the sender's subnet */
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);

    /* The gateway's: from the private subnet in and out again, and the answers likewise. */
    builder.acl_rules[out].action = ACTION_ALLOW;
    int public = build_acl(&builder);
    int in = build_acl_rule(&builder, public, DIRECTION_INGRESS, 10, IPPROTO_TCP, 30155, 30155,
                            "10.0.2.0/24", ACTION_ALLOW);
    build_acl_rule(&builder, public, DIRECTION_INGRESS, 20, IPPROTO_TCP, EPHEMERAL_MIN, ALL_PORTS,
                   "100.119.0.1/32", ACTION_ALLOW);
    build_acl_rule(&builder, public, DIRECTION_EGRESS, 10, IPPROTO_TCP, 30155, 30155,
                   "100.119.0.1/32", ACTION_ALLOW);
    int back = build_acl_rule(&builder, public, DIRECTION_EGRESS, 20, IPPROTO_TCP, EPHEMERAL_MIN,
                              30154, "10.0.2.0/24", ACTION_ALLOW);
    int back_too = build_acl_rule(&builder, public, DIRECTION_EGRESS, 30, IPPROTO_TCP, 30156,
                                  ALL_PORTS, "10.0.2.0/24", ACTION_ALLOW);
    builder.subnets[0].acl = (uint16_t) public;
    apply(stage, &builder);
    assert_reaches(stage, a, "100.119.0.1", 30155);
    builder.acl_rules[in].action = ACTION_DENY;
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);
    builder.acl_rules[in].action = ACTION_ALLOW;
    builder.acl_rules[back].action = builder.acl_rules[back_too].action = ACTION_DENY;
    apply(stage, &builder);
    assert_silence(stage, a, "100.119.0.1", 30155);
}

static void a_private_nat_gateway_lends_its_address(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_private_subnet(&builder);
    builder.addresses[0].public_address = 0;
    build_subnet(&builder, "10.0.3.0/24", 2);
    build_interface(&builder, INTERFACE_INSTANCE, 2, "10.0.3.6", NULL, 0);
    build_rule(&builder, 0, DIRECTION_INGRESS, 0, 0, 0, "10.0.1.4/32", 0);
    build_route_to(&builder, 1, "10.0.3.0/24", ROUTE_INTERFACE, 0); /* before the local one */
    apply(stage, &builder);
    int a = launch(stage, &builder, 1), b = launch(stage, &builder, 2);
    int in_b = listen_in(stage, b, 80);

    assert_reaches(stage, a, "10.0.3.6", 80);
    assert_int_equal(peer_of(in_b), quad("10.0.1.4"));
}

static bool has_namespace(struct stage *stage, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/netns/%s", stage->run_dir, name);
    return access(path, F_OK) == 0;
}

static void a_nat_gateway_goes_with_its_row(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    char name[2 * ID_SIZE];

    int nat = build_private_subnet(&builder);
    snprintf(name, sizeof(name), "%s.%s", builder.interfaces[nat].id, VPC_A);
    apply(stage, &builder);
    int a = launch(stage, &builder, 1);
    listen_in(stage, HOST, 30155);
    assert_reaches(stage, a, "100.119.0.1", 30155);
    assert_true(has_namespace(stage, name));

    struct fabric_builder without = builder; /* the instance's row becomes the first */
    without.interfaces[0] = builder.interfaces[1];
    without.addresses[0] = builder.addresses[1];
    without.addresses[0].interface = 0;
    without.fabric.interface_count = without.fabric.address_count = 1;
    without.routes[1].kind = ROUTE_BLACKHOLE;
    net_destroy(stage->net); /* it is found again to be removed */
    open_net(stage);
    apply(stage, &without);
    assert_false(has_namespace(stage, name));
    assert_silence(stage, a, "100.119.0.1", 30155);
    apply(stage, &builder);
    assert_reaches(stage, a, "100.119.0.1", 30155);
    assert_ok(stage, net_delete_vpc(stage->net, VPC_A, &stage->err));
    assert_false(has_namespace(stage, name));
}

static void a_new_process_keeps_connections_through_a_nat_gateway(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_private_subnet(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, 1);
    int in_host = listen_in(stage, HOST, 30155);
    auto_fd int client = socket_in(stage, a, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("100.119.0.1"), 30155, ALLOWED_MS), 1);
    auto_fd int server = accept(in_host, NULL, NULL);

    net_destroy(stage->net);
    open_net(stage);
    apply(stage, &builder);
    assert_passes_a_byte(server, client);
    assert_passes_a_byte(client, server);
}

/* ---- routes to instances ---- */

/* Two subnets whose way to each other is an appliance in a third: interfaces 0, 1 and 2. */
static void build_appliance(struct fabric_builder *builder)
{
    build_vpc(builder, VPC_A);
    build_subnet(builder, "10.0.1.0/24", 1);
    build_subnet(builder, "10.0.2.0/24", 2);
    build_subnet(builder, "10.0.3.0/24", 3);
    int group = build_group(builder), open = build_group(builder);
    build_egress(builder, group);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "10.0.0.0/16", 0);
    build_rule(builder, group, DIRECTION_INGRESS, 0, 0, 0, NULL, group);
    build_egress(builder, open);
    build_rule(builder, open, DIRECTION_INGRESS, 0, 0, 0, "0.0.0.0/0", 0);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, group);
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, group);
    build_interface(builder, INTERFACE_INSTANCE, 2, "10.0.3.7", NULL, open);
    builder->interfaces[2].flags = INTERFACE_UNCHECKED;
    build_route_to(builder, 1, "10.0.2.0/24", ROUTE_INTERFACE, 2);
    build_route_to(builder, 2, "10.0.1.0/24", ROUTE_INTERFACE, 2);
}

static void forward_in(struct stage *stage, int instance)
{
    assert_int_equal(setns(stage->instances[instance], CLONE_NEWNET), 0);
    assert_ok(stage, namespace_set("1", &stage->err, "ipv4/ip_forward"));
    assert_ok(stage, namespace_set("0", &stage->err, "ipv4/conf/all/send_redirects"));
    assert_ok(stage, namespace_set("0", &stage->err, "ipv4/conf/eth0/send_redirects"));
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
}

static void a_route_leads_through_an_instance_that_does_not_check(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_appliance(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int in_b = listen_in(stage, b, 80);
    listen_in(stage, b, 81);
    assert_silence(stage, a, "10.0.2.6", 80); /* the appliance is not there yet */
    int appliance = launch(stage, &builder, 2);
    assert_silence(stage, a, "10.0.2.6", 80); /* and does not forward yet */
    forward_in(stage, appliance);

    assert_reaches(stage, a, "10.0.2.6", 80);
    assert_int_equal(peer_of(in_b), quad("10.0.1.5"));
    assert_silence(stage, a, "10.0.2.6", 81);    /* its group names a group, and that is not kept */
    builder.rules[4].network = quad("10.0.2.0"); /* of the appliance's group: not from the other */
    builder.rules[4].prefix = 24;
    apply(stage, &builder);
    assert_silence(stage, a, "10.0.2.6", 80);
    builder.rules[4].prefix = 0;
    builder.rules[4].network = 0;
    net_unplug(stage->net, VPC_A, builder.interfaces[2].id);
    apply(stage, &builder);
    assert_silence(stage, a, "10.0.2.6", 80);
    forward_in(stage, launch(stage, &builder, 2));
    assert_reaches(stage, a, "10.0.2.6", 80);
}

/* Not even when the subnet's table leads to its own block elsewhere. */
static void what_a_forwarder_sends_within_its_subnet_stays_there(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_appliance(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 2, "10.0.3.8", NULL, 1);
    build_route_to(&builder, 3, "10.0.3.0/24", ROUTE_INTERFACE, 0);
    builder.interfaces[0].flags = INTERFACE_UNCHECKED;
    apply(stage, &builder);
    launch(stage, &builder, 0);
    int appliance = launch(stage, &builder, 2);
    listen_in(stage, launch(stage, &builder, 3), 80);
    assert_reaches(stage, appliance, "10.0.3.8", 80);
}

static void a_route_to_an_instance_that_checks_leads_nowhere(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_appliance(&builder);
    builder.interfaces[2].flags = 0;
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    listen_in(stage, b, 80);
    forward_in(stage, launch(stage, &builder, 2));
    assert_silence(stage, a, "10.0.2.6", 80);
    builder.fabric.route_count = 0;
    apply(stage, &builder);
    assert_reaches(stage, a, "10.0.2.6", 80);
    build_route_to(&builder, 1, "10.0.2.0/24", ROUTE_INTERFACE,
                   1); /* but what is its own, it takes */
    apply(stage, &builder);
    assert_reaches(stage, a, "10.0.2.6", 80);
}

/* A datagram socket that waits at `port`; closed with the stage. */
static int receive_in(struct stage *stage, int instance, uint16_t port)
{
    int fd = socket_in(stage, instance, SOCK_DGRAM), one = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    stage->listeners[stage->listener_count++] = fd;
    return fd;
}

static bool receives(int fd, int wait_ms)
{
    char byte;
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    return poll(&pollfd, 1, wait_ms) == 1 && recv(fd, &byte, 1, 0) == 1;
}

/* It may send as anyone, as on AWS; but nobody lets it in for whom it says it is. */
static void an_instance_that_does_not_check_is_nobody_else(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int sockets[NET_GUEST_SOCKETS];

    build_appliance(&builder);
    build_rule(&builder, 0, DIRECTION_INGRESS, IPPROTO_UDP, 70, 70, "10.0.1.0/24", 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int appliance = launch(stage, &builder, 2);
    int open = receive_in(stage, b, 70), closed = receive_in(stage, b, 71);
    int in_a = receive_in(stage, a, 90);
    assert_ok(stage, net_open_guest_sockets(stage->net, VPC_A, sockets, &stage->err));
    close(sockets[0]);
    close(sockets[2]);
    auto_fd int dns = sockets[1];

    send_as(stage, appliance, "10.0.1.5", 90, "10.0.2.6", 70);
    assert_true(receives(open, ALLOWED_MS));
    send_as(stage, appliance, "10.0.1.5", 90, "10.0.2.6", 71); /* a member of its group? */
    assert_false(receives(closed, DROPPED_MS));

    /* It answers in b's name, so that the flow is known; b still did not let it in. */
    send_as(stage, a, "10.0.1.5", 90, "10.0.2.6", 71);
    send_as(stage, appliance, "10.0.2.6", 71, "10.0.1.5", 90);
    assert_true(receives(in_a, ALLOWED_MS));
    send_as(stage, appliance, "10.0.1.5", 90, "10.0.2.6", 71);
    assert_false(receives(closed, DROPPED_MS));

    send_as(stage, appliance, "10.0.1.5", 90, "169.254.169.253", 53);
    send_as(stage, appliance, "10.0.1.5", 90, "10.0.0.2", 53); /* its other address */
    assert_false(receives(dns, DROPPED_MS));
    send_as(stage, appliance, "169.254.169.253", 53, "10.0.2.6", 70);
    assert_false(receives(open, DROPPED_MS));
}

/* Public addresses are the gateway's to give, and nobody is the host's client in another's. */
static void an_instance_that_does_not_check_has_no_public_address_of_another(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_appliance(&builder);
    build_route(&builder, 3, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    builder.addresses[0].public_address = quad("100.119.0.5");
    builder.addresses[2].public_address = quad("100.119.0.7");
    apply(stage, &builder);
    launch(stage, &builder, 0);
    int appliance = launch(stage, &builder, 2), on_host = receive_in(stage, HOST, 90);

    send_as(stage, appliance, "100.119.0.5", 90, "100.119.0.1", 90);
    assert_false(receives(on_host, DROPPED_MS));
    send_as(stage, appliance, "10.0.3.7", 90, "100.119.0.1", 90);
    assert_true(receives(on_host, ALLOWED_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_nat_gateway_lets_out_and_nothing_in),
        ON_STAGE(a_nat_gateway_needs_a_way_out_itself),
        ON_STAGE(network_acls_judge_both_sides_of_a_nat_gateway),
        ON_STAGE(a_private_nat_gateway_lends_its_address),
        ON_STAGE(a_nat_gateway_goes_with_its_row),
        ON_STAGE(a_new_process_keeps_connections_through_a_nat_gateway),
        ON_STAGE(a_route_leads_through_an_instance_that_does_not_check),
        ON_STAGE(what_a_forwarder_sends_within_its_subnet_stays_there),
        ON_STAGE(a_route_to_an_instance_that_checks_leads_nowhere),
        ON_STAGE(an_instance_that_does_not_check_is_nobody_else),
        ON_STAGE(an_instance_that_does_not_check_has_no_public_address_of_another),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
