/* Packets that the kernel tells of, and the flows that become of them. */
#include "guest/flows.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FLOWS_OF_ONE = 5000, ROOM_OF_ONE = 4096, INTERFACES = 8 };

struct stage {
    struct loop *loop;
    struct flows *flows;
    int kernel; /* the other end of its socket */
    int refusals;
    struct message_flows head; /* of the report */
    struct flow *rows;
};

/* Takes the first report that it does not refuse. */
static bool on_flows(void *owner, const struct message_flows *head, const struct flow *rows)
{
    struct stage *stage = owner;
    if (stage->refusals-- > 0)
        return false;
    stage->head = *head;
    stage->rows = malloc((head->count + 1) * sizeof *rows);
    memcpy(stage->rows, rows, head->count * sizeof *rows);
    loop_stop(stage->loop);
    return true;
}

static int set_up(void **state)
{
    struct err err;
    int ends[2], size = 8 * 1024 * 1024;
    struct stage *stage = calloc(1, sizeof *stage);
    stage->loop = loop_create(&err);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    stage->kernel = ends[1];
    stage->flows = flows_create(stage->loop, "vpc-1", ends[0], on_flows, stage, &err);
    assert_non_null(stage->flows);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    flows_destroy(stage->flows);
    loop_destroy(stage->loop);
    close(stage->kernel);
    free(stage->rows);
    free(stage);
    return 0;
}

/* A TCP packet of 40 bytes from 10.0.0.5:1000 to a port of 10.0.0.6, as the kernel tells of it. */
struct told {
    struct nlmsghdr header;
    struct nfgenmsg fixed;
    struct nlattr prefix_header;
    char prefix[32];
    struct nlattr payload_header;
    struct iphdr ip;
    struct tcphdr tcp;
} __attribute__((packed));

static void tell(const struct stage *stage, const char *prefix, uint16_t port, uint8_t flags)
{
    struct told told = {
        .header = {.nlmsg_len = sizeof told,
                   .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET},
        .prefix_header = {sizeof(struct nlattr) + sizeof told.prefix, NFULA_PREFIX},
        .payload_header = {sizeof(struct nlattr) + sizeof told.ip + sizeof told.tcp, NFULA_PAYLOAD},
        .ip = {.version = 4,
               .ihl = 5,
               .tot_len = htons(sizeof told.ip + sizeof told.tcp),
               .protocol = IPPROTO_TCP,
               .saddr = htonl(10 << 24 | 5),
               .daddr = htonl(10 << 24 | 6)},
        .tcp = {.th_sport = htons(1000), .th_dport = htons(port), .th_flags = flags},
    };
    snprintf(told.prefix, sizeof told.prefix, "%s", prefix);
    assert_int_equal(send(stage->kernel, &told, sizeof told, 0), sizeof told);
}

static void run(struct stage *stage)
{
    struct err err;
    assert_int_equal(loop_run(stage->loop, &err), 0);
}

/* How many rows the report has of an interface, and whether it says that some are missing. */
static int rows_of(const struct stage *stage, const char *interface, bool *missing)
{
    int count = 0;
    *missing = false;
    for (uint32_t i = 0; i < stage->head.count; i++) {
        if (strcmp(stage->rows[i].interface, interface) != 0)
            continue;
        count += stage->rows[i].packets > 0;
        *missing |= !stage->rows[i].packets;
    }
    return count;
}

static void packets_of_a_flow_are_added_up(void **state)
{
    struct stage *stage = *state;
    tell(stage, "eni-1 11", 80, TH_SYN);
    tell(stage, "eni-1 11", 80, TH_ACK | TH_PUSH);
    tell(stage, "eni-1 11", 80, TH_ACK | TH_FIN);
    tell(stage, "eni-2 00", 80, TH_SYN | TH_ACK);
    tell(stage, "nonsense", 80, TH_SYN);
    tell(stage, "eni-2 27", 80, TH_SYN);
    run(stage);
    assert_string_equal(stage->head.vpc, "vpc-1");
    assert_int_equal(stage->head.count, 2);
    assert_int_equal(stage->head.incomplete, 0);
    const struct flow *flow = &stage->rows[0], *other = &stage->rows[1];
    if (strcmp(flow->interface, "eni-1") != 0) {
        flow = other;
        other = &stage->rows[0];
    }
    assert_int_equal(flow->packets, 3);
    assert_int_equal(flow->bytes, 120);
    assert_int_equal(flow->tcp_flags, 3); /* FIN and SYN */
    assert_int_equal(flow->action, ACTION_ALLOW);
    assert_int_equal(flow->direction, DIRECTION_EGRESS);
    assert_int_equal(flow->source, 10 << 24 | 5);
    assert_int_equal(flow->destination_port, 80);
    assert_int_equal(other->tcp_flags, 18); /* SYN-ACK */
    assert_int_equal(other->action, ACTION_DENY);
    assert_int_equal(other->direction, DIRECTION_INGRESS);
}

/* Fills the table as one guest, or all, may; the loop reads in between, for a socket has an end. */
static void flood(struct stage *stage, const char *prefix)
{
    for (int i = 0; i < FLOWS_OF_ONE; i++) {
        tell(stage, prefix, (uint16_t)i, TH_SYN);
        if (i % 50 == 49)
            flows_read(stage->flows);
    }
}

static void an_interface_with_too_many_flows_leaves_room_for_others(void **state)
{
    struct stage *stage = *state;
    bool missing;
    flood(stage, "eni-1 11");
    tell(stage, "eni-2 11", 80, TH_SYN);
    run(stage);
    assert_true(rows_of(stage, "eni-1", &missing) <= ROOM_OF_ONE);
    assert_true(missing);
    assert_int_equal(rows_of(stage, "eni-2", &missing), 1);
    assert_false(missing);
    assert_int_equal(stage->head.incomplete, 0);
}

static void many_that_flood_make_gaps_and_take_no_more_memory(void **state)
{
    struct stage *stage = *state;
    char prefix[32];
    for (int i = 0; i < INTERFACES; i++) {
        snprintf(prefix, sizeof prefix, "eni-%d 11", i);
        flood(stage, prefix);
    }
    run(stage);
    assert_true(stage->head.count <= INTERFACES * ROOM_OF_ONE / 2);
    for (int i = 0; i < INTERFACES; i++) {
        bool missing;
        snprintf(prefix, sizeof prefix, "eni-%d", i);
        rows_of(stage, prefix, &missing);
        assert_true(missing || stage->head.incomplete);
    }
}

static void what_the_rules_cut_off_is_missing(void **state)
{
    struct stage *stage = *state;
    bool missing;
    tell(stage, "eni-1 11", 80, TH_SYN);
    tell(stage, "eni-2 11+", 80, TH_SYN);
    run(stage);
    assert_int_equal(rows_of(stage, "eni-1", &missing), 1);
    assert_false(missing);
    assert_int_equal(rows_of(stage, "eni-2", &missing), 0);
    assert_true(missing);
}

static void flows_add_up_while_nobody_takes_them(void **state)
{
    struct stage *stage = *state;
    stage->refusals = 1;
    tell(stage, "eni-1 11", 80, TH_SYN);
    tell(stage, "eni-1 11", 81, TH_SYN);
    run(stage);
    assert_int_equal(stage->head.count, 2);
    free(stage->rows);
    tell(stage, "eni-1 11", 82, TH_SYN); /* the next report begins anew */
    run(stage);
    assert_int_equal(stage->head.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packets_of_a_flow_are_added_up),
        TEST(an_interface_with_too_many_flows_leaves_room_for_others),
        TEST(many_that_flood_make_gaps_and_take_no_more_memory),
        TEST(what_the_rules_cut_off_is_missing),
        TEST(flows_add_up_while_nobody_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
