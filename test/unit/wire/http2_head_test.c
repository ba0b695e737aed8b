#include "wire/http2_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char text[HTTP1_HEAD_SIZE_MAX];

/* Fields as "name: value" lines; pseudo-headers begin with a colon of their own. */
static int read_fields(const char *lines, struct http1_header *fields)
{
    int count = 0;
    while (*lines) {
        const char *colon = strchr(lines + 1, ':'), *end = strchr(lines, '\n');
        fields[count].name = (struct slice){lines, (size_t)(colon - lines)};
        fields[count++].value = (struct slice){colon + 2, (size_t)(end - colon - 2)};
        lines = end + 1;
    }
    return count;
}

static int request(const char *lines, bool body_follows)
{
    struct http1_header fields[HTTP2_FIELDS_MAX];
    memset(text, 0, sizeof text);
    return http2_request_text(fields, read_fields(lines, fields), body_follows, text, sizeof text);
}

#define GET ":method: GET\n:scheme: https\n:path: /\n:authority: e.com\n"

static void a_request_becomes_the_text_of_http1(void **state)
{
    (void)state;
    int size = request(":method: POST\n:scheme: https\n:authority: e.com\n:path: /a?b\n"
                       "x-own: 1\ncookie: a=1\naccept: */*\ncookie: b=2\ncontent-length: 5\n",
                       true);
    assert_int_equal(size, strlen(text));
    assert_string_equal(text, "POST /a?b HTTP/1.1\r\nHost: e.com\r\nx-own: 1\r\n"
                              "cookie: a=1; b=2\r\naccept: */*\r\ncontent-length: 5\r\n\r\n");
}

static void a_body_without_length_is_chunked(void **state)
{
    (void)state;
    request(GET, true);
    assert_string_equal(text,
                        "GET / HTTP/1.1\r\nHost: e.com\r\nTransfer-Encoding: chunked\r\n\r\n");
    request(GET, false);
    assert_string_equal(text, "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n");
}

static void host_stands_for_a_missing_authority(void **state)
{
    (void)state;
    request(":method: GET\n:scheme: https\n:path: /\nhost: E.com\n", false);
    assert_string_equal(text, "GET / HTTP/1.1\r\nHost: E.com\r\n\r\n");
    assert_true(request(GET "host: E.COM\n", false) > 0);
}

static void what_http1_cannot_say_is_malformed(void **state)
{
    (void)state;
    static const char *const lines[] = {
        ":scheme: https\n:path: /\n:authority: a\n",
        ":method: GET\n:path: /\n:authority: a\n",
        ":method: GET\n:scheme: https\n:authority: a\n",
        ":method: GET\n:scheme: ftp\n:path: /\n:authority: a\n",
        ":method: GET\n:method: GET\n:scheme: https\n:path: /\n:authority: a\n",
        ":method: GET\nx: 1\n:scheme: https\n:path: /\n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: /\n:authority: a\n:status: 200\n",
        ":method: GET\n:scheme: https\n:path: /\n:authority: a\n:protocol: websocket\n",
        ":method: GET\n:scheme: https\n:path: \n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: a\n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: http://b/\n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: /a HTTP/1.1\n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: /\r\n:authority: a\n",
        ":method: GET \n:scheme: https\n:path: /\n:authority: a\n",
        ":method: GET\n:scheme: https\n:path: /\n:authority: u@a\n",
        ":method: GET\n:scheme: https\n:path: /\n:authority: a b\n",
        ":method: CONNECT\n:scheme: https\n:path: /\n:authority: a\n",
        GET "host: other\n",
        GET "host: e.com\nhost: e.com\n",
        GET "X-Upper: 1\n",
        GET "x y: 1\n",
        GET "x\r: 1\n",
        GET "x: 1\rb\n",
        GET "x:  1\n",
        GET "x: 1 \n",
        GET "connection: close\n",
        GET "keep-alive: 1\n",
        GET "proxy-connection: close\n",
        GET "transfer-encoding: chunked\n",
        GET "upgrade: h2c\n",
        GET "te: gzip\n",
        GET "content-length: 5\n",
        GET "content-length: \n",
        GET "content-length: 0\ncontent-length: 0\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (request(lines[i], false) != HTTP2_MALFORMED)
            fail_msg("taken: %s", lines[i]);
    struct http1_header fields[HTTP2_FIELDS_MAX];
    int count = read_fields(GET "x: 1\n", fields);
    static const char bad[][3] = {{'a', 0, 'b'}, {'a', '\n', 'b'}, {'a', '\r', 'b'}};
    for (size_t i = 0; i < 3; i++) {
        fields[count - 1].value = (struct slice){bad[i], 3};
        assert_int_equal(http2_request_text(fields, count, false, text, sizeof text),
                         HTTP2_MALFORMED);
    }
    assert_int_equal(request(GET "content-length: 5x\n", true), HTTP2_MALFORMED);
}

static void what_does_not_fit_is_too_large(void **state)
{
    (void)state;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    int count = read_fields(GET, fields);
    assert_int_equal(http2_request_text(fields, count, false, text, 20), HTTP2_TOO_LARGE);
}

static void a_response_becomes_the_text_of_http1(void **state)
{
    (void)state;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    memset(text, 0, sizeof text);
    int count = read_fields(":status: 200\nserver: x\n", fields);
    http2_response_text(fields, count, text, sizeof text);
    assert_string_equal(text, "HTTP/1.1 200 \r\nserver: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    static const char *const lines[] = {
        "server: x\n",     ":status: 101\n", ":status: 99\n",
        ":status: 2000\n", ":status: 20x\n", ":status: 200\n:status: 200\n",
        ":status: 600\n",  ":path: /\n",     ":status: 200\nconnection: close\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        count = read_fields(lines[i], fields);
        assert_int_equal(http2_response_text(fields, count, text, sizeof text), HTTP2_MALFORMED);
    }
}

static void assert_field(const struct http1_header *field, const char *name, const char *value)
{
    assert_int_equal(field->name.size, strlen(name));
    assert_memory_equal(field->name.data, name, field->name.size);
    assert_int_equal(field->value.size, strlen(value));
    assert_memory_equal(field->value.data, value, field->value.size);
}

static void heads_of_ours_become_fields(void **state)
{
    (void)state;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    char head[] = "PUT /a?b=c HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nHost: e.com\r\n"
                  "Transfer-Encoding: chunked\r\nx-empty:\r\n\r\n";
    int count = http2_request_fields(head, sizeof head - 1, (struct slice){"https", 5}, fields);
    assert_int_equal(count, 6);
    assert_field(&fields[0], ":method", "PUT");
    assert_field(&fields[1], ":scheme", "https");
    assert_field(&fields[2], ":path", "/a?b=c");
    assert_field(&fields[3], ":authority", "e.com");
    assert_field(&fields[4], "x-forwarded-for", "1.2.3.4");
    assert_field(&fields[5], "x-empty", "");
    char response[] = "HTTP/1.1 404 Not Found\r\nServer: x\r\nX(y): 1\r\nConnection: close\r\n\r\n";
    count = http2_response_fields(response, sizeof response - 1, fields);
    assert_int_equal(count, 2);
    assert_field(&fields[0], ":status", "404");
    assert_field(&fields[1], "server", "x");
}

static void trailers_cross_without_what_has_no_place_there(void **state)
{
    (void)state;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    memset(text, 0, sizeof text);
    int count =
        read_fields("grpc-status: 0\ncontent-length: 5\nx-forwarded-for: a\nhost: a\n", fields);
    int size = http2_trailers_text(fields, count, text, sizeof text);
    assert_string_equal(text, "grpc-status: 0\r\n");
    assert_int_equal(http2_trailers_fields(text, (size_t)size, fields), 1);
    assert_field(&fields[0], "grpc-status", "0");
    static const char *const malformed[] = {":status: 200\n", "a: b\x0f\n"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        count = read_fields(malformed[i], fields);
        assert_int_equal(http2_trailers_text(fields, count, text, sizeof text), HTTP2_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_the_text_of_http1),
        cmocka_unit_test(a_body_without_length_is_chunked),
        cmocka_unit_test(host_stands_for_a_missing_authority),
        cmocka_unit_test(what_http1_cannot_say_is_malformed),
        cmocka_unit_test(what_does_not_fit_is_too_large),
        cmocka_unit_test(a_response_becomes_the_text_of_http1),
        cmocka_unit_test(heads_of_ours_become_fields),
        cmocka_unit_test(trailers_cross_without_what_has_no_place_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
