/* The server against real sockets; one loop drives both ends. */
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_exchange *held; /* the last request that was not answered at once */
    bool hold;
    int requests, port;
};

static void on_request(struct http_exchange *exchange, void *owner)
{
    struct fixture *fixture = owner;
    fixture->requests++;
    if (fixture->hold) {
        fixture->held = exchange;
        return;
    }
    char text[256];
    struct slice body = http_request_body(exchange);
    struct slice target = http_request_head(exchange)->target;
    int size = snprintf(text, sizeof(text), "%.*s|%.*s|%zu", (int)target.size, target.data,
                        (int)(body.size < 32 ? body.size : 32), body.data, body.size);
    http_respond(exchange, 200, "X-Test: yes\r\n", text, (size_t)size);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct err err;
    fixture = (struct fixture){.loop = loop_create(&err)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    fixture.port = ntohs(address.sin_port);
    const struct http_server_options options = {.body_size_max = 1000,
                                                .connections_max = 3,
                                                .peer_connections_max = 2,
                                                .head_timeout_ms = 60,
                                                .body_timeout_ms = 60,
                                                .idle_timeout_ms = 120,
                                                .on_request = on_request};
    fixture.server = http_server_create(fixture.loop, fd, &options, &fixture, &err);
    assert_non_null(fixture.server);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_server_destroy(fixture->server);
    loop_destroy(fixture->loop);
    return 0;
}

/* From 127.0.0.`host`. */
static int client_from(const struct fixture *fixture, unsigned host)
{
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(0x7f000000 + host)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)fixture->port)};
    assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int client(const struct fixture *fixture)
{
    return client_from(fixture, 1);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until `text` was received, or the server closes; returns all of it. */
static const char *hear(struct fixture *fixture, int fd, const char *text)
{
    static char heard[65536];
    size_t size = 0;
    struct err err;
    heard[0] = 0;
    for (int turns = 0; turns < 500 && !(text && strstr(heard, text)); turns++) {
        loop_turn(fixture->loop, 5, &err);
        ssize_t got = recv(fd, heard + size, sizeof(heard) - size - 1, MSG_DONTWAIT);
        if (got == 0)
            break;
        size += got > 0 ? (size_t)got : 0;
        heard[size] = 0;
    }
    return heard;
}

static void answers_and_keeps_the_connection(void **state)
{
    int fd = client(*state);
    say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *heard = hear(*state, fd, "/a||0");
    assert_non_null(strstr(heard, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(heard, "X-Test: yes\r\n"));
    assert_non_null(strstr(heard, "Connection: keep-alive\r\n"));
    say(fd, "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(hear(*state, fd, NULL), "/b||0"));
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    int fd = client(*state);
    say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            "\r\nhiGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *heard = hear(*state, fd, "/3||0");
    const char *first = strstr(heard, "/1||0"), *second = strstr(heard, "/2|hi|2");
    assert_true(first && second && first < second);
    close(fd);
}

static void chunked_bodies_and_expect_continue(void **state)
{
    int fd = client(*state);
    say(fd, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            "Expect: 100-continue\r\n\r\n");
    assert_non_null(strstr(hear(*state, fd, "100 Continue\r\n\r\n"), "100 Continue"));
    say(fd, "3\r\nabc\r\n2\r\n");
    say(fd, "de\r\n0\r\n\r\n");
    assert_non_null(strstr(hear(*state, fd, "/c|abcde|5"), "/c|abcde|5"));
    close(fd);
}

static void large_bodies_are_refused_before_they_are_read(void **state)
{
    int fd = client(*state);
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    assert_non_null(strstr(hear(*state, fd, "\r\n\r\n"), "HTTP/1.1 413 "));
    close(fd);
    fd = client(*state);
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    char chunk[1002] = {0};
    memset(chunk, 'x', sizeof(chunk) - 1);
    say(fd, chunk);
    assert_non_null(strstr(hear(*state, fd, "\r\n\r\n"), "HTTP/1.1 413 "));
    close(fd);
    assert_int_equal(((struct fixture *)*state)->requests, 0);
}

static void malformed_requests_are_refused(void **state)
{
    int fd = client(*state);
    say(fd, "NOT HTTP\r\n\r\n");
    assert_non_null(strstr(hear(*state, fd, "\r\n\r\n"), "HTTP/1.1 400 "));
    close(fd);
}

static void half_requests_time_out_and_idle_connections_close(void **state)
{
    int fd = client(*state);
    say(fd, "GET / HT");
    assert_non_null(strstr(hear(*state, fd, "\r\n\r\n"), "HTTP/1.1 408 "));
    close(fd);
    fd = client(*state);
    assert_string_equal(hear(*state, fd, NULL), "");
    close(fd);
}

static void an_answer_may_come_later_even_if_the_client_left(void **state)
{
    struct fixture *fixture = *state;
    fixture->hold = true;
    struct err err;
    int fd = client(fixture);
    say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!fixture->held)
        loop_turn(fixture->loop, 5, &err);
    http_respond(fixture->held, 404, "", "no", 2);
    assert_non_null(strstr(hear(fixture, fd, "\r\n\r\nno"), "404 Not Found"));

    fixture->held = NULL;
    say(fd, "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!fixture->held)
        loop_turn(fixture->loop, 5, &err);
    const struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    for (int turns = 0; turns < 5; turns++)
        loop_turn(fixture->loop, 5, &err);
    http_respond(fixture->held, 200, "", "", 0);
}

static void connections_beyond_the_limit_wait(void **state)
{
    struct fixture *fixture = *state;
    int first = client(fixture), second = client(fixture), third = client_from(fixture, 2);
    int fourth = client_from(fixture, 2);
    say(fourth, "GET /fourth HTTP/1.1\r\nHost: x\r\n\r\n");
    say(third, "GET /third HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(fixture, third, "/third||0");
    assert_int_equal(fixture->requests, 1);
    close(first);
    assert_non_null(strstr(hear(fixture, fourth, "/fourth||0"), "/fourth||0"));
    close(second);
    close(third);
    close(fourth);
}

static void one_address_does_not_get_all_connections(void **state)
{
    struct fixture *fixture = *state;
    int first = client(fixture), second = client(fixture), third = client(fixture);
    int other = client_from(fixture, 2);
    assert_string_equal(hear(fixture, third, NULL), "");
    say(other, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(hear(fixture, other, "/other||0"), "/other||0"));
    close(first);
    close(second);
    close(third);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_keeps_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(chunked_bodies_and_expect_continue, setup, teardown),
        cmocka_unit_test_setup_teardown(large_bodies_are_refused_before_they_are_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(malformed_requests_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(half_requests_time_out_and_idle_connections_close, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_later_even_if_the_client_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(connections_beyond_the_limit_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(one_address_does_not_get_all_connections, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
