/* What the courier makes of servers: those that answer, and all the ways in which they do not. */
#include "courier/courier.h"

#include "base/buf.h"
#include "http/server.h"
#include "os/clock.h"
#include "wire/certificate.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS_MAX = 400, TURN_MS = 20 };

struct fixture {
    struct loop *loop;
    int resolver_fd; /* a name server that the test plays */
    struct courier *courier;
    int status, calls;
    char id[COURIER_ID_SIZE], text[256];
    int listen_fd; /* of a server that the test plays itself; -1: none */
    uint16_t port;
    struct buf heard; /* by the HTTP server */
    /* TLS of it */
    struct tls_store store;
    struct tls_thread *thread;
    struct tls_server *tls;
};

static void on_done(void *arg, const char *id, int status, const char *text)
{
    struct fixture *fixture = arg;
    fixture->calls++;
    fixture->status = status;
    snprintf(fixture->id, sizeof fixture->id, "%s", id);
    snprintf(fixture->text, sizeof fixture->text, "%s", text);
}

static bool find_address(void *arg, const char *name, uint32_t *ret)
{
    (void)arg;
    *ret = INADDR_LOOPBACK;
    return !strcmp(name, "known.example.com");
}

static int listen_here(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    fixture->port = ntohs(address.sin_port);
    return fd;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct courier_options options = {
        .trusted_fd = -1, .find = find_address, .done = on_done, .arg = fixture};
    struct err err;
    socklen_t size = sizeof options.resolver;
    options.resolver =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fixture->resolver_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture->resolver_fd, (struct sockaddr *)&options.resolver, size), 0);
    getsockname(fixture->resolver_fd, (struct sockaddr *)&options.resolver, &size);
    fixture->listen_fd = -1;
    fixture->loop = loop_create(&err);
    fixture->courier = courier_create(fixture->loop, &options, &err);
    assert_non_null(fixture->courier);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    courier_destroy(fixture->courier);
    loop_destroy(fixture->loop);
    close(fixture->resolver_fd);
    if (fixture->listen_fd >= 0)
        close(fixture->listen_fd);
    buf_reset(&fixture->heard);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    struct err err;
    assert_true(loop_turn(fixture->loop, TURN_MS, &err) >= 0);
}

static void wait_for_end(struct fixture *fixture)
{
    for (int i = 0; i < TURNS_MAX && !fixture->calls; i++)
        turn(fixture);
    assert_int_equal(fixture->calls, 1);
    assert_string_equal(fixture->id, "id");
}

static void order(struct fixture *fixture, const char *url, const char *authority)
{
    json_auto_t *json = json_pack("{s:s, s:s, s:s, s:s}", "Url", url, "Headers", "X-A: b\r\n",
                                  "Body", "hello", "Authority", authority);
    char *text = json_dumps(json, 0);
    courier_send(fixture->courier, "id", text, strlen(text));
    free(text);
}

/* To the server of the test. */
static void order_here(struct fixture *fixture, const char *scheme, const char *host,
                       const char *authority)
{
    char url[128];
    snprintf(url, sizeof url, "%s://%s:%u/in?x=1", scheme, host, fixture->port);
    order(fixture, url, authority);
}

/* ---- a server that answers ---- */

static void on_request(struct http_exchange *exchange, void *owner)
{
    struct fixture *fixture = owner;
    const struct http1_head *head = http_request_head(exchange);
    struct slice body = http_request_body(exchange), extra = http1_find(head, "x-a")->value;
    buf_printf(&fixture->heard, "%.*s %.*s %.*s %.*s", (int)head->method.size, head->method.data,
               (int)head->target.size, head->target.data, (int)extra.size, extra.data,
               (int)body.size, body.data);
    http_respond(exchange, 202, "", "thanks", 6);
}

static struct tls_server *find_tls(void *owner, struct slice name)
{
    (void)name;
    return ((struct fixture *)owner)->tls;
}

static struct http_server *serve(struct fixture *fixture)
{
    struct err err;
    const struct http_server_options options = {.body_size_max = 1000,
                                                .connections_max = 3,
                                                .head_timeout_ms = 60000,
                                                .body_timeout_ms = 60000,
                                                .idle_timeout_ms = 60000,
                                                .tls = fixture->thread,
                                                .find_tls = find_tls,
                                                .on_request = on_request};
    struct http_server *server =
        http_server_create(fixture->loop, listen_here(fixture), &options, fixture, &err);
    assert_non_null(server);
    return server;
}

static void a_message_is_posted_and_the_status_told(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "known.example.com"};
    struct fixture *fixture = *state;
    struct http_server *server = serve(fixture);
    for (size_t i = 0; i < 2; i++) {
        fixture->calls = 0;
        buf_reset(&fixture->heard);
        order_here(fixture, "http", hosts[i], "");
        wait_for_end(fixture);
        assert_int_equal(fixture->status, 202);
        assert_string_equal(fixture->heard.data, "POST /in?x=1 b hello");
    }
    http_server_destroy(server);
}

/* An authority, and a certificate for this name of it; all malloc'd. */
struct issued {
    char *authority, *authority_key, *certificate, *key;
};

static struct issued issue(const char *name)
{
    struct err err;
    const int64_t now_s = clock_wall_ms() / 1000;
    struct certificate_order order = {.names = &name,
                                      .name_count = 1,
                                      .serial = {7},
                                      .not_before_s = now_s - 3600,
                                      .not_after_s = now_s + 3600};
    struct issued issued = {.authority_key = certificate_new_key("EC_prime256v1", &err),
                            .key = certificate_new_key("EC_prime256v1", &err)};
    issued.authority = certificate_make_authority(issued.authority_key, &order, &err);
    issued.certificate =
        certificate_issue(issued.authority, issued.authority_key, issued.key, &order, &err);
    assert_non_null(issued.certificate);
    return issued;
}

static void forget(struct issued *issued)
{
    free(issued->authority);
    free(issued->authority_key);
    free(issued->certificate);
    free(issued->key);
}

/* Serves by TLS with a certificate for this name, to who trusts its authority, or another one. */
static void a_certificate_counts(struct fixture *fixture, const char *name, bool trusts_other,
                                 int status, const char *why)
{
    struct issued own = issue(name), other = issue("other");
    struct err err;
    tls_store_init(&fixture->store, 1);
    struct tls_certificate *certificate = tls_store_certificate(
        &fixture->store, &(struct tls_pem){own.certificate, own.key, NULL, NULL}, &err);
    assert_non_null(certificate);
    fixture->tls =
        tls_store_server(&fixture->store, tls_policy_find("ELBSecurityPolicy-TLS13-1-2-2021-06"),
                         &certificate, 1, false);
    tls_store_release_certificate(&fixture->store, certificate);
    fixture->thread = tls_thread_create(&fixture->store, 0, NULL, &err);
    struct http_server *server = serve(fixture);
    order_here(fixture, "https", "known.example.com",
               trusts_other ? other.authority : own.authority);
    wait_for_end(fixture);
    assert_int_equal(fixture->status, status);
    if (!strstr(fixture->text, why))
        fail_msg("%s", fixture->text);
    http_server_destroy(server);
    tls_thread_destroy(fixture->thread);
    tls_store_release_server(&fixture->store, fixture->tls);
    tls_store_finish(&fixture->store);
    forget(&own);
    forget(&other);
}

static void a_server_with_a_certificate_of_the_cloud_is_trusted(void **state)
{
    a_certificate_counts(*state, "known.example.com", false, 202, "");
}

static void a_server_with_another_name_is_not(void **state)
{
    a_certificate_counts(*state, "other.example.com", false, 0, "hostname mismatch");
}

static void a_server_with_anybodys_certificate_is_not(void **state)
{
    a_certificate_counts(*state, "known.example.com", true, 0, "unable to get local issuer");
}

/* ---- servers that do not ---- */

/* Plays a server that says this and closes. */
static void answer_with(struct fixture *fixture, const char *answer, int status, const char *why)
{
    int client = -1;
    fixture->calls = 0;
    order_here(fixture, "http", "127.0.0.1", "");
    for (int i = 0; i < TURNS_MAX && client < 0; i++) {
        turn(fixture);
        client = accept(fixture->listen_fd, NULL, NULL);
    }
    assert_true(client >= 0);
    (void)!send(client, answer, strlen(answer), MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    wait_for_end(fixture);
    close(client);
    assert_int_equal(fixture->status, status);
    if (!strstr(fixture->text, why))
        fail_msg("%s: %s", answer, fixture->text);
}

static void only_a_whole_answer_counts(void **state)
{
    struct fixture *fixture = *state;
    fixture->listen_fd = listen_here(fixture);
    answer_with(fixture, "HTTP/1.1 500 Oops\r\n\r\n", 500, "");
    answer_with(fixture, "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 301, "");
    answer_with(fixture, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 No\r\n\r\n", 204, "");
    answer_with(fixture, "", 0, "closed without an answer");
    answer_with(fixture, "HTTP/1.1 200 O", 0, "closed without an answer");
    answer_with(fixture, "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "not HTTP");
}

static void an_answer_without_end_is_cut(void **state)
{
    enum { SIZE = 64 * 1024 };
    struct fixture *fixture = *state;
    char *answer = malloc(SIZE + 1);
    memset(answer, 'x', SIZE);
    memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
    answer[SIZE] = 0;
    fixture->listen_fd = listen_here(fixture);
    answer_with(fixture, answer, 0, "");
    free(answer);
}

static void what_cannot_be_reached_is_told(void **state)
{
    struct fixture *fixture = *state;
    close(listen_here(fixture)); /* so that nobody listens there */
    order_here(fixture, "http", "127.0.0.1", "");
    wait_for_end(fixture);
    assert_int_equal(fixture->status, 0);
    assert_non_null(strstr(fixture->text, "refused"));
    fixture->calls = 0;
    order(fixture, "gopher://a/", "");
    wait_for_end(fixture);
    assert_non_null(strstr(fixture->text, "URL"));
    fixture->calls = 0;
    courier_send(fixture->courier, "id", "{", 1);
    wait_for_end(fixture);
}

/* Waits for a query and answers it with these records; `forged`: to another question first. */
static void answer_query(struct fixture *fixture, const void *records, size_t size, bool forged)
{
    char message[512];
    ssize_t asked = -1;
    struct sockaddr_in client;
    socklen_t client_size = sizeof client;
    for (int i = 0; i < TURNS_MAX && asked < 0; i++) {
        turn(fixture);
        asked = recvfrom(fixture->resolver_fd, message, sizeof message, 0,
                         (struct sockaddr *)&client, &client_size);
    }
    assert_true(asked > 0 && (size_t)asked + size < sizeof message);
    message[2] = (char)0x81;
    message[7] = size > 0;
    memcpy(message + asked, records, size);
    for (int i = forged ? 1 : 0; i >= 0; i--) {
        message[0] = (char)(message[0] ^ i);
        sendto(fixture->resolver_fd, message, (size_t)asked + size, 0, (struct sockaddr *)&client,
               client_size);
        message[0] = (char)(message[0] ^ i);
    }
}

static void other_names_are_asked_of_the_resolver(void **state)
{
    static const char record[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1";
    struct fixture *fixture = *state;
    struct http_server *server = serve(fixture);
    order_here(fixture, "http", "asked.example.com", "");
    answer_query(fixture, record, sizeof record - 1, true);
    wait_for_end(fixture);
    assert_int_equal(fixture->status, 202);
    http_server_destroy(server);
    fixture->calls = 0;
    order(fixture, "http://unknown.example.com/", "");
    answer_query(fixture, "", 0, false);
    wait_for_end(fixture);
    assert_non_null(strstr(fixture->text, "not known"));
}

static void too_many_at_a_time_are_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->listen_fd = listen_here(fixture);
    for (int i = 0; i < COURIER_ATTEMPTS_MAX; i++)
        order_here(fixture, "http", "127.0.0.1", "");
    assert_int_equal(fixture->calls, 0);
    order_here(fixture, "http", "127.0.0.1", "");
    assert_int_equal(fixture->calls, 1);
    assert_non_null(strstr(fixture->text, "too many"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_posted_and_the_status_told),
        TEST(a_server_with_a_certificate_of_the_cloud_is_trusted),
        TEST(a_server_with_another_name_is_not),
        TEST(a_server_with_anybodys_certificate_is_not),
        TEST(only_a_whole_answer_counts),
        TEST(an_answer_without_end_is_cut),
        TEST(what_cannot_be_reached_is_told),
        TEST(other_names_are_asked_of_the_resolver),
        TEST(too_many_at_a_time_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
