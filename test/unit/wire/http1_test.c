#include "wire/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http1_head head;

static int request(const char *text)
{
    return http1_parse_request(text, strlen(text), 0, &head);
}

static int response(const char *text)
{
    return http1_parse_response(text, strlen(text), 0, false, &head);
}

static void assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static void a_plain_request_is_taken_apart(void **state)
{
    (void)state;
    const char *text =
        "GET /a?b=c HTTP/1.1\r\nHost: e.com\r\nX-Empty:\r\nAccept: \t x \r\n\r\nrest";
    assert_int_equal(request(text), strlen(text) - 4);
    assert_slice(head.method, "GET");
    assert_slice(head.target, "/a?b=c");
    assert_int_equal(head.minor_version, 1);
    assert_int_equal(head.header_count, 3);
    assert_slice(head.headers[0].value, "e.com");
    assert_slice(head.headers[1].value, "");
    assert_slice(head.headers[2].value, "x");
    assert_int_equal(head.known.host, 0);
    assert_int_equal(head.known.content_length, -1);
    assert_true(head.keep_alive);
    assert_int_equal(head.body, HTTP1_BODY_NONE);
    assert_int_equal(head.classification, HTTP1_COMPLIANT);
}

static void a_head_may_come_byte_by_byte(void **state)
{
    (void)state;
    const char *text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    size_t size = strlen(text);
    for (size_t have = 1; have < size; have++)
        assert_int_equal(http1_parse_request(text, have, have - 1, &head), HTTP1_MORE);
    assert_int_equal(http1_parse_request(text, size, size - 1, &head), size);
    assert_int_equal(head.body, HTTP1_BODY_LENGTH);
    assert_int_equal(head.content_length, 5);
}

/* What each request is: its status when refused (0: taken), class and reason. */
static const struct request_case {
    const char *text;
    int status;
    enum http1_class classification;
    const char *reason;
} request_cases[] = {
    /* framing: Content-Length */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 0,
     HTTP1_AMBIGUOUS, "DuplicateContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400,
     HTTP1_SEVERE, "MultipleContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\n", 400, HTTP1_SEVERE,
     "BadContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400, HTTP1_SEVERE,
     "BadContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400, HTTP1_SEVERE,
     "BadContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, HTTP1_SEVERE,
     "BadContentLength"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", 400,
     HTTP1_SEVERE, "BadContentLength"},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 0, HTTP1_ACCEPTABLE,
     "GetHeadZeroContentLength"},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 0, HTTP1_AMBIGUOUS,
     "UndefinedContentLengthSemantics"},
    /* framing: Transfer-Encoding */
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 0,
     HTTP1_AMBIGUOUS, "BothTeClPresent"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     400, HTTP1_SEVERE, "MultipleTransferEncodingChunked"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, HTTP1_SEVERE,
     "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", 400, HTTP1_SEVERE,
     "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 400, HTTP1_SEVERE,
     "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400,
     HTTP1_SEVERE, "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0"
     "chunked\r\n\r\n",
     400, HTTP1_SEVERE, "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400, HTTP1_SEVERE,
     "BadTransferEncoding"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, HTTP1_COMPLIANT,
     ""},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, HTTP1_AMBIGUOUS,
     "UndefinedTransferEncodingSemantics"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n", 0, HTTP1_AMBIGUOUS,
     "SuspiciousHeader"},
    /* header syntax */
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, HTTP1_AMBIGUOUS, "SuspiciousHeader"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, HTTP1_AMBIGUOUS, "MultilineHeader"},
    {"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", 400, HTTP1_AMBIGUOUS, "EmptyHeader"},
    {"GET / HTTP/1.1\r\nHost: a\r\nabc\r\n\r\n", 400, HTTP1_AMBIGUOUS, "MissingHeaderColon"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, HTTP1_SEVERE, "BadHeader"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n", 0, HTTP1_ACCEPTABLE, "NonCompliantHeader"},
    {"GET / HTTP/1.1\nHost: a\n\n", 0, HTTP1_ACCEPTABLE, "NonCrLfLineTermination"},
    /* request line */
    {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_ACCEPTABLE, "SpaceInUri"},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_ACCEPTABLE, "SpaceInUri"},
    {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_AMBIGUOUS, "AmbiguousUri"},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_SEVERE, "BadMethod"},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_SEVERE, "BadVersion"},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0, HTTP1_ACCEPTABLE, "NonCompliantVersion"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, HTTP1_SEVERE, "BadVersion"},
    {"GET /\r\n\r\n", 400, HTTP1_ACCEPTABLE, "NonCompliantVersion"},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, HTTP1_AMBIGUOUS, "AmbiguousUri"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400, HTTP1_COMPLIANT, ""},
    {"GET / HTTP/1.0\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, HTTP1_COMPLIANT, ""},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, HTTP1_COMPLIANT, ""},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, HTTP1_COMPLIANT, ""},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, HTTP1_COMPLIANT, ""},
};

static void each_oddity_is_classified_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof request_cases / sizeof request_cases[0]; i++) {
        const struct request_case *test = &request_cases[i];
        int used = request(test->text);
        if (used == HTTP1_MORE || (used == HTTP1_BAD ? head.error_status : 0) != test->status ||
            head.classification != test->classification ||
            strcmp(head.classification_reason, test->reason) != 0)
            fail_msg("%s: %d, status %d, class %d, %s", test->text, used, head.error_status,
                     head.classification, head.classification_reason);
    }
}

static void a_nul_byte_in_a_header_is_refused(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    assert_int_equal(http1_parse_request(text, sizeof text - 1, 0, &head), HTTP1_BAD);
    assert_string_equal(head.classification_reason, "BadHeader");
}

static void heads_have_limits(void **state)
{
    (void)state;
    static char text[HTTP1_HEAD_SIZE_MAX + 100];
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    assert_int_equal(http1_parse_request(text, HTTP1_LINE_SIZE_MAX + 10, 0, &head), HTTP1_BAD);
    assert_int_equal(head.error_status, 414);

    memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    assert_int_equal(http1_parse_request(text, HTTP1_LINE_SIZE_MAX + 100, 0, &head), HTTP1_BAD);
    assert_int_equal(head.error_status, 431);

    for (size_t at = 28; at + 10000 < sizeof text; at += 10000)
        memcpy(text + at, "\r\nX: ", 5);
    assert_int_equal(http1_parse_request(text, 60000, 0, &head), HTTP1_MORE);
    assert_int_equal(http1_parse_request(text, HTTP1_HEAD_SIZE_MAX, 60000, &head), HTTP1_BAD);
    assert_int_equal(head.error_status, 431);
}

static void at_most_a_hundred_headers(void **state)
{
    (void)state;
    char text[2048] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < HTTP1_HEADERS_MAX; i++)
        strncat(text, "X: 1\r\n", 7);
    size_t size = strlen(text);
    strncat(text, "\r\n", 3);
    assert_int_equal(request(text), size + 2);
    memcpy(text + size, "X: 1\r\n\r\n", 9);
    assert_int_equal(request(text), HTTP1_BAD);
    assert_int_equal(head.error_status, 431);
}

static void connection_and_expect_are_read(void **state)
{
    (void)state;
    request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert_true(head.keep_alive);
    request("GET / HTTP/1.0\r\n\r\n");
    assert_false(head.keep_alive);
    request("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: foo, Close\r\n\r\n");
    assert_false(head.keep_alive);
    request("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_true(head.upgrade);
    request("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
    assert_true(head.expect_continue);
}

static void a_response_says_where_its_body_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int body; /* -1: refused */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP1_BODY_LENGTH},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_BODY_CHUNKED},
        {"HTTP/1.1 200\r\n\r\n", HTTP1_BODY_UNTIL_CLOSE},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", HTTP1_BODY_NONE},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", HTTP1_BODY_NONE},
        {"HTTP/1.1 100 Continue\r\n\r\n", HTTP1_BODY_NONE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", -1},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", -1},
        {"HTTP/1.1 20 OK\r\n\r\n", -1},
        {"HTTP/1.1 2000 OK\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", -1},
        {"ICY 200 OK\r\n\r\n", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int used = response(cases[i].text);
        if ((used == HTTP1_BAD ? -1 : (int)head.body) != cases[i].body || used == HTTP1_MORE)
            fail_msg("%s: %d, body %d", cases[i].text, used, head.body);
    }
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    http1_parse_response(text, strlen(text), 0, true, &head);
    assert_int_equal(head.body, HTTP1_BODY_NONE);
}

/* Decodes `text` in pieces of `step` bytes into out; returns bytes left over, or -1. */
static int decode(const char *text, size_t step, char *out)
{
    struct http1_chunked chunked = {0};
    size_t total = strlen(text), written = 0, at = 0;
    while (at < total && !chunked.done) {
        size_t size = total - at < step ? total - at : step;
        const char *data = text + at;
        at += size;
        while (size && !chunked.done) {
            struct slice piece;
            if (http1_chunked_next(&chunked, &data, &size, &piece) < 0)
                return -1;
            memcpy(out + written, piece.data, piece.size);
            written += piece.size;
        }
        at -= size;
    }
    out[written] = 0;
    return chunked.done ? (int)(total - at) : -2;
}

static void chunks_are_joined_whatever_the_pieces(void **state)
{
    (void)state;
    const char *text = "5\r\nhello\r\n6;ext=\"1\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET";
    for (size_t step = 1; step < 20; step++) {
        char out[64];
        assert_int_equal(decode(text, step, out), 3);
        assert_string_equal(out, "hello world");
    }
}

static void lenient_chunk_syntax_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "\r\n",
        "5;a\nb\r\nhello\r\n",
        "5;a\rb\r\nhello\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "5_0\r\nhello\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\n\rX",
    };
    char out[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (decode(bad[i], 1000, out) != -1)
            fail_msg("accepted: %s", bad[i]);
}

static void endless_extensions_are_refused(void **state)
{
    (void)state;
    struct http1_chunked chunked = {0};
    char text[1024];
    memset(text, 'a', sizeof text);
    memcpy(text, "5;", 2);
    int result = 0;
    for (int i = 0; i < 100 && result == 0; i++) {
        const char *data = text;
        size_t size = sizeof text;
        struct slice piece;
        while (size && result == 0)
            result = http1_chunked_next(&chunked, &data, &size, &piece);
    }
    assert_int_equal(result, -1);
}

static void dates_have_http_form(void **state)
{
    (void)state;
    char out[30];
    http1_date(1795228622, out);
    assert_string_equal(out, "Sat, 21 Nov 2026 02:37:02 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_taken_apart),
        cmocka_unit_test(a_head_may_come_byte_by_byte),
        cmocka_unit_test(each_oddity_is_classified_or_refused),
        cmocka_unit_test(a_nul_byte_in_a_header_is_refused),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(at_most_a_hundred_headers),
        cmocka_unit_test(connection_and_expect_are_read),
        cmocka_unit_test(a_response_says_where_its_body_ends),
        cmocka_unit_test(chunks_are_joined_whatever_the_pieces),
        cmocka_unit_test(lenient_chunk_syntax_is_refused),
        cmocka_unit_test(endless_extensions_are_refused),
        cmocka_unit_test(dates_have_http_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
