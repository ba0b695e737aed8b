/* The fabric in real namespaces: who reaches whom, and what is left of it. */
#include "base/cleanup.h"
#include "fabric_stage.h"
#include "host/net/link.h"
#include "host/net/namespace.h"
#include "host/net/router.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void instances_reach_each_other_as_groups_allow(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    int other = build_group(&builder);
    build_egress(&builder, other);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.7", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.8", NULL, other);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int c = launch(stage, &builder, 2), stranger = launch(stage, &builder, 3);
    listen_in(stage, b, 80);
    listen_in(stage, b, 82);
    listen_in(stage, b, 83);

    assert_reaches(stage, a, "10.0.1.6", 80);
    assert_reaches(stage, c, "10.0.1.6", 80);
    assert_reaches(stage, stranger, "10.0.1.6", 80);
    assert_reaches(stage, a, "10.0.1.6", 82);
    assert_reaches(stage, c, "10.0.1.6", 82);
    assert_silence(stage, stranger, "10.0.1.6", 82);
    assert_silence(stage, a, "10.0.1.6", 83);
    assert_silence(stage, c, "10.0.1.6", 83);
}

static void an_instance_need_not_ask_for_its_gateway(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    struct arpreq request = {.arp_dev = "eth0"};
    struct sockaddr_in gateway = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000101)};

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    apply(stage, &builder);
    auto_fd int fd = socket_in(stage, launch(stage, &builder, 0), SOCK_DGRAM);
    memcpy(&request.arp_pa, &gateway, sizeof(gateway));
    assert_return_code(ioctl(fd, SIOCGARP, &request), errno);
    assert_int_equal(request.arp_flags & (ATF_COM | ATF_PERM), ATF_COM | ATF_PERM);
}

static void egress_is_judged_too(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    int silent = build_group(&builder);
    build_rule(&builder, silent, DIRECTION_EGRESS, IPPROTO_TCP, 81, 81, "10.0.1.0/24", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, silent);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.7", NULL, silent);
    builder.interfaces[2].groups[builder.interfaces[2].group_count++] = 0;
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), limited = launch(stage, &builder, 1);
    int both = launch(stage, &builder, 2);
    listen_in(stage, a, 80);
    listen_in(stage, a, 81);

    assert_silence(stage, limited, "10.0.1.5", 80); /* ingress allows it, egress does not */
    assert_silence(stage, limited, "10.0.1.5", 81); /* egress allows it, ingress does not */
    assert_reaches(stage, both, "10.0.1.5", 80);
    assert_reaches(stage, both, "10.0.1.5", 81);
}

static void revoked_rules_stop_new_connections_at_once(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int http = listen_in(stage, b, 80);
    auto_fd int old = socket_in(stage, a, SOCK_STREAM);
    assert_int_equal(try_connect(old, quad("10.0.1.6"), 80, ALLOWED_MS), 1);

    builder.rules[1].port_from = builder.rules[1].port_to = 8080;
    apply(stage, &builder);
    assert_silence(stage, a, "10.0.1.6", 80);
    auto_fd int accepted = accept(http, NULL, NULL);
    char byte;
    assert_int_equal(send(old, "x", 1, 0), 1); /* a tracked connection goes on */
    struct pollfd pollfd = {.fd = accepted, .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1);
    assert_int_equal(recv(accepted, &byte, 1, 0), 1);

    builder.rules[1].port_from = builder.rules[1].port_to = 80;
    apply(stage, &builder);
    assert_reaches(stage, a, "10.0.1.6", 80);
}

static void the_internet_gateway_maps_addresses_both_ways(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_subnet(&builder, "10.0.3.0/24", 1); /* no way out */
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 2, "10.0.3.7", "100.119.0.7", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.8", "100.119.0.8", 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), unmapped = launch(stage, &builder, 1);
    int cut_off = launch(stage, &builder, 2), d = launch(stage, &builder, 3);
    int in_a = listen_in(stage, a, 80);
    listen_in(stage, a, 81);
    listen_in(stage, cut_off, 80);
    int in_host = listen_in(stage, HOST, 30155);

    assert_reaches(stage, HOST, "100.119.0.5", 80);
    assert_int_equal(peer_of(in_a), quad("100.119.0.1"));
    assert_silence(stage, HOST, "100.119.0.5", 81);
    assert_silence(stage, HOST, "100.119.0.7", 80);
    assert_silence(stage, HOST, "100.119.9.9", 80); /* an address that nobody has */

    assert_reaches(stage, a, "100.119.0.1", 30155);
    assert_int_equal(peer_of(in_host), quad("100.119.0.5"));
    assert_silence(stage, unmapped, "100.119.0.1", 30155);
    assert_silence(stage, cut_off, "100.119.0.1", 30155);

    assert_reaches(stage, d, "100.119.0.5", 80); /* by the public address, within the VPC */
    assert_int_equal(peer_of(in_a), quad("100.119.0.8"));
    assert_silence(stage, d, "100.119.0.5", 81);
    assert_silence(stage, a, "100.119.9.9", 80);
    assert_silence(stage, a, "192.0.2.77", 80); /* nothing beyond the world's addresses */
}

static void a_connection_ends_when_its_public_address_moves(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    apply(stage, &builder);
    int in_a = listen_in(stage, launch(stage, &builder, 0), 80);
    int in_b = listen_in(stage, launch(stage, &builder, 1), 80);
    auto_fd int client = socket_in(stage, HOST, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("100.119.0.5"), 80, ALLOWED_MS), 1);
    auto_fd int server = accept(in_a, NULL, NULL);
    assert_passes_a_byte(client, server);
    assert_passes_a_byte(server, client);

    builder.addresses[0].public_address = 0;
    builder.addresses[1].public_address = quad("100.119.0.5");
    apply(stage, &builder);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(send(server, "x", 1, 0), 1);
    struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    assert_int_equal(poll(ends, 2, DROPPED_MS), 0);
    assert_reaches(stage, HOST, "100.119.0.5", 80);
    assert_int_equal(peer_of(in_b), quad("100.119.0.1"));
}

static void vpcs_with_the_same_addresses_meet_by_public_ones_only(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder one, two;

    build_two_subnets(&one);
    build_interface(&one, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.1.5", 0);
    two = one;
    snprintf(two.fabric.vpc, ID_SIZE, "%s", VPC_B);
    two.addresses[0].public_address = quad("100.119.2.5");
    build_interface(&two, INTERFACE_INSTANCE, 0, "10.0.1.6", NULL, 0);
    apply(stage, &one);
    apply(stage, &two);
    int in_one = launch(stage, &one, 0), in_two = launch(stage, &two, 0);
    int hidden = launch(stage, &two, 1);
    int http = listen_in(stage, in_two, 80);
    listen_in(stage, hidden, 80);

    assert_reaches(stage, in_one, "100.119.2.5", 80);
    assert_int_equal(peer_of(http), quad("100.119.1.5"));
    assert_true(
        try_connect(socket_in(stage, in_one, SOCK_STREAM), quad("10.0.1.6"), 80, DROPPED_MS) <= 0);
    assert_ok(stage, net_delete_vpc(stage->net, VPC_B, &stage->err));
    assert_silence(stage, in_one, "100.119.2.5", 80);
}

static void balancers_are_judged_like_anyone(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int sockets[2];

    build_two_subnets(&builder);
    int balancers = build_group(&builder);
    build_rule(&builder, balancers, DIRECTION_EGRESS, IPPROTO_TCP, 3000, 3001, NULL, 0);
    build_rule(&builder, balancers, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
    build_rule(&builder, 0, DIRECTION_INGRESS, IPPROTO_TCP, 3000, 3000, NULL, balancers);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_BALANCER, 1, "10.0.2.9", "100.119.0.9", balancers);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0);
    int target = listen_in(stage, a, 3000);
    listen_in(stage, a, 3001);
    auto_fd int listener = net_open_listener(stage->net, VPC_A, quad("10.0.2.9"), 80, &stage->err);
    auto_fd int second = net_open_listener(stage->net, VPC_A, quad("10.0.2.9"), 81, &stage->err);
    assert_true(listener >= 0 && second >= 0);

    assert_ok(stage,
              net_open_sockets(stage->net, VPC_A, quad("10.0.2.9"), 2, sockets, &stage->err));
    assert_int_equal(try_connect(sockets[0], quad("10.0.1.5"), 3000, ALLOWED_MS), 1);
    assert_int_equal(peer_of(target), quad("10.0.2.9"));
    assert_int_equal(try_connect(sockets[1], quad("10.0.1.5"), 3001, DROPPED_MS), 0);
    close(sockets[0]);
    close(sockets[1]);
    assert_reaches(stage, a, "10.0.2.9", 80);
    assert_reaches(stage, HOST, "100.119.0.9", 80);
    assert_silence(stage, a, "10.0.2.9", 81);
    assert_silence(stage, HOST, "100.119.0.9", 81);
}

static void guest_services_need_no_rule(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int sockets[NET_GUEST_SOCKETS];

    build_vpc(&builder, VPC_A);
    build_subnet(&builder, "10.0.1.0/24", 0);
    build_group(&builder); /* without a rule */
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0);
    assert_ok(stage, net_open_guest_sockets(stage->net, VPC_A, sockets, &stage->err));
    auto_fd int imds = sockets[0], dns = sockets[1], stream = sockets[2];

    assert_reaches(stage, a, "169.254.169.254", 80);
    assert_int_equal(peer_of(imds), quad("10.0.1.5"));
    assert_silence(stage, a, "169.254.169.254", 81);
    assert_reaches(stage, a, "169.254.169.253", 53);
    assert_int_equal(peer_of(stream), quad("10.0.1.5"));
    auto_fd int query = socket_in(stage, a, SOCK_DGRAM);
    assert_int_equal(try_connect(query, quad("10.0.0.2"), 53, ALLOWED_MS), 1);
    assert_int_equal(send(query, "query", 5, 0), 5);
    struct pollfd pollfd = {.fd = dns, .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1);
}

static void other_senders_addresses_are_dropped(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    auto_fd int receiver = socket_in(stage, b, SOCK_DGRAM);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(80)};
    assert_int_equal(bind(receiver, (const struct sockaddr *)&name, sizeof(name)), 0);
    build_rule(&builder, 0, DIRECTION_INGRESS, IPPROTO_UDP, 80, 80, "0.0.0.0/0", 0);
    apply(stage, &builder);

    for (int honest = 0; honest <= 1; honest++) {
        auto_fd int sender = socket_in(stage, a, SOCK_DGRAM);
        int one = 1;
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr =
                                       htonl(quad(honest ? "10.0.1.5" : "10.0.1.99"))};
        struct sockaddr_in to = name;
        to.sin_addr.s_addr = htonl(quad("10.0.2.6"));
        setsockopt(sender, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one));
        assert_int_equal(bind(sender, (const struct sockaddr *)&from, sizeof(from)), 0);
        assert_int_equal(sendto(sender, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
        struct pollfd pollfd = {.fd = receiver, .events = POLLIN};
        assert_int_equal(poll(&pollfd, 1, honest ? ALLOWED_MS : DROPPED_MS), honest);
    }
}

static void take_address(struct stage *stage, int instance, const char *address)
{
    struct rtnl rtnl;
    struct link link;
    assert_ok(stage, namespace_enter(stage->instances[instance], &stage->err));
    assert_ok(stage, rtnl_open(&rtnl, &stage->err));
    assert_ok(stage, namespace_enter(stage->home_fd, &stage->err));
    assert_ok(stage, link_find(&rtnl, "eth0", &link, &stage->err));
    assert_ok(stage, link_add_address(&rtnl, link.index, quad(address), 24, &stage->err));
    rtnl_close(&rtnl);
}

static void secondary_addresses_are_the_interfaces_own(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    build_address(&builder, 1, "10.0.1.50", "100.119.0.50");
    apply(stage, &builder);
    int a = launch(stage, &builder, 0), b = launch(stage, &builder, 1);
    int http = listen_in(stage, b, 80), in_a = listen_in(stage, a, 80);
    take_address(stage, b, "10.0.1.50");

    assert_reaches(stage, a, "10.0.1.50", 80);
    assert_int_equal(peer_of(http), quad("10.0.2.6"));
    assert_reaches(stage, HOST, "100.119.0.50", 80);
    assert_silence(stage, a, "10.0.1.50", 83);
    auto_fd int client = socket_in(stage, b, SOCK_STREAM);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(quad("10.0.1.50"))};
    assert_int_equal(bind(client, (const struct sockaddr *)&own, sizeof(own)), 0);
    assert_int_equal(try_connect(client, quad("10.0.2.6"), 80, ALLOWED_MS), 1);
    assert_int_equal(peer_of(in_a), quad("10.0.1.50"));
    builder.fabric.address_count--;
    apply(stage, &builder);
    assert_silence(stage, a, "10.0.1.50", 80);
}

/* ---- a guest with root ---- */

/* Who hears what `peer` says to `address` at UDP port 70 now. */
static bool hears(struct stage *stage, int listener, int peer, const char *source,
                  const char *address, int wait_ms)
{
    char byte;
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};
    send_as(stage, peer, source, 0, address, 70);
    return poll(&pollfd, 1, wait_ms) == 1 && recv(listener, &byte, 1, 0) == 1;
}

/* Datagrams to port 70 of any address that the instance has or takes. */
static int hear_in(struct stage *stage, int instance)
{
    int fd = socket_in(stage, instance, SOCK_DGRAM);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(70)};
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    stage->listeners[stage->listener_count++] = fd;
    return fd;
}

static void take_mac(struct stage *stage, int instance, const uint8_t mac[6])
{
    struct ifreq request = {.ifr_name = "eth0", .ifr_hwaddr.sa_family = ARPHRD_ETHER};
    auto_fd int fd = socket_in(stage, instance, SOCK_DGRAM);
    memcpy(request.ifr_hwaddr.sa_data, mac, 6);
    assert_int_equal(ioctl(fd, SIOCSIFHWADDR, &request), 0);
}

/* Tells the router that `address` is at the instance's link: an ARP answer that nobody asked for.
 */
static void claim_by_arp(struct stage *stage, int instance, const uint8_t mac[6],
                         const char *address)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
    struct ether_arp arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
                                       .ar_pro = htons(ETH_P_IP),
                                       .ar_hln = 6,
                                       .ar_pln = 4,
                                       .ar_op = htons(ARPOP_REPLY)}};
    struct in_addr claimed = {.s_addr = htonl(quad(address))};

    assert_int_equal(setns(stage->instances[instance], CLONE_NEWNET), 0);
    auto_fd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    to.sll_ifindex = (int)if_nametoindex("eth0");
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
    to.sll_halen = 6;
    memset(to.sll_addr, 0xff, 6);
    memcpy(arp.arp_sha, mac, 6);
    memset(arp.arp_tha, 0xff, 6);
    memcpy(arp.arp_spa, &claimed, 4);
    memcpy(arp.arp_tpa, &claimed, 4);
    assert_int_equal(sendto(fd, &arp, sizeof(arp), 0, (struct sockaddr *)&to, sizeof(to)),
                     sizeof(arp));
}

/* Three instances, the last of which hears port 70 from 10.0.2.6 only. */
static int build_victim(struct stage *stage, struct fabric_builder *builder, int instances[3])
{
    build_two_subnets(builder);
    build_rule(builder, 0, DIRECTION_INGRESS, IPPROTO_UDP, 70, 70, "10.0.2.6/32", 0);
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.5", NULL, 0);
    build_interface(builder, INTERFACE_INSTANCE, 1, "10.0.2.6", NULL, 0);
    build_interface(builder, INTERFACE_INSTANCE, 0, "10.0.1.7", NULL, 0);
    apply(stage, builder);
    for (int i = 0; i < 3; i++)
        instances[i] = launch(stage, builder, i);
    return hear_in(stage, instances[2]);
}

static void a_guest_that_takes_anothers_address_or_mac_sends_nothing(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int guests[3];
    int heard = build_victim(stage, &builder, guests);

    take_address(stage, guests[0], "10.0.2.6");
    assert_false(hears(stage, heard, guests[0], "10.0.2.6", "10.0.1.7", DROPPED_MS));
    take_mac(stage, guests[0], builder.interfaces[1].mac);
    assert_false(hears(stage, heard, guests[0], "10.0.2.6", "10.0.1.7", DROPPED_MS));
    builder.rules[3].prefix =
        0; /* anyone: but it is nobody with a MAC address that is not its own */
    builder.rules[3].network = 0;
    apply(stage, &builder);
    assert_false(hears(stage, heard, guests[0], "10.0.2.5", "10.0.1.7", DROPPED_MS));
    take_mac(stage, guests[0], builder.interfaces[0].mac);
    assert_true(hears(stage, heard, guests[0], "10.0.2.5", "10.0.1.7", ALLOWED_MS));
    assert_true(hears(stage, heard, guests[1], "10.0.2.6", "10.0.1.7", ALLOWED_MS));
}

static void a_guest_that_answers_arp_for_another_hears_nothing(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    int guests[3];

    build_victim(stage, &builder, guests);
    int thief = hear_in(stage, guests[0]), victim = hear_in(stage, guests[1]);
    builder.rules[3].prefix = 0;
    builder.rules[3].network = 0;
    apply(stage, &builder);
    take_address(stage, guests[0], "10.0.2.6");
    claim_by_arp(stage, guests[0], builder.interfaces[0].mac, "10.0.2.6");
    claim_by_arp(stage, guests[0], builder.interfaces[0].mac, "10.0.2.1"); /* the gateway */

    assert_true(hears(stage, victim, guests[2], "10.0.1.7", "10.0.2.6", ALLOWED_MS));
    assert_true(hears(stage, thief, guests[2], "10.0.1.7", "10.0.2.5", ALLOWED_MS));
    struct pollfd pollfd = {.fd = thief, .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, DROPPED_MS), 0); /* what was for the other never came */
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static char *sorted(json_t *array)
{
    size_t count = json_array_size(array);
    char *texts[1024];
    struct buf all = {0};

    assert_true(count < 1024);
    for (size_t i = 0; i < count; i++)
        texts[i] = json_dumps(json_array_get(array, i), JSON_SORT_KEYS | JSON_ENCODE_ANY);
    qsort(texts, count, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < count; i++) {
        buf_append_string(&all, texts[i]);
        buf_append_char(&all, '\n');
        free(texts[i]);
    }
    return buf_take(&all);
}

/* The kernel's rules in a form that does not depend on handles or on the order of additions. */
static char *rules_text(struct stage *stage)
{
    struct vpc *vpc = vpc_get(stage->net, VPC_A, false, &stage->err);
    nft_ctx_output_set_flags(vpc->nft, NFT_CTX_OUTPUT_JSON);
    assert_ok(stage, vpc_run_nft(vpc, "list ruleset", &stage->err));
    json_auto_t *listing = json_loads(nft_ctx_get_output_buffer(vpc->nft), 0, NULL);
    json_t *objects = json_object_get(listing, "nftables"), *object;
    size_t index;

    json_array_foreach (objects, index, object) {
        json_t *inner = json_object_iter_value(json_object_iter(object));
        json_t *elements = json_object_get(inner, "elem");
        json_object_del(inner, "handle");
        if (elements) {
            auto_free char *text = sorted(elements);
            json_object_set_new(inner, "elem", json_string(text));
        }
    }
    return sorted(objects);
}

static int compare_routes(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct route));
}

/* Addresses, routes and routing rules in the VPC, as bytes. */
static void routes_bytes(struct stage *stage, struct buf *bytes)
{
    struct vpc *vpc = vpc_get(stage->net, VPC_A, false, &stage->err);
    qsort(vpc->inside.items, vpc->inside.count, sizeof(struct route), compare_routes);
    buf_append(bytes, vpc->inside.items, vpc->inside.count * sizeof(struct route));
}

static void steps_and_a_rebuild_give_the_same_rules(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    apply(stage, &builder);
    int second = build_group(&builder);
    build_rule(&builder, second, DIRECTION_INGRESS, IPPROTO_ICMP, 8, 0xffff, "10.0.0.0/8", 0);
    build_rule(&builder, second, DIRECTION_INGRESS, 50, 0, 0, NULL, 0);
    build_interface(&builder, INTERFACE_BALANCER, 1, "10.0.2.9", NULL, second);
    apply(stage, &builder);
    builder.addresses[0].public_address = quad("100.119.0.6");
    builder.interfaces[0].mac[1] = 9;
    builder.interfaces[0].groups[0] = (uint16_t)second;
    builder.rules[1].protocol = IPPROTO_UDP;
    builder.subnets[1].acl = (uint16_t)build_acl(&builder);
    build_acl_rule(&builder, 1, DIRECTION_EGRESS, 7, IPPROTO_ICMP, 8, 0xffff, "10.0.0.0/8",
                   ACTION_DENY);
    build_subnet(&builder, "10.0.3.0/25", 0);
    apply(stage, &builder);
    builder.subnets[0].acl = 1;
    builder.subnets[1].acl = 0;
    builder.fabric.subnet_count--;
    apply(stage, &builder);
    memmove(builder.groups[0].id, builder.groups[1].id, ID_SIZE); /* the first group goes */
    builder.fabric.group_count = 1;
    builder.interfaces[0].groups[0] = builder.interfaces[1].groups[0] = 0;
    memmove(&builder.rules[0], &builder.rules[3], 2 * sizeof(builder.rules[0]));
    builder.rules[0].group = builder.rules[1].group = 0;
    builder.fabric.rule_count = 2;
    builder.fabric.route_count = 0;
    int nat = build_interface(&builder, INTERFACE_NAT, 0, "10.0.1.8", "100.119.0.8", 0);
    builder.interfaces[0].flags = INTERFACE_UNCHECKED;
    build_address(&builder, nat, "10.0.1.9", NULL);
    build_route_to(&builder, 0, "0.0.0.0/0", ROUTE_INTERFACE, nat);
    build_route_to(&builder, 0, "10.0.2.0/24", ROUTE_INTERFACE, nat);
    build_route_to(&builder, 0, "192.0.2.0/24", ROUTE_INTERFACE, 0); /* its link is not there */
    apply(stage, &builder);
    builder.interfaces[0].flags = 0;
    apply(stage, &builder);

    auto_free char *by_steps = rules_text(stage);
    assert_non_null(strstr(by_steps, "sg_00000000000000001_in"));
    assert_null(strstr(by_steps, "sg_00000000000000000_in"));
    auto_buf wanted = {0}, found = {0};
    routes_bytes(stage, &wanted);
    net_destroy(stage->net);
    open_net(stage);
    routes_bytes(stage, &found); /* as the kernel lists them */
    assert_int_equal(wanted.size, found.size);
    assert_memory_equal(wanted.data, found.data, found.size);
    apply(stage, &builder);
    auto_free char *rebuilt = rules_text(stage);
    assert_string_equal(by_steps, rebuilt);
}

static void a_new_process_keeps_open_connections(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    apply(stage, &builder);
    int a = launch(stage, &builder, 0);
    int http = listen_in(stage, a, 80);
    auto_fd int client = socket_in(stage, HOST, SOCK_STREAM);
    assert_int_equal(try_connect(client, quad("100.119.0.5"), 80, ALLOWED_MS), 1);

    net_destroy(stage->net);
    open_net(stage);
    builder.fabric.rule_count = 0;
    apply(stage, &builder);
    auto_fd int accepted = accept(http, NULL, NULL);
    assert_int_equal(send(client, "x", 1, 0), 1);
    struct pollfd pollfd = {.fd = accepted, .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1);
    assert_silence(stage, HOST, "100.119.0.5", 80);
    struct net_counters counters;
    assert_ok(stage,
              net_counters(stage->net, VPC_A, builder.interfaces[0].id, &counters, &stage->err));
    assert_true(counters.received_packets > 0 && counters.sent_bytes > 0);
}

static void removing_all_leaves_nothing(void **state)
{
    struct stage *stage = *state;
    struct fabric_builder builder;
    char path[128];

    build_two_subnets(&builder);
    build_interface(&builder, INTERFACE_INSTANCE, 0, "10.0.1.5", "100.119.0.5", 0);
    apply(stage, &builder);
    launch(stage, &builder, 0);
    assert_true(if_nametoindex("pl55-0") > 0);
    assert_ok(stage, net_remove_all(stage->net, &stage->err));
    assert_int_equal(if_nametoindex("pl55-0"), 0);
    snprintf(path, sizeof(path), "%s/netns", stage->run_dir);
    assert_int_equal(access(path, F_OK), -1);
    auto_fd int probe = socket_in(stage, HOST, SOCK_STREAM);
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(quad("100.119.0.1"))};
    assert_int_equal(bind(probe, (const struct sockaddr *)&name, sizeof(name)), -1);
    net_destroy(stage->net); /* once more, from nothing */
    open_net(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(instances_reach_each_other_as_groups_allow),
        ON_STAGE(an_instance_need_not_ask_for_its_gateway),
        ON_STAGE(egress_is_judged_too),
        ON_STAGE(revoked_rules_stop_new_connections_at_once),
        ON_STAGE(the_internet_gateway_maps_addresses_both_ways),
        ON_STAGE(a_connection_ends_when_its_public_address_moves),
        ON_STAGE(vpcs_with_the_same_addresses_meet_by_public_ones_only),
        ON_STAGE(balancers_are_judged_like_anyone),
        ON_STAGE(guest_services_need_no_rule),
        ON_STAGE(secondary_addresses_are_the_interfaces_own),
        ON_STAGE(other_senders_addresses_are_dropped),
        ON_STAGE(a_guest_that_takes_anothers_address_or_mac_sends_nothing),
        ON_STAGE(a_guest_that_answers_arp_for_another_hears_nothing),
        ON_STAGE(steps_and_a_rebuild_give_the_same_rules),
        ON_STAGE(a_new_process_keeps_open_connections),
        ON_STAGE(removing_all_leaves_nothing),
    };
    if (!may_run(tests, sizeof(tests) / sizeof(*tests)))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
