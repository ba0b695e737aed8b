/* Which packets of logged interfaces are told of, and as what, in real namespaces. */
#include "fabric_stage.h"

#include "base/cleanup.h"
#include "host/net/log_socket.h"
#include "wire/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { A, B, MARK = 9999, NOBODY = 65534, TALE_MAX = 256 };

/* What is told of. */
struct tale {
    struct nflog_packet packets[TALE_MAX]; /* the first ones */
    int count;
    bool heard; /* what was listened for */
};

static int log_of(const struct stage *stage, const char *vpc)
{
    int fd = net_guest_log(stage->net, vpc);
    assert_true(fd >= 0);
    return fd;
}

static void name(char prefix[NFLOG_PREFIX_SIZE], const struct fabric_builder *builder,
                 int interface, const char *how)
{
    snprintf(prefix, NFLOG_PREFIX_SIZE, "%s %s", builder->interfaces[interface].id, how);
}

/* Takes in what comes within `wait_ms`, and whether it had this prefix and destination port. */
static bool listen_once(int fd, struct tale *tale, const char *prefix, uint16_t port, int wait_ms)
{
    uint8_t datagram[65536];
    struct nflog_packet packet;
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    if (poll(&pollfd, 1, wait_ms) != 1)
        return false;
    ssize_t size = recv(fd, datagram, sizeof(datagram), 0);
    const uint8_t *at = datagram;
    size_t left = size > 0 ? (size_t)size : 0;
    while (nflog_next(&at, &left, &packet)) {
        if (tale->count < TALE_MAX)
            tale->packets[tale->count++] = packet;
        tale->heard |= !strcmp(packet.prefix, prefix) && packet.destination_port == port;
    }
    return true;
}

/*
 * All that the kernel had to tell before: it tells in order. The interface's groups let all out,
 * and somebody has the address `to`.
 */
static void hear_all(struct stage *stage, const struct fabric_builder *builder, int interface,
                     int instance, const char *to, struct tale *tale)
{
    int fd = log_of(stage, builder->fabric.vpc);
    char prefix[NFLOG_PREFIX_SIZE], address[INET_ADDRSTRLEN];
    struct in_addr own = {htonl(builder->addresses[interface].address)};
    inet_ntop(AF_INET, &own, address, sizeof(address));
    name(prefix, builder, interface, "11");
    send_as(stage, instance, address, 0, to, MARK);
    while (!tale->heard)
        if (!listen_once(fd, tale, prefix, MARK, ALLOWED_MS))
            fail_msg("nobody tells of \"%s\"", prefix);
    tale->heard = false;
}

/* How often it was told of packets to a port. */
static int times(const struct tale *tale, const struct fabric_builder *builder, int interface,
                 const char *how, uint16_t port)
{
    char prefix[NFLOG_PREFIX_SIZE];
    int count = 0;
    name(prefix, builder, interface, how);
    for (int i = 0; i < tale->count; i++)
        count +=
            !strcmp(tale->packets[i].prefix, prefix) && tale->packets[i].destination_port == port;
    return count;
}

static void log_all(struct fabric_builder *builder)
{
    for (uint32_t i = 0; i < builder->fabric.interface_count; i++)
        builder->interfaces[i].flags |= INTERFACE_LOGGED;
}

/* a is 10.0.1.5 and b 10.0.2.9 in another subnet; both are logged. */
static void build_pair(struct fabric_builder *builder)
{
    build_two_subnets(builder);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.9", NULL, 0);
    log_all(builder);
}

static void both_ends_are_told_of_what_passes_and_who_stopped_what(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};

    build_pair(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, A), b = launch(stage, &builder, B);
    listen_in(stage, b, 80);
    assert_reaches(stage, a, "10.0.2.9", 80);
    assert_silence(stage, a, "10.0.2.9", 90);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale);
    assert_true(times(&tale, &builder, A, "11", 80) >= 2); /* accepted on its way out */
    assert_true(times(&tale, &builder, B, "10", 80) >= 2); /* and in */
    assert_true(times(&tale, &builder, A, "11", 90) >= 1);
    assert_true(times(&tale, &builder, B, "00", 90) >= 1); /* rejected there */
    assert_int_equal(times(&tale, &builder, B, "10", 90), 0);
    assert_int_equal(times(&tale, &builder, A, "01", 90), 0);
    for (int i = 0; i < tale.count; i++)
        assert_true(tale.packets[i].protocol == IPPROTO_UDP ||
                    (tale.packets[i].protocol == IPPROTO_TCP && tale.packets[i].size >= 40));
}

/* The receiver's network ACL stops what the sender's side let out. */
static void a_network_acl_rejects_at_its_own_subnet(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};

    build_pair(&builder);
    builder.subnets[1].acl = (uint16_t)build_acl(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, A), b = launch(stage, &builder, B);
    listen_in(stage, b, 80);
    assert_silence(stage, a, "10.0.2.9", 80);
    assert_silence(stage, b, "10.0.1.5", 80);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale);
    assert_true(times(&tale, &builder, A, "11", 80) >= 1);
    assert_true(times(&tale, &builder, B, "00", 80) >= 1);
    assert_true(times(&tale, &builder, B, "01", 80) >= 1); /* and what it sends itself */
    assert_int_equal(times(&tale, &builder, B, "10", 80), 0);
    assert_int_equal(times(&tale, &builder, B, "11", 80), 0);
    assert_int_equal(times(&tale, &builder, A, "00", 80), 0);
}

/* Both sides of it: what comes is the sender's, what leaves is its own. */
static void a_nat_gateway_is_told_of_by_its_link(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};
    bool inside = false, outside = false;

    build_vpc(&builder, VPC_A);
    build_subnet(&builder, "10.0.1.0/24", 0);
    build_subnet(&builder, "10.0.2.0/24", 1);
    build_egress(&builder, build_group(&builder));
    int nat = build_interface(&builder, INTERFACE_NAT, 0, "10.0.1.4", "100.119.0.4", 0);
    builder.interfaces[nat].group_count = 0;
    int instance = build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.5", NULL, 0);
    build_route(&builder, 0, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    build_route_to(&builder, 1, "0.0.0.0/0", ROUTE_INTERFACE, nat);
    log_all(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, instance);
    listen_in(stage, HOST, 30155);
    assert_reaches(stage, a, "100.119.0.1", 30155);
    hear_all(stage, &builder, instance, a, "10.0.1.4", &tale);
    assert_true(times(&tale, &builder, instance, "11", 30155) >= 2);
    for (int i = 0; i < tale.count; i++) {
        const struct nflog_packet *packet = &tale.packets[i];
        if (packet->destination_port != 30155 ||
            strncmp(packet->prefix, builder.interfaces[nat].id, strlen("eni-") + 17) != 0)
            continue;
        bool in = strstr(packet->prefix, " 10");
        assert_int_equal(packet->source, in ? quad("10.0.2.5") : quad("10.0.1.4"));
        assert_int_equal(packet->destination, quad("100.119.0.1"));
        inside |= in;
        outside |= !in;
    }
    assert_true(inside && outside);
}

/* A load balancer's node sends and gets packets in the router itself. */
static void a_load_balancer_is_told_of(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};
    int out;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_BALANCER, 1, "10.0.2.9", NULL, 0);
    log_all(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, A);
    auto_fd int in = net_open_listener(stage->net, VPC_A, quad("10.0.2.9"), 80, &stage->err);
    assert_ok(stage, in);
    assert_reaches(stage, a, "10.0.2.9", 80);
    assert_silence(stage, a, "10.0.2.9", 90);
    listen_in(stage, a, 81);
    assert_ok(stage, net_open_sockets(stage->net, VPC_A, quad("10.0.2.9"), 1, &out, &stage->err));
    auto_fd int target = out;
    assert_int_equal(try_connect(target, quad("10.0.1.5"), 81, ALLOWED_MS), 1);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale);
    assert_true(times(&tale, &builder, B, "10", 80) >= 2);
    assert_true(times(&tale, &builder, B, "00", 90) >= 1);
    assert_true(times(&tale, &builder, B, "11", 81) >= 2);
    assert_true(times(&tale, &builder, A, "10", 81) >= 2);
}

/* Each VPC tells of its own side, though both may have the same addresses. */
static void peers_tell_each_of_its_own(void **state)
{
    static const char peering[] = "pcx-000000000000000ab";
    struct stage *stage = *state;
    struct fabric_builder sides[2];
    static const char *const vpcs[] = {VPC_A, VPC_B},
                             *const blocks[] = {"10.0.0.0/16", "10.2.0.0/16"},
                             *const subnets[] = {"10.0.1.0/24", "10.2.1.0/24"},
                             *const addresses[] = {"10.0.1.5", "10.2.1.5"};
    struct tale tale = {.count = 0}, other = {.count = 0};

    for (int i = 0; i < 2; i++) {
        build_vpc(&sides[i], vpcs[i]);
        sides[i].blocks[0].network = quad(i ? "10.2.0.0" : "10.0.0.0");
        build_subnet(&sides[i], subnets[i], 0);
        build_egress(&sides[i], build_group(&sides[i]));
        build_rule(&sides[i], 0, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
        build_interface(&sides[i], INTERFACE_INSTANCE, 0, addresses[i], NULL, 0);
        snprintf(sides[i].interfaces[0].id, ID_SIZE, "eni-%017x", 0xa + i);
        snprintf(sides[i].peers[0].id, ID_SIZE, "%s", peering);
        snprintf(sides[i].peers[0].vpc, ID_SIZE, "%s", vpcs[!i]);
        sides[i].fabric.peer_count = 1;
        build_block(&sides[i], blocks[!i], 0);
        build_route_to(&sides[i], 0, blocks[!i], ROUTE_PEER, 0);
        log_all(&sides[i]);
    }
    apply(stage, &sides[0]);
    apply(stage, &sides[1]);
    int a = launch(stage, &sides[0], 0), b = launch(stage, &sides[1], 0);
    listen_in(stage, b, 80);
    assert_reaches(stage, a, "10.2.1.5", 80);
    assert_silence(stage, a, "10.2.1.5", 90);
    hear_all(stage, &sides[0], 0, a, "10.2.1.5", &tale);
    hear_all(stage, &sides[1], 0, b, "10.0.1.5", &other);
    assert_true(times(&tale, &sides[0], 0, "11", 80) >= 2);
    assert_true(times(&tale, &sides[0], 0, "11", 90) >= 1);
    assert_true(times(&other, &sides[1], 0, "10", 80) >= 2);
    assert_true(times(&other, &sides[1], 0, "00", 90) >= 1);
    assert_int_equal(times(&tale, &sides[1], 0, "10", 80), 0);
    assert_int_equal(times(&other, &sides[0], 0, "11", 80), 0);
}

static void nobody_is_told_of_what_is_not_logged_or_of_guest_services(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};
    int sockets[NET_GUEST_SOCKETS];

    build_pair(&builder);
    builder.interfaces[B].flags = 0;
    apply(stage, &builder);
    int a = launch(stage, &builder, A), b = launch(stage, &builder, B);
    assert_ok(stage, net_open_guest_sockets(stage->net, VPC_A, sockets, &stage->err));
    listen_in(stage, b, 80);
    assert_reaches(stage, a, "169.254.169.254", 80);
    assert_silence(stage, a, "169.254.169.254", 81);
    assert_reaches(stage, a, "10.0.2.9", 80);
    assert_silence(stage, b, "10.0.1.5", 90);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale);
    for (int i = 0; i < tale.count; i++) {
        assert_true((tale.packets[i].destination ^ quad("169.254.0.0")) >> 16);
        assert_true((tale.packets[i].source ^ quad("169.254.0.0")) >> 16);
        assert_null(strstr(tale.packets[i].prefix, builder.interfaces[B].id));
    }
    assert_true(times(&tale, &builder, A, "11", 80) >= 2);
    for (int i = 0; i < NET_GUEST_SOCKETS; i++)
        close(sockets[i]);
}

/* A VPC without flow logs has neither rules nor a socket for them. */
static void the_socket_comes_and_goes_with_the_first_log(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_pair(&builder);
    builder.interfaces[A].flags = builder.interfaces[B].flags = 0;
    assert_int_equal(net_guest_log(stage->net, VPC_A), -1);
    apply(stage, &builder);
    assert_int_equal(net_guest_log(stage->net, VPC_A), -1);
    builder.interfaces[B].flags = INTERFACE_LOGGED;
    apply(stage, &builder);
    int log = log_of(stage, VPC_A);
    builder.interfaces[A].flags = INTERFACE_LOGGED;
    apply(stage, &builder);
    assert_int_equal(log_of(stage, VPC_A), log);
    builder.interfaces[A].flags = builder.interfaces[B].flags = 0;
    apply(stage, &builder);
    assert_int_equal(net_guest_log(stage->net, VPC_A), -1);
}

/* A guest process may hold on to the socket of a host that was killed. */
static void a_new_host_is_told_although_the_old_socket_lives(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};

    build_pair(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, A), b = launch(stage, &builder, B);
    auto_fd int old = dup(log_of(stage, VPC_A));
    net_destroy(stage->net);
    open_net(stage);
    apply(stage, &builder);
    listen_in(stage, b, 80);
    assert_reaches(stage, a, "10.0.2.9", 80);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale);
    assert_true(times(&tale, &builder, B, "10", 80) >= 2);
    assert_true(old >= 0);
}

/* What one interface floods with is cut off, and said to be. */
static void a_flood_is_told_of_as_one(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct tale tale = {.count = 0};
    char prefix[NFLOG_PREFIX_SIZE];

    build_pair(&builder);
    apply(stage, &builder);
    int a = launch(stage, &builder, A);
    launch(stage, &builder, B);
    hear_all(stage, &builder, A, a, "10.0.2.9", &tale); /* links are up */
    auto_fd int fd = socket_in(stage, a, SOCK_DGRAM);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(90), .sin_addr.s_addr = htonl(quad("10.0.2.9"))};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    struct iovec byte = {"x", 1};
    struct mmsghdr messages[512] = {{{0}}};
    for (int i = 0; i < 512; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &byte, .msg_iovlen = 1};
    name(prefix, &builder, A, "11+");
    for (int i = 0; i < 20000 && !tale.heard; i++) { /* however slow the kernel is */
        sendmmsg(fd, messages, 512, 0);
        while (listen_once(log_of(stage, VPC_A), &tale, prefix, 90, 0))
            ;
    }
    assert_true(tale.heard);
}

/* Sends a command for the log's group by a socket that root opened; gives the kernel's answer. */
static int configure(int fd)
{
    char buffer[1024];
    struct nfulnl_msg_config_cmd command = {.command = NFULNL_CFG_CMD_UNBIND};
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct nfgenmsg *fixed = mnl_nlmsg_put_extra_header(header, sizeof(*fixed));
    fixed->version = NFNETLINK_V0;
    fixed->res_id = htons(1);
    mnl_attr_put(header, NFULA_CFG_CMD, sizeof(command), &command);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    if (send(fd, header, header->nlmsg_len, 0) < 0 || poll(&pollfd, 1, ALLOWED_MS) != 1 ||
        recv(fd, buffer, sizeof(buffer), 0) < 0 || header->nlmsg_type != NLMSG_ERROR)
        return 1;
    return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
}

static void who_has_no_rights_can_only_read_the_socket(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int status;

    build_pair(&builder);
    apply(stage, &builder);
    int log = log_of(stage, VPC_A);
    pid_t child = fork();
    if (!child)
        _exit(setresuid(NOBODY, NOBODY, NOBODY) < 0 ? 2 : -configure(log));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), EPERM);
    assert_int_equal(configure(log), 0);
}

static void the_kernel_is_asked_whether_it_can(void **state)
{
    struct stage *stage = *state;
    assert_ok(stage, log_socket_check(&stage->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(both_ends_are_told_of_what_passes_and_who_stopped_what),
        ON_STAGE(a_network_acl_rejects_at_its_own_subnet),
        ON_STAGE(a_nat_gateway_is_told_of_by_its_link),
        ON_STAGE(a_load_balancer_is_told_of),
        ON_STAGE(peers_tell_each_of_its_own),
        ON_STAGE(nobody_is_told_of_what_is_not_logged_or_of_guest_services),
        ON_STAGE(the_socket_comes_and_goes_with_the_first_log),
        ON_STAGE(a_new_host_is_told_although_the_old_socket_lives),
        ON_STAGE(a_flood_is_told_of_as_one),
        ON_STAGE(who_has_no_rights_can_only_read_the_socket),
        ON_STAGE(the_kernel_is_asked_whether_it_can),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
