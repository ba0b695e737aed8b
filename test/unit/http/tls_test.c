/* TLS over a pair of sockets: our server against our client (whose contexts are OpenSSL's own). */
#include "http/tls.h"

#include "http/tls_memory.h"
#include "test_certificates.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVER, CLIENT, SIDES };

struct fixture {
    struct tls_store store;
    struct tls_thread *threads[SIDES];
    struct tls_certificate *certificate;
    struct tls_server *server;
    struct transport sides[SIDES];
    char asked[64];
    bool refuse;
};

static struct test_certificate text;
static struct rest_set resting;
static bool rests; /* whether connections are put to rest between any two steps */

static void pause_for_rest(void)
{
    if (!rests)
        return;
    rest_tick(&resting);
    rest_tick(&resting);
    assert_false(rest_quiet(&resting, 1000));
    assert_true(list_empty(&resting.awake));
}

static int make_certificate(void **state)
{
    (void)state;
    text = test_certificate("a.example.com", "prime256v1", 0, NULL);
    return 0;
}

static struct fixture *set_up(const char *policy, bool http2)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct tls_pem pem = {text.certificate, text.key, NULL, "arn:aws:acm:x"};
    struct err err;
    tls_store_init(&fixture->store, SIDES);
    fixture->certificate = tls_store_certificate(&fixture->store, &pem, &err);
    fixture->server =
        tls_store_server(&fixture->store, tls_policy_find(policy), &fixture->certificate, 1, http2);
    for (int i = 0; i < SIDES; i++)
        fixture->threads[i] = tls_thread_create(&fixture->store, i, &resting, &err);
    return fixture;
}

static void tear_down(struct fixture *fixture)
{
    for (int i = 0; i < SIDES; i++)
        tls_thread_destroy(fixture->threads[i]);
    tls_store_release_server(&fixture->store, fixture->server);
    tls_store_release_certificate(&fixture->store, fixture->certificate);
    tls_store_finish(&fixture->store);
    free(fixture);
}

static struct tls_server *find(void *owner, struct slice name)
{
    struct fixture *fixture = owner;
    assert_true(name.size < sizeof fixture->asked);
    memcpy(fixture->asked, name.data, name.size);
    fixture->asked[name.size] = '\0';
    return fixture->refuse ? NULL : fixture->server;
}

static void start(struct fixture *fixture, const char *policy, bool http2,
                  struct ssl_session_st **session)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    for (int i = 0; i < SIDES; i++)
        fixture->sides[i] = (struct transport){.fd = fds[i]};
    assert_true(tls_accept(&fixture->sides[SERVER], fixture->threads[SERVER], find, fixture));
    assert_true(tls_connect(&fixture->sides[CLIENT], fixture->threads[CLIENT],
                            tls_policy_find(policy), http2, session));
}

static void stop(struct fixture *fixture)
{
    pause_for_rest();
    for (int i = 0; i < SIDES; i++)
        transport_close(&fixture->sides[i]);
}

static enum tls_progress step(struct transport *side)
{
    struct iovec wire;
    pause_for_rest();
    transport_event(side, EPOLLIN);
    enum tls_progress progress = tls_handshake(side, &wire);
    if (wire.iov_len)
        assert_int_equal(transport_send(side, &wire, 1), wire.iov_len);
    return progress;
}

/* What both sides end with. */
static void shake_hands(struct fixture *fixture, enum tls_progress progress[SIDES])
{
    progress[SERVER] = progress[CLIENT] = TLS_WAITING;
    for (int i = 0; i < 10; i++)
        for (int side = SIDES - 1; side >= 0; side--)
            if (progress[side] == TLS_WAITING)
                progress[side] = step(&fixture->sides[side]);
}

static void connect_both(struct fixture *fixture, const char *policy, bool http2,
                         struct ssl_session_st **session)
{
    enum tls_progress progress[SIDES];
    start(fixture, policy, http2, session);
    shake_hands(fixture, progress);
    assert_int_equal(progress[SERVER], TLS_DONE);
    assert_int_equal(progress[CLIENT], TLS_DONE);
    assert_false(list_empty(&resting.awake));
}

static void send_text(struct transport *side, struct iovec *pieces, int count, struct iovec *rest)
{
    pause_for_rest();
    assert_true(tls_seal(side, pieces, count, rest));
    ssize_t sent = transport_send(side, rest, 1);
    assert_true(sent >= 0);
    rest->iov_base = (char *)rest->iov_base + sent;
    rest->iov_len -= (size_t)sent;
}

static size_t receive_all(struct transport *side, char *data, size_t size)
{
    size_t total = 0;
    pause_for_rest();
    transport_event(side, EPOLLIN);
    while (side->readable) {
        ssize_t got = transport_receive(side, data + total, size - total);
        if (got <= 0)
            break;
        total += (size_t)got;
    }
    return total;
}

#define TLS13 "ELBSecurityPolicy-TLS13-1-2-2021-06"
#define TLS12 "ELBSecurityPolicy-TLS-1-2-2017-01"

static void pieces_arrive_as_they_were_sent(void **state)
{
    (void)state;
    static char body[100000], got[200000];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    connect_both(fixture, TLS13, false, &session);
    memset(body, 'b', sizeof body);
    struct iovec pieces[] = {{"head", 4}, {body, sizeof body}, {"", 0}, {"tail", 4}}, rest;
    send_text(&fixture->sides[SERVER], pieces, 4, &rest);
    assert_int_equal(rest.iov_len, 0);
    assert_int_equal(receive_all(&fixture->sides[CLIENT], got, sizeof got), sizeof body + 8);
    assert_memory_equal(got, "headbbbb", 8);
    assert_memory_equal(got + sizeof body, "bbbbtail", 8);
    assert_false(fixture->sides[CLIENT].readable);
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
}

/* A small buffer leaves bytes behind in OpenSSL, of which the kernel tells nothing. */
static void what_was_not_taken_stays_readable(void **state)
{
    (void)state;
    char got[8];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    struct iovec piece = {"abcdefghij", 10}, rest;
    connect_both(fixture, TLS13, false, &session);
    struct transport *server = &fixture->sides[SERVER];
    send_text(&fixture->sides[CLIENT], &piece, 1, &rest);
    transport_event(server, EPOLLIN);
    assert_int_equal(transport_receive(server, got, 4), 4);
    assert_true(server->readable);
    assert_int_equal(transport_receive(server, got, 8), 6);
    assert_false(server->readable);
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
}

/* Sealed bytes wait outside: nothing is sealed twice, and nothing is lost. */
static void a_full_socket_loses_nothing(void **state)
{
    (void)state;
    enum { SIZE = 1 << 21 };
    char *body = malloc(SIZE), *got = malloc(SIZE);
    struct fixture *fixture = set_up(TLS12, true);
    struct ssl_session_st *session = NULL;
    struct iovec piece = {body, SIZE}, rest;
    memset(body, 'x', SIZE);
    connect_both(fixture, TLS12, false, &session);
    send_text(&fixture->sides[SERVER], &piece, 1, &rest);
    assert_true(rest.iov_len > 0);
    char *kept = malloc(rest.iov_len), *at = kept;
    memcpy(kept, rest.iov_base, rest.iov_len);
    rest.iov_base = kept;
    size_t total = 0;
    while (rest.iov_len) {
        total += receive_all(&fixture->sides[CLIENT], got + total, SIZE - total);
        ssize_t sent = transport_send(&fixture->sides[SERVER], &rest, 1);
        assert_true(sent >= 0);
        rest = (struct iovec){(char *)rest.iov_base + sent, rest.iov_len - (size_t)sent};
    }
    total += receive_all(&fixture->sides[CLIENT], got + total, SIZE - total);
    assert_int_equal(total, SIZE);
    assert_memory_equal(got, body, SIZE);
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
    free(at);
    free(body);
    free(got);
}

static void ending_one_side_shows_as_the_end(void **state)
{
    (void)state;
    char got[8];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    connect_both(fixture, TLS13, false, &session);
    transport_shutdown(&fixture->sides[CLIENT]);
    transport_event(&fixture->sides[SERVER], EPOLLIN | EPOLLRDHUP);
    assert_int_equal(transport_receive(&fixture->sides[SERVER], got, sizeof got), 0);
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
}

static void rubbish_ends_the_connection(void **state)
{
    (void)state;
    char got[8];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    connect_both(fixture, TLS13, false, &session);
    assert_int_equal(write(fixture->sides[CLIENT].fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    transport_event(&fixture->sides[SERVER], EPOLLIN);
    assert_int_equal(transport_receive(&fixture->sides[SERVER], got, sizeof got), 0);
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
}

static void a_session_is_resumed_by_any_thread(void **state)
{
    (void)state;
    const char *const policies[] = {TLS12, TLS13};
    char got[8];
    for (int i = 0; i < 2; i++) {
        struct fixture *fixture = set_up(policies[i], true);
        struct ssl_session_st *session = NULL;
        connect_both(fixture, policies[i], false, &session);
        receive_all(&fixture->sides[CLIENT], got, sizeof got); /* tickets of TLS 1.3 */
        assert_false(tls_is_resumed(&fixture->sides[SERVER]));
        assert_non_null(session);
        stop(fixture);
        struct tls_thread *first = fixture->threads[SERVER];
        fixture->threads[SERVER] = fixture->threads[CLIENT];
        connect_both(fixture, policies[i], false, &session);
        assert_true(tls_is_resumed(&fixture->sides[SERVER]));
        fixture->threads[SERVER] = first;
        stop(fixture);
        tls_session_free(session);
        tear_down(fixture);
    }
}

/* Of TLS 1.3 clients use a ticket once: each resumption brings the next. */
static void resuming_gives_the_next_ticket(void **state)
{
    (void)state;
    char got[8];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL, *before = NULL;
    for (int i = 0; i < 4; i++) {
        connect_both(fixture, TLS13, false, &session);
        assert_int_equal(tls_is_resumed(&fixture->sides[SERVER]), i > 0);
        receive_all(&fixture->sides[CLIENT], got, sizeof got);
        assert_ptr_not_equal(session, before);
        before = session;
        stop(fixture);
    }
    tls_session_free(session);
    tear_down(fixture);
}

/* A record each; nobody has read them. */
static void a_handshake_gives_one_ticket(void **state)
{
    (void)state;
    enum { HEAD_SIZE = 5, APPLICATION_DATA = 23 };
    unsigned char record[4096];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    connect_both(fixture, TLS13, false, &session);
    ssize_t got = recv(fixture->sides[CLIENT].fd, record, sizeof record, 0);
    assert_true(got > HEAD_SIZE);
    assert_int_equal(record[0], APPLICATION_DATA);
    assert_int_equal(got, HEAD_SIZE + (record[3] << 8 | record[4]));
    stop(fixture);
    tear_down(fixture);
}

static void without_a_common_protocol_the_handshake_fails(void **state)
{
    (void)state;
    enum tls_progress progress[SIDES];
    struct fixture *fixture = set_up("ELBSecurityPolicy-TLS13-1-3-2021-06", true);
    struct ssl_session_st *session = NULL;
    start(fixture, TLS12, false, &session);
    shake_hands(fixture, progress);
    assert_int_equal(progress[SERVER], TLS_FAILED);
    assert_int_equal(progress[CLIENT], TLS_FAILED);
    stop(fixture);
    tear_down(fixture);
}

static void a_name_that_nobody_has_can_be_refused(void **state)
{
    (void)state;
    enum tls_progress progress[SIDES];
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    fixture->refuse = true;
    start(fixture, TLS13, false, &session);
    shake_hands(fixture, progress);
    assert_int_equal(progress[SERVER], TLS_FAILED);
    stop(fixture);
    tear_down(fixture);
}

static void a_hello_without_end_is_cut(void **state)
{
    (void)state;
    static const char begin[] = "\x16\x03\x01\x40\0\x01\0\xff\xff"; /* a hello of 64 KiB */
    static char more[16384];
    struct iovec wire;
    enum tls_progress progress = TLS_WAITING;
    struct fixture *fixture = set_up(TLS13, true);
    struct ssl_session_st *session = NULL;
    start(fixture, TLS13, false, &session);
    struct transport *server = &fixture->sides[SERVER];
    for (int i = 0; i < 4 && progress == TLS_WAITING; i++) {
        assert_int_equal(write(fixture->sides[CLIENT].fd, begin, 5), 5);
        assert_int_equal(write(fixture->sides[CLIENT].fd, i ? more : begin + 5, 4), 4);
        assert_int_equal(write(fixture->sides[CLIENT].fd, more, 16380), 16380);
        transport_event(server, EPOLLIN);
        progress = tls_handshake(server, &wire);
    }
    assert_int_equal(progress, TLS_FAILED);
    stop(fixture);
    tear_down(fixture);
}

static void http2_is_agreed_on_if_both_have_it(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct fixture *fixture = set_up(TLS13, i & 1);
        struct ssl_session_st *session = NULL;
        connect_both(fixture, TLS13, i & 2, &session);
        assert_int_equal(tls_is_http2(&fixture->sides[SERVER]), i == 3);
        assert_int_equal(tls_is_http2(&fixture->sides[CLIENT]), i == 3);
        stop(fixture);
        tls_session_free(session);
        tear_down(fixture);
    }
}

static void version_cipher_and_certificate_have_names(void **state)
{
    (void)state;
    struct fixture *fixture = set_up(TLS12, true);
    struct ssl_session_st *session = NULL;
    connect_both(fixture, TLS12, false, &session);
    pause_for_rest();
    assert_string_equal(tls_version(&fixture->sides[SERVER]), "TLSv1.2");
    assert_string_equal(tls_cipher(&fixture->sides[SERVER]), "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert_string_equal(tls_certificate_arn(&fixture->sides[SERVER]), "arn:aws:acm:x");
    stop(fixture);
    tls_session_free(session);
    tear_down(fixture);
}

/* ---- a client that does what ours never does ---- */

static SSL *connect_stranger(struct fixture *fixture, int version)
{
    enum tls_progress progress = TLS_WAITING;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    fixture->sides[SERVER] = (struct transport){.fd = fds[SERVER]};
    fixture->sides[CLIENT] = (struct transport){.fd = fds[CLIENT]};
    assert_true(tls_accept(&fixture->sides[SERVER], fixture->threads[SERVER], find, fixture));
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *stranger = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_max_proto_version(stranger, version);
    SSL_set_fd(stranger, fds[CLIENT]);
    SSL_set_connect_state(stranger);
    while (SSL_do_handshake(stranger) != 1 || progress == TLS_WAITING) {
        progress = step(&fixture->sides[SERVER]);
        assert_int_not_equal(progress, TLS_FAILED);
    }
    return stranger;
}

static void a_client_may_change_the_keys(void **state)
{
    (void)state;
    char got[16];
    struct fixture *fixture = set_up(TLS13, true);
    SSL *stranger = connect_stranger(fixture, TLS1_3_VERSION);
    for (int i = 0; i < 3; i++) {
        struct iovec piece = {"answer", 6}, rest;
        assert_int_equal(SSL_key_update(stranger, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_write(stranger, "question", 8), 8);
        assert_int_equal(receive_all(&fixture->sides[SERVER], got, sizeof got), 8);
        send_text(&fixture->sides[SERVER], &piece, 1, &rest);
        assert_int_equal(SSL_read(stranger, got, sizeof got), 6);
    }
    SSL_free(stranger);
    stop(fixture);
    tear_down(fixture);
}

static void renegotiation_ends_the_connection(void **state)
{
    (void)state;
    char got[16];
    struct fixture *fixture = set_up(TLS12, true);
    SSL *stranger = connect_stranger(fixture, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(stranger), 1);
    SSL_do_handshake(stranger);
    pause_for_rest();
    transport_event(&fixture->sides[SERVER], EPOLLIN);
    assert_int_equal(transport_receive(&fixture->sides[SERVER], got, sizeof got), 0);
    SSL_free(stranger);
    stop(fixture);
    tear_down(fixture);
}

/* ---- many ---- */

static void many_connections_rest_and_wake(void **state)
{
    (void)state;
    enum { COUNT = 30 };
    struct fixture *fixtures[COUNT];
    struct ssl_session_st *session = NULL;
    char got[8];
    for (int i = 0; i < COUNT; i++) {
        fixtures[i] = set_up(TLS13, true);
        connect_both(fixtures[i], TLS13, false, &session);
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        struct iovec piece = {(char *)&i, sizeof i}, rest;
        send_text(&fixtures[i]->sides[CLIENT], &piece, 1, &rest);
        assert_int_equal(receive_all(&fixtures[i]->sides[SERVER], got, sizeof got), sizeof i);
        assert_memory_equal(got, &i, sizeof i);
    }
    for (int i = 0; i < COUNT; i++)
        stop(fixtures[i]);
    tls_session_free(session);
    for (int i = 0; i < COUNT; i++)
        tear_down(fixtures[i]);
}

/* All of it twice: nothing may depend on whether connections were at rest in between. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_arrive_as_they_were_sent),
        cmocka_unit_test(what_was_not_taken_stays_readable),
        cmocka_unit_test(a_full_socket_loses_nothing),
        cmocka_unit_test(ending_one_side_shows_as_the_end),
        cmocka_unit_test(rubbish_ends_the_connection),
        cmocka_unit_test(a_session_is_resumed_by_any_thread),
        cmocka_unit_test(resuming_gives_the_next_ticket),
        cmocka_unit_test(a_handshake_gives_one_ticket),
        cmocka_unit_test(without_a_common_protocol_the_handshake_fails),
        cmocka_unit_test(a_name_that_nobody_has_can_be_refused),
        cmocka_unit_test(a_hello_without_end_is_cut),
        cmocka_unit_test(http2_is_agreed_on_if_both_have_it),
        cmocka_unit_test(version_cipher_and_certificate_have_names),
        cmocka_unit_test(a_client_may_change_the_keys),
        cmocka_unit_test(renegotiation_ends_the_connection),
        cmocka_unit_test(many_connections_rest_and_wake),
    };
    tls_memory_start();
    rest_set_init(&resting);
    int failed = cmocka_run_group_tests_name("awake", tests, make_certificate, NULL);
    rests = true;
    return failed + cmocka_run_group_tests_name("at rest", tests, make_certificate, NULL);
}
