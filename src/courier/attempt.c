#include "courier/attempt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ATTEMPT_MS = 15000, STEP_SIZE = 4096 };

/* What a step of sending, receiving or shaking hands came to; more than 0: bytes. */
enum { BROKEN = -1, WAITING = 0 };

void attempt_free(struct attempt *attempt)
{
    lookup_end(&attempt->lookup);
    loop_timer_clear(attempt->loop, &attempt->timer);
    SSL_free(attempt->ssl);
    ERR_clear_error();
    loop_close(attempt->loop, &attempt->watch);
    buf_reset(&attempt->request);
    buf_reset(&attempt->response);
    free(attempt->url_text);
    free(attempt);
}

static void fail(struct attempt *attempt, const char *text)
{
    attempt->over(attempt, 0, text);
}

static void on_timer(struct loop_timer *timer)
{
    static const char *const texts[] = {
        "the resolver did not answer in time", "the server was not reached in time",
        "TLS was not agreed on in time", "the server did not take the request in time",
        "the server did not answer in time"};
    struct attempt *attempt = timer->owner;
    fail(attempt, texts[attempt->state]);
}

/* ---- bytes, plain or by TLS ---- */

static void wait_for(struct attempt *attempt, uint32_t events)
{
    struct err ignored;
    loop_modify(attempt->loop, &attempt->watch, events, &ignored);
}

/* What OpenSSL wants after it did not get on. */
static int tls_result(struct attempt *attempt, int result)
{
    int why = SSL_get_error(attempt->ssl, result);
    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ)
        wait_for(attempt, EPOLLIN);
    else if (why == SSL_ERROR_WANT_WRITE)
        wait_for(attempt, EPOLLOUT);
    else
        return BROKEN;
    return WAITING;
}

static int plain_result(struct attempt *attempt, ssize_t result, uint32_t events)
{
    if (result > 0)
        return (int)result;
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) {
        wait_for(attempt, events);
        return WAITING;
    }
    return BROKEN;
}

static int put(struct attempt *attempt, const char *data, size_t size)
{
    if (attempt->ssl) {
        int result = SSL_write(attempt->ssl, data, (int)size);
        return result > 0 ? result : tls_result(attempt, result);
    }
    return plain_result(attempt, send(attempt->watch.fd, data, size, MSG_NOSIGNAL), EPOLLOUT);
}

/* BROKEN is the end, too. */
static int get(struct attempt *attempt, char *data, size_t size)
{
    if (attempt->ssl) {
        int result = SSL_read(attempt->ssl, data, (int)size);
        return result > 0 ? result : tls_result(attempt, result);
    }
    return plain_result(attempt, recv(attempt->watch.fd, data, size, 0), EPOLLIN);
}

/* ---- the states ---- */

/* Interim responses are passed over. Whether the attempt goes on. */
static bool read_head(struct attempt *attempt, bool ended)
{
    for (;;) {
        struct http1_head head;
        int used = attempt->response.size
                       ? http1_parse_response(attempt->response.data, attempt->response.size, 0,
                                              false, &head)
                       : HTTP1_MORE;
        if (used == HTTP1_MORE && !ended)
            return true;
        if (used == HTTP1_MORE || used == HTTP1_BAD)
            fail(attempt, ended && used == HTTP1_MORE ? "the server closed without an answer"
                                                      : "the server's answer is not HTTP");
        else if (head.status >= 200)
            attempt->over(attempt, head.status, "");
        if (used <= 0 || head.status >= 200)
            return false;
        buf_consume(&attempt->response, (size_t)used);
    }
}

static void receive(struct attempt *attempt)
{
    for (;;) {
        if (!buf_reserve(&attempt->response, STEP_SIZE)) {
            fail(attempt, "the head of the server's answer is too large");
            return;
        }
        int got = get(attempt, attempt->response.data + attempt->response.size, STEP_SIZE);
        if (got == WAITING)
            return;
        if (got > 0)
            attempt->response.size += (size_t)got;
        if (!read_head(attempt, got == BROKEN))
            return;
    }
}

/* A server that does not take all of it may have answered why. */
static void send_request(struct attempt *attempt)
{
    while (attempt->sent < attempt->request.size) {
        int taken = put(attempt, attempt->request.data + attempt->sent,
                        attempt->request.size - attempt->sent);
        if (taken == WAITING)
            return;
        if (taken == BROKEN)
            break;
        attempt->sent += (size_t)taken;
    }
    attempt->state = ATTEMPT_READING;
    wait_for(attempt, EPOLLIN);
    receive(attempt);
}

static void shake_hands(struct attempt *attempt)
{
    int result = SSL_do_handshake(attempt->ssl);
    if (result == 1) {
        attempt->state = ATTEMPT_SENDING;
        send_request(attempt);
    } else if (tls_result(attempt, result) == BROKEN) {
        char text[160];
        long why = SSL_get_verify_result(attempt->ssl);
        snprintf(text, sizeof text, "TLS failed: %s",
                 why == X509_V_OK ? "the server does not speak it"
                                  : X509_verify_cert_error_string(why));
        fail(attempt, text);
    }
}

static void on_connected(struct attempt *attempt)
{
    struct err err;
    int number = 0;
    socklen_t size = sizeof number;
    getsockopt(attempt->watch.fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number) {
        fail(attempt, strerror(number));
    } else if (!attempt->url.tls) {
        attempt->state = ATTEMPT_SENDING;
        send_request(attempt);
    } else {
        attempt->ssl = trust_connect(attempt->trust, attempt->watch.fd, attempt->url.host, &err);
        attempt->state = ATTEMPT_SHAKING_HANDS;
        if (attempt->ssl)
            shake_hands(attempt);
        else
            fail(attempt, err.text);
    }
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    static void (*const steps[])(struct attempt * attempt) = {
        [ATTEMPT_CONNECTING] = on_connected,
        [ATTEMPT_SHAKING_HANDS] = shake_hands,
        [ATTEMPT_SENDING] = send_request,
        [ATTEMPT_READING] = receive,
    };
    struct attempt *attempt = watch->owner;
    (void)events;
    steps[attempt->state](attempt);
}

static void connect_to(struct attempt *attempt, uint32_t address)
{
    struct err err;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(attempt->url.port),
                             .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    attempt->state = ATTEMPT_CONNECTING;
    if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) ||
        loop_watch(attempt->loop, &attempt->watch, fd, EPOLLOUT, &err) < 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        fail(attempt, strerror(number));
    }
}

static void on_found(struct lookup *lookup, uint32_t address)
{
    struct attempt *attempt = lookup->owner;
    if (address)
        connect_to(attempt, address);
    else
        fail(attempt, "the name of the server is not known");
}

void attempt_begin(struct attempt *attempt)
{
    struct err err;
    struct in_addr literal;
    uint32_t address;
    const struct courier_options *options = attempt->options;
    attempt->watch = (struct loop_watch){.fd = -1, .on_event = on_event, .owner = attempt};
    attempt->lookup.found = on_found;
    attempt->lookup.owner = attempt;
    attempt->response.size_limit = HTTP1_RESPONSE_HEAD_SIZE_MAX + STEP_SIZE;
    loop_timer_init(&attempt->timer, on_timer, attempt);
    loop_timer_set(attempt->loop, &attempt->timer, ATTEMPT_MS);
    if (inet_pton(AF_INET, attempt->url.host, &literal) == 1)
        connect_to(attempt, ntohl(literal.s_addr));
    else if (options->find(options->arg, attempt->url.host, &address))
        connect_to(attempt, address);
    else if (!options->resolver.sin_port)
        fail(attempt, "the name of the server is not known, and there is no resolver");
    else if (lookup_begin(&attempt->lookup, attempt->loop, &options->resolver, attempt->url.host,
                          &err) < 0)
        fail(attempt, err.text);
}
