/* The HTTP server behind TLS, asked by our own TLS client. */
#include "http/server.h"

#include "base/buf.h"
#include "test_certificates.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVER, CLIENT, SIDES, TURNS_MAX = 200, TURN_MS = 20, BODY_SIZE_MAX = 100000 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct tls_store store;
    struct tls_thread *threads[SIDES];
    struct tls_server *tls;
    struct transport client;
    struct ssl_session_st *session;
    struct sockaddr_in address;
};

static struct tls_server *find(void *owner, struct slice name)
{
    struct fixture *fixture = owner;
    (void)name;
    return fixture->tls;
}

/* Answers with the body that came, twice. */
static void on_request(struct http_exchange *exchange, void *owner)
{
    struct slice body = http_request_body(exchange);
    auto_buf twice = {0};
    (void)owner;
    buf_append(&twice, body.data, body.size);
    buf_append(&twice, body.data, body.size);
    http_respond(exchange, 200, "", twice.data ? twice.data : "", twice.size);
}

static int listen_here(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)address, &size);
    return fd;
}

static void connect_client(struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&fixture->address, sizeof(fixture->address)),
                     0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    fixture->client = (struct transport){.fd = fd};
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct test_certificate text = test_certificate("a.example.com", "prime256v1", 0, NULL);
    const struct tls_policy *policy = tls_policy_find("ELBSecurityPolicy-TLS13-1-2-2021-06");
    struct err err;
    tls_store_init(&fixture->store, SIDES);
    struct tls_certificate *certificate = tls_store_certificate(
        &fixture->store, &(struct tls_pem){text.certificate, text.key, NULL, NULL}, &err);
    fixture->tls = tls_store_server(&fixture->store, policy, &certificate, 1, false);
    tls_store_release_certificate(&fixture->store, certificate);
    for (int i = 0; i < SIDES; i++)
        fixture->threads[i] = tls_thread_create(&fixture->store, i, NULL, &err);
    fixture->loop = loop_create(&err);
    const struct http_server_options options = {.body_size_max = BODY_SIZE_MAX,
                                                .connections_max = 3,
                                                .head_timeout_ms = 60000,
                                                .body_timeout_ms = 60000,
                                                .idle_timeout_ms = 60000,
                                                .tls = fixture->threads[SERVER],
                                                .find_tls = find,
                                                .on_request = on_request};
    int fd = listen_here(&fixture->address);
    fixture->server = http_server_create(fixture->loop, fd, &options, fixture, &err);
    assert_non_null(fixture->server);
    connect_client(fixture);
    assert_true(
        tls_connect(&fixture->client, fixture->threads[CLIENT], policy, false, &fixture->session));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    transport_close(&fixture->client);
    http_server_destroy(fixture->server);
    loop_destroy(fixture->loop);
    for (int i = 0; i < SIDES; i++)
        tls_thread_destroy(fixture->threads[i]);
    tls_session_free(fixture->session);
    tls_store_release_server(&fixture->store, fixture->tls);
    tls_store_finish(&fixture->store);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    struct err err;
    assert_true(loop_turn(fixture->loop, TURN_MS, &err) >= 0);
}

static void say(struct fixture *fixture, const void *data, size_t size)
{
    struct iovec piece = {(void *)(uintptr_t)data, size}, wire;
    assert_true(tls_seal(&fixture->client, &piece, 1, &wire));
    assert_int_equal(send(fixture->client.fd, wire.iov_base, wire.iov_len, MSG_NOSIGNAL),
                     wire.iov_len);
}

/* Shakes hands; `request` goes in one packet with the last flight. */
static void begin(struct fixture *fixture, const char *request)
{
    enum tls_progress progress = TLS_WAITING;
    auto_buf last = {0};
    struct iovec wire, piece = {(void *)(uintptr_t)request, strlen(request)};
    for (int i = 0; i < TURNS_MAX && progress == TLS_WAITING; i++) {
        fixture->client.readable = true;
        progress = tls_handshake(&fixture->client, &wire);
        buf_clear(&last);
        buf_append(&last, wire.iov_base, wire.iov_len);
        if (progress == TLS_DONE)
            break;
        send(fixture->client.fd, last.data, last.size, MSG_NOSIGNAL);
        turn(fixture);
    }
    assert_int_equal(progress, TLS_DONE);
    assert_true(tls_seal(&fixture->client, &piece, 1, &wire));
    buf_append(&last, wire.iov_base, wire.iov_len);
    assert_int_equal(send(fixture->client.fd, last.data, last.size, MSG_NOSIGNAL), last.size);
}

/* Turns until `wanted` bytes have come. */
static void hear(struct fixture *fixture, struct buf *heard, size_t wanted)
{
    for (int i = 0; i < TURNS_MAX && heard->size < wanted; i++) {
        char bytes[4096];
        turn(fixture);
        fixture->client.readable = true;
        for (ssize_t got = 1; got > 0 && fixture->client.readable;) {
            got = transport_receive(&fixture->client, bytes, sizeof(bytes));
            if (got > 0)
                buf_append(heard, bytes, (size_t)got);
        }
    }
}

static void a_request_with_the_end_of_the_handshake_is_answered(void **state)
{
    struct fixture *fixture = *state;
    auto_buf heard = {0};
    begin(fixture, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fixture, &heard, 15);
    assert_memory_equal(heard.data, "HTTP/1.1 200 OK", 15);
}

static void bodies_of_many_records_pass_both_ways(void **state)
{
    struct fixture *fixture = *state;
    auto_buf heard = {0}, body = {0};
    char head[128];
    for (int i = 0; body.size < BODY_SIZE_MAX; i++)
        buf_append_char(&body, (char)('a' + i % 23));
    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             body.size);
    begin(fixture, head);
    for (size_t at = 0; at < body.size; at += 10000) {
        say(fixture, body.data + at, 10000);
        turn(fixture);
    }
    hear(fixture, &heard, 2 * body.size);
    assert_true(heard.size > 2 * body.size);
    assert_memory_equal(heard.data + heard.size - body.size, body.data, body.size);
}

static void one_who_does_not_speak_tls_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    static const char plain[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    char bytes[512];
    assert_int_equal(send(fixture->client.fd, plain, sizeof(plain), 0), sizeof(plain));
    ssize_t got = -1;
    for (int i = 0; i < TURNS_MAX && got != 0; i++) {
        turn(fixture);
        got = recv(fixture->client.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET)
            got = 0;
    }
    assert_int_equal(got, 0);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_request_with_the_end_of_the_handshake_is_answered),
        WITH_SERVER(bodies_of_many_records_pass_both_ways),
        WITH_SERVER(one_who_does_not_speak_tls_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
