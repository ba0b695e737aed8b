/* Requests as targets get them: AWS's tables of Host, X-Forwarded-For and X-Amzn-Trace-Id. */
#include "balancer/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct load_balancer load_balancer;
static struct listener listener;
static char out[100000];

static int reset(void **state)
{
    (void)state;
    static char version[] = "x-amzn-tls-version", cipher[] = "x-amzn-tls-cipher-suite";
    static char dns_name[] = "lb-1.us-east-1.elb.localhost";
    load_balancer = (struct load_balancer){.dns_name = dns_name};
    load_balancer.attributes.xff_mode = XFF_APPEND;
    listener = (struct listener){.load_balancer = &load_balancer, .port = 80};
    listener.attributes.tls_version_name = version;
    listener.attributes.tls_cipher_name = cipher;
    return 0;
}

/* The request as it is sent on, as a string. */
static const char *rewritten(const char *request, const struct forwarding *options)
{
    static struct http1_head head;
    struct forwarding forwarding = *options;
    struct writer writer = {out, out + sizeof out - 1, false};
    forwarding.listener = &listener;
    forwarding.client_address = 0x0a000001;
    forwarding.unix_seconds = 0x67891233;
    assert_true(http1_parse_request(request, strlen(request), 0, &head) > 0);
    struct target_parts parts = split_target(head.target);
    rewrite_request(&writer, &head, &parts, &forwarding);
    assert_false(writer.full);
    *writer.at = 0;
    return out;
}

static void assert_line(const char *text, const char *line)
{
    char whole[300];
    snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
    if (!strstr(text, whole))
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void the_table_of_host(void **state)
{
    (void)state;
    static const struct {
        uint16_t port;
        bool preserve;
        const char *target, *host, *seen;
    } rows[] = {
        {80, false, "/", "Host: e.com\r\n", "Host: e.com"},
        {443, false, "/", "Host: e.com\r\n", "Host: e.com"},
        {80, false, "/", "Host: e.com:80\r\n", "Host: e.com"},
        {443, false, "/", "Host: e.com:8443\r\n", "Host: e.com"},
        {80, true, "/", "Host: e.com:80\r\n", "Host: e.com:80"},
        {80, false, "https://dns/", "Host: e.com\r\n", "Host: dns"},
        {8080, false, "https://dns/", "Host: e.com\r\n", "Host: dns:8080"},
        {80, true, "https://dns/", "Host: e.com\r\n", "Host: e.com"},
        {8080, false, "/", "Host: e.com\r\n", "Host: e.com:8080"},
        {8080, false, "/", "Host: e.com:81\r\n", "Host: e.com:81"},
        {8080, true, "/", "Host: e.com\r\n", "Host: e.com"},
        {80, false, "/", "Host: [::1]:80\r\n", "Host: [::1]"},
        {8080, false, "/", "Host: [::1]\r\n", "Host: [::1]:8080"},
        {80, false, "/", "", "Host: lb-1.us-east-1.elb.localhost"},
        {8080, true, "/", "", "Host: lb-1.us-east-1.elb.localhost:8080"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[200];
        listener.port = rows[i].port;
        load_balancer.attributes.preserve_host = rows[i].preserve;
        snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n%s\r\n", rows[i].target,
                 rows[i].host);
        assert_line(rewritten(request, &(struct forwarding){0}), rows[i].seen);
    }
}

static void a_trace_id_follows_the_rules(void **state)
{
    (void)state;
    const struct forwarding random = {.random = {1, 2}};
    static const struct {
        const char *sent, *seen;
    } rows[] = {
        {"", "X-Amzn-Trace-Id: Root=1-67891233-000000010000000000000002"},
        {"X-Amzn-Trace-Id: Root=1-a-b\r\n",
         "X-Amzn-Trace-Id: Self=1-67891233-000000010000000000000002;Root=1-a-b"},
        {"X-Amzn-Trace-Id: Root=1-a-b;CalledFrom=app\r\n",
         "X-Amzn-Trace-Id: Self=1-67891233-000000010000000000000002;Root=1-a-b;CalledFrom=app"},
        {"X-Amzn-Trace-Id: Root=1-a-b;Self=1-c-d\r\n",
         "X-Amzn-Trace-Id: Self=1-67891233-000000010000000000000002;Root=1-a-b"},
        {"X-Amzn-Trace-Id: Self=1-c-d;Root=1-a-b\r\n",
         "X-Amzn-Trace-Id: Self=1-67891233-000000010000000000000002;Root=1-a-b"},
        {"X-Amzn-Trace-Id: CalledFrom=app\r\n",
         "X-Amzn-Trace-Id: Root=1-67891233-000000010000000000000002"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[300];
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].sent);
        assert_line(rewritten(request, &random), rows[i].seen);
    }
}

static void a_head_above_7_kib_gets_a_root_alone(void **state)
{
    (void)state;
    const struct forwarding random = {.random = {1, 2}};
    for (int over = 0; over < 2; over++) {
        char request[8000];
        int size = snprintf(request, sizeof request,
                            "GET / HTTP/1.1\r\nHost: a\r\nX-Amzn-Trace-Id: Root=1-a-b\r\nX: ");
        int padding = 7 * 1024 + over - size - 4;
        snprintf(request + size, sizeof request - (size_t)size, "%0*d\r\n\r\n", padding, 0);
        assert_line(rewritten(request, &random),
                    over ? "X-Amzn-Trace-Id: Root=1-67891233-000000010000000000000002"
                         : "X-Amzn-Trace-Id: Self=1-67891233-000000010000000000000002;Root=1-a-b");
    }
}

static void what_is_said_between_neighbours_stays_there(void **state)
{
    (void)state;
    const char *text = rewritten(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Own, close\r\nKeep-Alive: 1\r\n"
        "Proxy-Connection: x\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\nX-Own: 1\r\n"
        "Expect: 100-continue\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-End: "
        "1\r\n\r\n",
        &(struct forwarding){0});
    static const char *const gone[] = {"Connection", "Keep-Alive", "TE:",   "Trailer",
                                       "Upgrade",    "X-Own",      "Expect"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_null(strstr(text, gone[i]));
    assert_line(text, "X-Forwarded-Proto: http");
    assert_line(text, "X-Forwarded-Port: 80");
    assert_line(text, "X-End: 1");
    assert_line(text, "X-Forwarded-For: 10.0.0.1");
}

static void tls_is_told_if_asked_for_and_never_believed(void **state)
{
    (void)state;
    static char name[] = "My-Version";
    const char *request = "GET / HTTP/1.1\r\nHost: a\r\nX-Amzn-Tls-Version: lie\r\n\r\n";
    const struct forwarding tls = {.tls_version = "TLSv1.3",
                                   .tls_cipher = "TLS_AES_128_GCM_SHA256"};
    assert_null(strstr(rewritten(request, &tls), "TLSv1.3"));
    load_balancer.attributes.tls_headers = true;
    const char *text = rewritten(request, &tls);
    assert_line(text, "x-amzn-tls-version: TLSv1.3");
    assert_line(text, "x-amzn-tls-cipher-suite: TLS_AES_128_GCM_SHA256");
    assert_null(strstr(text, "lie"));
    assert_null(strstr(rewritten(request, &(struct forwarding){0}), "lie"));
    listener.attributes.tls_version_name = name;
    assert_line(rewritten(request, &tls), "My-Version: TLSv1.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_table_of_host, reset),
        cmocka_unit_test_setup(a_trace_id_follows_the_rules, reset),
        cmocka_unit_test_setup(a_head_above_7_kib_gets_a_root_alone, reset),
        cmocka_unit_test_setup(what_is_said_between_neighbours_stays_there, reset),
        cmocka_unit_test_setup(tls_is_told_if_asked_for_and_never_believed, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
