/* Network ACLs in real namespaces: what they let across the edge of a subnet. */
#include "base/cleanup.h"
#include "fabric_stage.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Lets TCP to `port` in from `block`, and the answers out. */
static int build_web_acl(struct fabric_builder *builder, int port, const char *block)
{
    int acl = build_acl(builder);
    build_acl_rule(builder, acl, DIRECTION_INGRESS, 100, IPPROTO_TCP, port, port, block,
                   ACTION_ALLOW);
    build_acl_rule(builder, acl, DIRECTION_EGRESS, 100, IPPROTO_TCP, EPHEMERAL_MIN, ALL_PORTS,
                   block, ACTION_ALLOW);
    return acl;
}

static void network_acls_judge_what_crosses_the_edge_of_a_subnet(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    builder.subnets[1].acl = (uint16_t)build_web_acl(&builder, 80, "10.0.1.0/24");
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.7", NULL, 0);
    apply(stage, &builder);
    int outside = launch(stage, &builder, 0), server = launch(stage, &builder, 1);
    int neighbour = launch(stage, &builder, 2);
    listen_in(stage, server, 80);
    listen_in(stage, server, 81);
    listen_in(stage, outside, 80);

    assert_reaches(stage, outside, "10.0.2.6", 80);
    assert_silence(stage, outside, "10.0.2.6", 81); /* the group lets it in, the ACL does not */
    assert_reaches(stage, neighbour, "10.0.2.6", 81);
    assert_silence(stage, server, "10.0.1.5", 80);

    builder.acl_rules[3].port_from = builder.acl_rules[3].port_to = 81; /* of the way out */
    apply(stage, &builder);
    assert_silence(stage, outside, "10.0.2.6", 80); /* stateless: the answer is judged as well */
    builder.subnets[1].acl = 0;
    apply(stage, &builder);
    assert_reaches(stage, outside, "10.0.2.6", 81);
}

static void the_entry_with_the_lowest_number_decides(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    int acl = build_acl(&builder);
    build_acl_rule(&builder, acl, DIRECTION_INGRESS, 90, IPPROTO_TCP, 80, 80, "10.0.1.5/32",
                   ACTION_DENY);
    build_acl_rule(&builder, acl, DIRECTION_INGRESS, 100, 0, 0, ALL_PORTS, "0.0.0.0/0",
                   ACTION_ALLOW);
    build_acl_rule(&builder, acl, DIRECTION_INGRESS, 110, IPPROTO_TCP, 80, 80, "10.0.1.6/32",
                   ACTION_DENY);
    build_acl_rule(&builder, acl, DIRECTION_EGRESS, 100, 0, 0, ALL_PORTS, "0.0.0.0/0",
                   ACTION_ALLOW);
    builder.subnets[1].acl = (uint16_t)acl;
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.7", NULL, 0);
    apply(stage, &builder);
    int denied = launch(stage, &builder, 0), allowed = launch(stage, &builder, 1);
    listen_in(stage, launch(stage, &builder, 2), 80);

    assert_silence(stage, denied, "10.0.2.7", 80);
    assert_reaches(stage, allowed, "10.0.2.7", 80);
}

static void a_changed_network_acl_stops_open_connections(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    builder.subnets[1].acl = (uint16_t)build_web_acl(&builder, 80, "10.0.1.0/24");
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int listener = listen_in(stage, b, 80);
    auto_fd int client = socket_in(stage, a, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("10.0.2.6"), 80, ALLOWED_MS), 1);
    auto_fd int server = accept(listener, NULL, NULL);
    struct pollfd pollfd = {.fd = server, .events = POLLIN};

    builder.acl_rules[2].action = ACTION_DENY; /* of the way in */
    apply(stage, &builder);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(poll(&pollfd, 1, DROPPED_MS), 0);
    builder.acl_rules[2].action = ACTION_ALLOW;
    apply(stage, &builder);
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1); /* sent again by the kernel */
}

static void network_acls_see_private_addresses_behind_the_internet_gateway(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    int acl = build_web_acl(&builder, 80, "100.119.0.1/32");
    builder.subnets[1].acl = (uint16_t)acl;
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", "100.119.0.6", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    build_rule(&builder, 0, DIRECTION_INGRESS, IPPROTO_TCP, 90, 90, "0.0.0.0/0", 0);
    apply(stage, &builder);
    int server = launch(stage, &builder, 0), guest = launch(stage, &builder, 1);
    listen_in(stage, server, 80);
    listen_in(stage, server, 90);

    assert_reaches(stage, HOST, "100.119.0.6", 80);
    assert_silence(stage, HOST, "100.119.0.6", 90);
    assert_silence(stage, guest, "100.119.0.6", 80); /* comes from 100.119.0.5 */
    builder.subnets[0].acl = (uint16_t)build_acl(&builder);
    build_acl_rule(&builder, builder.subnets[0].acl, DIRECTION_EGRESS, 1, 0, 0, ALL_PORTS,
                   "10.0.0.0/8", ACTION_ALLOW);
    builder.subnets[1].acl = 0;
    apply(stage, &builder);
    assert_reaches(stage, HOST, "100.119.0.6", 90);
    assert_silence(stage, guest, "100.119.0.6", 80); /* its own subnet lets nothing out */
}

static void network_acls_judge_balancers_too(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int sockets[2];

    build_two_subnets(&builder);
    builder.subnets[0].acl = (uint16_t)build_web_acl(&builder, 80, "10.0.2.0/24");
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_BALANCER, 1, "10.0.2.9", NULL, 0);
    apply(stage, &builder);
    int target = launch(stage, &builder, 0);
    listen_in(stage, target, 80);
    listen_in(stage, target, 81);
    auto_fd int listener = net_open_listener(stage->net, VPC_A, quad("10.0.2.9"), 80, &stage->err);
    assert_true(listener >= 0);
    assert_ok(stage,
              net_open_sockets(stage->net, VPC_A, quad("10.0.2.9"), 2, sockets, &stage->err));

    assert_int_equal(try_connect(sockets[0], quad("10.0.1.5"), 80, ALLOWED_MS), 1);
    assert_int_equal(try_connect(sockets[1], quad("10.0.1.5"), 81, DROPPED_MS), 0);
    close(sockets[0]);
    close(sockets[1]);
    assert_silence(stage, target, "10.0.2.9", 80);
    builder.subnets[0].acl = 0;
    apply(stage, &builder);
    assert_reaches(stage, target, "10.0.2.9", 80);
}

static void network_acls_do_not_judge_guest_services(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int sockets[NET_GUEST_SOCKETS];

    build_two_subnets(&builder);
    builder.subnets[0].acl = (uint16_t)build_acl(&builder); /* without an entry */
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0);
    assert_ok(stage, net_open_guest_sockets(stage->net, VPC_A, sockets, &stage->err));
    auto_fd int imds = sockets[0], dns = sockets[1], stream = sockets[2];
    struct sockaddr_in asker;
    socklen_t size = sizeof(asker);
    char bytes[8];

    assert_reaches(stage, a, "169.254.169.254", 80);
    assert_int_equal(peer_of(imds), quad("10.0.1.5"));
    assert_reaches(stage, a, "169.254.169.253", 53);
    assert_int_equal(peer_of(stream), quad("10.0.1.5"));
    auto_fd int query = socket_in(stage, a, SOCK_DGRAM);
    assert_int_equal(try_connect(query, quad("10.0.0.2"), 53, ALLOWED_MS), 1);
    assert_int_equal(send(query, "query", 5, 0), 5);
    struct pollfd asked = {.fd = dns, .events = POLLIN}, told = {.fd = query, .events = POLLIN};
    assert_int_equal(poll(&asked, 1, ALLOWED_MS), 1);
    assert_int_equal(recvfrom(dns, bytes, sizeof(bytes), 0, (struct sockaddr *)&asker, &size), 5);
    assert_int_equal(sendto(dns, "answer", 6, 0, (struct sockaddr *)&asker, size), 6);
    assert_int_equal(poll(&told, 1, ALLOWED_MS), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(network_acls_judge_what_crosses_the_edge_of_a_subnet),
        ON_STAGE(the_entry_with_the_lowest_number_decides),
        ON_STAGE(a_changed_network_acl_stops_open_connections),
        ON_STAGE(network_acls_see_private_addresses_behind_the_internet_gateway),
        ON_STAGE(network_acls_judge_balancers_too),
        ON_STAGE(network_acls_do_not_judge_guest_services),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
