/* IMDS and DNS over real sockets: 127.0.0.1 and 127.0.0.2 play two callers in a VPC. */
#include "guest/guest.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "description.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { TURNS_MAX = 200, TURN_MS = 20 };

struct stage {
    struct loop *loop;
    struct guest *guest;
    struct sockaddr_in imds, dns, dns_stream;
};

static int bound_socket(int type, const char *address, struct sockaddr_in *name)
{
    socklen_t size = sizeof(*name);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *name = (struct sockaddr_in){.sin_family = AF_INET};
    inet_pton(AF_INET, address, &name->sin_addr);
    assert_int_equal(bind(fd, (const struct sockaddr *)name, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)name, &size), 0);
    return fd;
}

static void describe(struct stage *stage, const char *json)
{
    struct err err;
    if (guest_set_metadata(stage->guest, "i-1", json, strlen(json), &err) < 0)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    struct err err;

    stage->loop = loop_create(&err);
    stage->guest = guest_create(stage->loop, &err);
    const int sockets[GUEST_SOCKETS] = {
        bound_socket(SOCK_STREAM, "127.0.0.1", &stage->imds),
        bound_socket(SOCK_DGRAM, "127.0.0.1", &stage->dns),
        bound_socket(SOCK_STREAM, "127.0.0.1", &stage->dns_stream),
    };
    assert_int_equal(listen(sockets[GUEST_SOCKET_IMDS], 16), 0);
    assert_int_equal(listen(sockets[GUEST_SOCKET_DNS_STREAM], 16), 0);
    assert_int_equal(guest_add_vpc(stage->guest, "vpc-1", sockets, &err), 0);
    describe(stage, DESCRIPTION("127.0.0.1", "required"));
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    guest_destroy(stage->guest);
    loop_destroy(stage->loop);
    free(stage);
    return 0;
}

/* Sends a request from `address`; the whole answer is in `answer`. Returns its status. */
static int ask_from(struct stage *stage, const char *address, const char *request,
                    struct buf *answer)
{
    struct sockaddr_in name;
    auto_fd int fd = bound_socket(SOCK_STREAM, address, &name);
    struct err err;

    buf_clear(answer);
    connect(fd, (const struct sockaddr *)&stage->imds, sizeof(stage->imds));
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        char bytes[4096];
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
        if (size == 0)
            break;
        if (size > 0)
            buf_append(answer, bytes, (size_t)size);
    }
    int status = 0;
    assert_int_equal(sscanf(answer->data, "HTTP/1.1 %d", &status), 1);
    return status;
}

#define REQUEST(line, headers)                                                                     \
    line " HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n" headers "\r\n"

static int ask(struct stage *stage, const char *request)
{
    auto_buf answer = {0};
    return ask_from(stage, "127.0.0.1", request, &answer);
}

static void version_two_needs_a_token_of_this_instance(void **state)
{
    struct stage *stage = *state;
    auto_buf answer = {0};
    char request[512];

    assert_int_equal(ask(stage, REQUEST("GET /latest/meta-data/instance-id", "")), 401);
    assert_int_equal(
        ask_from(stage, "127.0.0.1",
                 REQUEST("PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n"),
                 &answer),
        200);
    assert_non_null(strstr(answer.data, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60"));
    const char *token = strstr(answer.data, "\r\n\r\n") + 4;
    snprintf(request, sizeof(request),
             REQUEST("GET /latest/meta-data/instance-id", "X-aws-ec2-metadata-token: %s\r\n"),
             token);
    assert_int_equal(ask_from(stage, "127.0.0.1", request, &answer), 200);
    assert_string_equal(strstr(answer.data, "\r\n\r\n") + 4, "i-1");
    assert_int_equal(ask_from(stage, "127.0.0.2", request, &answer), 503); /* nobody we know */
}

static void a_caller_is_known_by_any_of_its_addresses(void **state)
{
    auto_buf answer = {0};
    const char *request =
        REQUEST("PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n");
    assert_int_equal(ask_from(*state, "127.0.0.9", request, &answer), 200);
    assert_int_equal(ask_from(*state, "127.0.0.8", request, &answer), 503);
}

static void bad_token_requests_are_refused(void **state)
{
#define TTL "X-aws-ec2-metadata-token-ttl-seconds: "
    assert_int_equal(ask(*state, REQUEST("PUT /latest/api/token", "")), 400);
    assert_int_equal(ask(*state, REQUEST("PUT /latest/api/token", TTL "0\r\n")), 400);
    assert_int_equal(ask(*state, REQUEST("PUT /latest/api/token", TTL "21601\r\n")), 400);
    assert_int_equal(ask(*state, REQUEST("PUT /latest/api/token", TTL "1e3\r\n")), 400);
    assert_int_equal(
        ask(*state, REQUEST("PUT /latest/api/token", TTL "60\r\nX-Forwarded-For: 1.2.3.4\r\n")),
        403);
    assert_int_equal(ask(*state, REQUEST("GET /latest/api/token", TTL "60\r\n")), 405);
    assert_int_equal(ask(*state, REQUEST("GET /latest/", "X-aws-ec2-metadata-token: AA==\r\n")),
                     401);
}

static void version_one_works_where_tokens_are_optional(void **state)
{
    auto_buf answer = {0};

    describe(*state, DESCRIPTION("127.0.0.1", "optional"));
    assert_int_equal(ask(*state, REQUEST("GET /", "")), 200);
    assert_int_equal(ask(*state, REQUEST("GET /2009-04-04/meta-data/", "")), 200);
    assert_int_equal(ask(*state, REQUEST("GET /latest/meta-data/placement/region/", "")), 200);
    assert_int_equal(ask(*state, REQUEST("GET /1999-01-01/meta-data/", "")), 404);
    assert_int_equal(ask(*state, REQUEST("GET /latest/meta-data/../user-data", "")), 404);
    assert_int_equal(ask(*state, REQUEST("DELETE /latest/meta-data/", "")), 405);
    assert_int_equal(ask_from(*state, "127.0.0.1", REQUEST("GET /latest/user-data", ""), &answer),
                     200);
    assert_string_equal(strstr(answer.data, "\r\n\r\n") + 4, "#!/bin/sh\necho hi\n");
}

static void forgotten_instances_get_nothing(void **state)
{
    struct stage *stage = *state;
    guest_remove_metadata(stage->guest, "i-1");
    assert_int_equal(ask(stage, REQUEST("GET /latest/meta-data/", "")), 503);
}

enum { MESSAGE_SIZE = 512, QUERY_HEAD = 12, TYPE_A = 1, TYPE_PTR = 12, TYPE_AAAA = 28 };

/* Writes a question for a name ("\3www\7example"); returns its size. */
static size_t write_query(uint8_t message[MESSAGE_SIZE], const char *name, uint8_t type)
{
    size_t size = QUERY_HEAD + strlen(name) + 1;
    memset(message, 0, MESSAGE_SIZE);
    memcpy(message, "\x12\x34\1\0\0\1", 6);
    memcpy(message + QUERY_HEAD, name, strlen(name));
    message[size + 1] = type;
    message[size + 3] = 1;
    return size + 4;
}

/* Asks, and leaves the answer in `message`. Returns its size; -1: there is none. */
static ssize_t ask_name(struct stage *stage, const char *name, uint8_t type,
                        uint8_t message[MESSAGE_SIZE], int turns)
{
    struct sockaddr_in from;
    auto_fd int fd = bound_socket(SOCK_DGRAM, "127.0.0.1", &from);
    size_t size = write_query(message, name, type);
    struct err err;
    ssize_t got = -1;

    sendto(fd, message, size, 0, (const struct sockaddr *)&stage->dns, sizeof(stage->dns));
    for (int turn = 0; turn < turns && got < 0; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        got = recv(fd, message, MESSAGE_SIZE, 0);
    }
    return got;
}

/* Asks for addresses and returns rcode * 256 + count of answers; the last address. */
static int resolve(struct stage *stage, const char *name, uint32_t *address)
{
    uint8_t message[MESSAGE_SIZE];
    ssize_t got = ask_name(stage, name, TYPE_A, message, TURNS_MAX);

    assert_true(got > QUERY_HEAD);
    memcpy(address, message + got - 4, 4);
    *address = ntohl(*address);
    return (message[3] & 15) * 256 + message[7];
}

static void set_names(struct stage *stage, const char *json)
{
    struct err err;
    assert_int_equal(guest_set_names(stage->guest, json, strlen(json), &err), 0);
}

/* rcode * 256 + count of answers * 16 + count of SOA records. */
static int shape_of(struct stage *stage, const char *name, uint8_t type)
{
    uint8_t message[MESSAGE_SIZE];
    assert_true(ask_name(stage, name, type, message, TURNS_MAX) > QUERY_HEAD);
    return (message[3] & 15) * 256 + message[7] * 16 + message[9];
}

static void what_does_not_exist_is_told_from_what_has_nothing(void **state)
{
    assert_int_equal(shape_of(*state, "\13ip-10-0-1-5\3ec2\10internal", TYPE_A), 16);
    assert_int_equal(shape_of(*state, "\13ip-10-0-1-5\3ec2\10internal", TYPE_AAAA), 1);
    assert_int_equal(shape_of(*state, "\3ec2\10internal", TYPE_A), 1);
    assert_int_equal(shape_of(*state, "\13ip-10-0-1-6\3ec2\10internal", TYPE_A), 3 * 256 + 1);
    assert_int_equal(shape_of(*state, "\0019\0019\0019\00210\7in-addr\4arpa", TYPE_PTR),
                     3 * 256 + 1);
    assert_int_equal(shape_of(*state, "\0019\00210\7in-addr\4arpa", TYPE_PTR), 1);
    assert_int_equal(shape_of(*state, "\0018\0018\0018\0018\7in-addr\4arpa", TYPE_PTR), 5 * 256);
}

static void an_address_leads_back_to_its_name(void **state)
{
    uint8_t message[MESSAGE_SIZE];
    ssize_t got =
        ask_name(*state, "\0011\0010\0010\003127\7in-addr\4arpa", TYPE_PTR, message, TURNS_MAX);
    static const char target[] = "\014ip-127-0-0-1\003ec2\010internal";
    assert_true(got > (ssize_t)sizeof(target));
    assert_memory_equal(message + got - sizeof(target), target, sizeof(target));
}

static void services_resolve_where_the_cloud_answers(void **state)
{
    uint32_t address;
    set_names(*state,
              "{\"Names\": {}, \"Vpcs\": {\"vpc-1\": {\"Names\": "
              "{\"sts.eu-west-1.amazonaws.com\": [\"10.0.1.77\"]}}}, "
              "\"Services\": {\"Address\": \"100.64.0.2\", \"Names\": [\"ec2\", \"sts\"]}}");
    assert_int_equal(resolve(*state, "\3ec2\12ap-south-1\11amazonaws\3com", &address), 1);
    assert_int_equal(address, 100u << 24 | 64 << 16 | 2);
    assert_int_equal(resolve(*state, "\3STS\11amazonaws\3com", &address), 1);
    assert_int_equal(resolve(*state, "\3kms\12ap-south-1\11amazonaws\3com", &address), 5 * 256);
    /* An endpoint of the VPC's own comes first. */
    assert_int_equal(resolve(*state, "\3sts\11eu-west-1\11amazonaws\3com", &address), 1);
    assert_int_equal(address, 10 << 24 | 1 << 8 | 77);
}

static void a_vpc_without_dns_support_gets_no_answer(void **state)
{
    uint8_t message[MESSAGE_SIZE];
    set_names(*state, "{\"Names\": {}, \"Vpcs\": {\"vpc-1\": {\"DnsSupport\": false}}}");
    assert_int_equal(ask_name(*state, "\3ec2\10internal", TYPE_A, message, 3), -1);
}

static void the_host_sees_public_addresses_and_its_own_names(void **state)
{
    static const char public_json[] =
        "{\"Vpc\": \"vpc-1\", \"PrivateIpAddress\": \"127.0.0.9\", \"PublicIpAddress\": "
        "\"100.64.0.9\", \"PublicDnsName\": \"ec2-100-64-0-9.compute-1.amazonaws.com\"}";
    static const char name[] = "\016ec2-100-64-0-9\011compute-1\011amazonaws\3com";
    struct stage *stage = *state;
    struct sockaddr_in in_vpc = stage->dns;
    uint32_t address;
    struct err err;
    const int sockets[GUEST_SOCKETS] = {-1, bound_socket(SOCK_DGRAM, "127.0.0.1", &stage->dns),
                                        bound_socket(SOCK_STREAM, "127.0.0.1", &stage->dns_stream)};
    assert_int_equal(listen(sockets[GUEST_SOCKET_DNS_STREAM], 16), 0);
    assert_int_equal(guest_add_vpc(stage->guest, "", sockets, &err), 0);
    assert_int_equal(
        guest_set_metadata(stage->guest, "i-2", public_json, sizeof(public_json) - 1, &err), 0);
    assert_int_equal(resolve(stage, name, &address), 1);
    assert_int_equal(address, 100u << 24 | 64 << 16 | 9);
    assert_int_equal(resolve(stage, "\1x\12ap-south-1\3elb\11localhost", &address), 1);
    assert_int_equal(address, 127 << 24 | 1);
    stage->dns = in_vpc;
    assert_int_equal(resolve(stage, name, &address), 1);
    assert_int_equal(address, 127 << 24 | 9); /* within the VPC: the private one */
}

/* Sends questions over TCP and turns until `wanted` bytes have come back. */
static void ask_stream(struct stage *stage, int fd, const uint8_t *bytes, size_t size,
                       uint8_t *answers, size_t wanted)
{
    struct err err;
    size_t got = 0;
    assert_int_equal(send(fd, bytes, size, 0), size);
    for (int turn = 0; turn < TURNS_MAX && got < wanted; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        ssize_t part = recv(fd, answers + got, wanted - got, 0);
        got += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(got, wanted);
}

static void questions_over_tcp_are_answered_in_order(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_in from;
    auto_fd int fd = bound_socket(SOCK_STREAM, "127.0.0.1", &from);
    uint8_t frames[2 * (MESSAGE_SIZE + 2)], answers[MESSAGE_SIZE];
    size_t size = write_query(frames + 2, "\13ip-10-0-1-5\3ec2\10internal", TYPE_A);

    frames[0] = 0;
    frames[1] = (uint8_t)size;
    memcpy(frames + 2 + size, frames, 2 + size);
    frames[2 + size + 2] = 0x77; /* the second has another id */
    connect(fd, (const struct sockaddr *)&stage->dns_stream, sizeof(stage->dns_stream));
    size_t answer = 2 + size + 16;
    ask_stream(stage, fd, frames, 2 * (2 + size), answers, 2 * answer);
    assert_int_equal(answers[2], 0x12);
    assert_int_equal(answers[answer + 2], 0x77);
    assert_memory_equal(answers + answer - 4, "\x7f\0\0\1", 4);
}

static void own_names_resolve_and_others_are_refused(void **state)
{
    static const char names[] =
        "{\"Names\": {\"lb.elb.localhost\": [\"10.0.1.9\", \"10.0.2.9\"]},"
        " \"Vpcs\": {\"vpc-1\": {\"Names\": {\"db.example\": [\"10.0.1.7\"]}},"
        " \"vpc-2\": {\"Names\": {\"other.example\": [\"10.0.1.8\"]}}}}";
    struct stage *stage = *state;
    struct err err;
    uint32_t address;

    assert_int_equal(guest_set_names(stage->guest, names, sizeof(names) - 1, &err), 0);
    assert_int_equal(resolve(stage, "\2lb\3elb\11localhost", &address), 2);
    assert_int_equal(address, 10 << 24 | 2 << 8 | 9);
    assert_int_equal(resolve(stage, "\2db\7example", &address), 1);
    assert_int_equal(resolve(stage, "\13ip-10-0-1-5\3ec2\10internal", &address), 1);
    assert_int_equal(address, 127 << 24 | 1);
    assert_int_equal(resolve(stage, "\13ip-10-0-1-6\3ec2\10internal", &address), 3 * 256);
    assert_int_equal(resolve(stage, "\5other\7example", &address), 5 * 256);
}

static void other_names_are_asked_of_the_upstream_resolver(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct err err;

    inet_pton(AF_INET, "127.0.0.99", &name.sin_addr);
    auto_fd int upstream = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(upstream, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        print_message("skipped: port 53 needs root\n");
        skip();
    }
    struct sockaddr_in from, peer;
    auto_fd int client = bound_socket(SOCK_DGRAM, "127.0.0.1", &from);
    static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0";
    uint8_t message[64];
    socklen_t size = sizeof(peer);
    ssize_t got = -1;

    assert_int_equal(guest_set_upstream(stage->guest, ntohl(name.sin_addr.s_addr), &err), 0);
    sendto(client, query, sizeof(query), 0, (const struct sockaddr *)&stage->dns,
           sizeof(stage->dns));
    for (int turn = 0; turn < TURNS_MAX && got < 0; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        got = recvfrom(upstream, message, sizeof(message), 0, (struct sockaddr *)&peer, &size);
    }
    assert_int_equal(got, sizeof(query));
    message[2] |= 0x80;
    sendto(upstream, message, (size_t)got, 0, (const struct sockaddr *)&peer, size);
    got = -1;
    for (int turn = 0; turn < TURNS_MAX && got < 0; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        got = recv(client, message, sizeof(message), 0);
    }
    assert_int_equal(got, sizeof(query));
    assert_memory_equal(message, query, 2); /* the client's own id again */
}

static void over_tcp_other_names_are_asked_of_the_upstream_resolver_over_tcp(void **state)
{
    struct stage *stage = *state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(53)}, from;
    struct err err;

    inet_pton(AF_INET, "127.0.0.99", &name.sin_addr);
    auto_fd int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(upstream, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(upstream, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        print_message("skipped: port 53 needs root\n");
        skip();
    }
    assert_int_equal(listen(upstream, 4), 0);
    assert_int_equal(guest_set_upstream(stage->guest, ntohl(name.sin_addr.s_addr), &err), 0);
    auto_fd int fd = bound_socket(SOCK_STREAM, "127.0.0.1", &from);
    connect(fd, (const struct sockaddr *)&stage->dns_stream, sizeof(stage->dns_stream));
    uint8_t frame[MESSAGE_SIZE + 2] = {0}, answer[MESSAGE_SIZE];
    size_t size = write_query(frame + 2, "\7example\3com", TYPE_A) + 2;
    frame[1] = (uint8_t)(size - 2);
    assert_int_equal(send(fd, frame, size, 0), size);
    auto_fd int asked = -1;
    ssize_t got = -1;
    for (int turn = 0; turn < TURNS_MAX && got < 0; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        if (asked < 0)
            asked = accept4(upstream, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        else
            got = recv(asked, answer, sizeof(answer), 0);
    }
    assert_int_equal(got, size);
    answer[4] |= 0x80;
    assert_int_equal(send(asked, answer, size, 0), size);
    got = -1;
    for (int turn = 0; turn < TURNS_MAX && got < 0; turn++) {
        assert_true(loop_turn(stage->loop, TURN_MS, &err) >= 0);
        got = recv(fd, frame, sizeof(frame), 0);
    }
    assert_int_equal(got, size);
    assert_memory_equal(frame, answer, size);
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(version_two_needs_a_token_of_this_instance),
        ON_STAGE(a_caller_is_known_by_any_of_its_addresses),
        ON_STAGE(bad_token_requests_are_refused),
        ON_STAGE(version_one_works_where_tokens_are_optional),
        ON_STAGE(forgotten_instances_get_nothing),
        ON_STAGE(own_names_resolve_and_others_are_refused),
        ON_STAGE(what_does_not_exist_is_told_from_what_has_nothing),
        ON_STAGE(an_address_leads_back_to_its_name),
        ON_STAGE(services_resolve_where_the_cloud_answers),
        ON_STAGE(a_vpc_without_dns_support_gets_no_answer),
        ON_STAGE(the_host_sees_public_addresses_and_its_own_names),
        ON_STAGE(questions_over_tcp_are_answered_in_order),
        ON_STAGE(other_names_are_asked_of_the_upstream_resolver),
        ON_STAGE(over_tcp_other_names_are_asked_of_the_upstream_resolver_over_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
