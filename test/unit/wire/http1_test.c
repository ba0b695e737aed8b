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

/* What cannot be forwarded, whatever the policy, and the answer. */
static const struct refused_case {
    const char *text;
    int status;
} refused_cases[] = {
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 501},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http://a b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http:/\x0f/a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET http\x1a//a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/0.8\r\nHost: a\r\n\r\n", 400},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b c\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
};

static void what_cannot_be_forwarded_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused_cases / sizeof refused_cases[0]; i++) {
        int used = request(refused_cases[i].text);
        if (used != HTTP1_BAD || head.error_status != refused_cases[i].status)
            fail_msg("%s: %d, status %d", refused_cases[i].text, used, head.error_status);
    }
}

static void a_sound_request_is_neither_odd_nor_malformed(void **state)
{
    (void)state;
    static const char *const sound[] = {
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a-z_0.~%20!$&'()*+=:80\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++)
        if (request(sound[i]) != (int)strlen(sound[i]) || head.odd || head.malformed)
            fail_msg("%s: odd %d, malformed %d", sound[i], head.odd, head.malformed);
}

static void encodings_are_read_with_parameters_and_identity(void **state)
{
    (void)state;
    request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked;a=b\r\n\r\n");
    assert_int_equal(head.body, HTTP1_BODY_CHUNKED);
    request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n"
            "Content-Length: 3\r\n\r\n");
    assert_int_equal(head.body, HTTP1_BODY_LENGTH);
}

static void a_line_without_a_version_is_a_whole_request(void **state)
{
    (void)state;
    static const char *const texts[] = {"GET /a\r\nHost: b\r\n\r\n", "GET /a \r\n",
                                        "GET /a  \t\r\nHost"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(request(texts[i]), strchr(texts[i], '\n') + 1 - texts[i]);
        assert_true(head.http09 && head.malformed && !head.keep_alive);
        assert_slice(head.target, "/a");
        assert_int_equal(head.header_count, 0);
    }
    for (size_t have = 1; have < 8; have++)
        assert_int_equal(http1_parse_request("GET /a\r\n", have, have - 1, &head), HTTP1_MORE);
    assert_int_equal(http1_parse_request("GET /a\r\n", 8, 7, &head), 8);
}

static void a_stated_version_of_09_has_headers(void **state)
{
    (void)state;
    assert_int_equal(request("GET / HTTP/0.9\r\nX: 1\r\n\r\n"), 24);
    assert_true(head.http09 && !head.keep_alive && head.header_count == 1);
}

static void what_is_no_header_is_not_among_them(void **state)
{
    (void)state;
    static const char *const dropped[] = {
        "X : 1",   " X: 1",    "X y: 1", ": 1",         " : 1",
        "nocolon", "X\x01: 1", "X\r: 1", "\xc3\xa9: 1", "Host\t: b",
    };
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n 2\r\nHost: a\r\n\r\n", dropped[i]);
        if (request(text) != (int)strlen(text) || head.header_count != 1 || !head.malformed)
            fail_msg("%s: %d headers", dropped[i], head.header_count);
    }
    request("GET / HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n");
    assert_true(head.header_count == 2 && head.odd && !head.malformed);
}

static void several_hosts_are_malformed_and_the_first_counts(void **state)
{
    (void)state;
    request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_true(head.malformed);
    assert_int_equal(head.known.host, 0);
}

static void hosts_are_names_or_addresses_with_a_port_of_digits(void **state)
{
    (void)state;
    static const char *const good[] = {"",   "a",     "a.b-c_d~", "1.2.3.4:80",
                                       "a:", "[::1]", "[::1]:80", "%41!$&'*+"};
    static const char *const bad[] = {"a b", "a/b", "a,b", "u@a",  "a:x",    "a:1:2", "a#b", "a^b",
                                      "a|b", "a`b", "[x]", "[::1", "[::1]x", "]",     "a[b]"};
    char text[64];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        assert_true(request(text) > 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        assert_int_equal(request(text), HTTP1_BAD);
        snprintf(text, sizeof text, "GET http://%s/ HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]);
        if (!strpbrk(bad[i], "/ "))
            assert_int_equal(request(text), HTTP1_BAD);
    }
    assert_int_equal(request("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP1_BAD);
    assert_int_equal(request("GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP1_BAD);
}

static void tidying_makes_a_request_fit_to_be_sent(void **state)
{
    (void)state;
    static char out[HTTP1_TIDY_SIZE_MAX];
    static const char text[] =
        "GET  /a b\t#\x7f\xc3  HTTP/1.1 \r\nHost: a\r\nFolded: 1\r\n \t 2\n 3\r\n"
        "Control: a\0b\rc\x01\td\x7f\r\nEmpty:\r\n late\r\nPlain: x\r\n\r\n";
    assert_int_equal(http1_parse_request(text, sizeof text - 1, 0, &head), sizeof text - 1);
    assert_true(head.malformed);
    http1_tidy(&head, out);
    assert_false(head.malformed);
    assert_slice(head.target, "/a%20b%09%23%7F\xc3");
    assert_int_equal(head.minor_version, 1);
    assert_slice(http1_find(&head, "folded")->value, "1 2 3");
    assert_slice(http1_find(&head, "control")->value, "a b c \td");
    assert_slice(http1_find(&head, "empty")->value, "late");
    assert_slice(http1_find(&head, "plain")->value, "x");
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
        {"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nX : a\r\n\r\n", -1},
        {"HTTP/1.1 200 OK\r\nnocolon\r\n\r\n", -1},
        {"HTTP/0.9 200 OK\r\n\r\n", -1},
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

static void names_with_more_than_letters_digits_and_hyphens_are_told(void **state)
{
    (void)state;
    static const char odd[] = "GET / HTTP/1.1\r\nHost: a\r\nx_y: 1\r\n\r\n";
    static const char plain[] = "GET / HTTP/1.1\r\nHost: a\r\nX-y9: 1\r\n\r\n";
    assert_true(http1_parse_request(odd, sizeof odd - 1, 0, &head) > 0);
    assert_true(head.invalid_names);
    assert_int_equal(head.classification, HTTP1_COMPLIANT); /* a token, for all other purposes */
    assert_true(http1_parse_request(plain, sizeof plain - 1, 0, &head) > 0);
    assert_false(head.invalid_names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_with_more_than_letters_digits_and_hyphens_are_told),
        cmocka_unit_test(a_plain_request_is_taken_apart),
        cmocka_unit_test(a_head_may_come_byte_by_byte),
        cmocka_unit_test(what_cannot_be_forwarded_is_refused),
        cmocka_unit_test(a_sound_request_is_neither_odd_nor_malformed),
        cmocka_unit_test(encodings_are_read_with_parameters_and_identity),
        cmocka_unit_test(a_line_without_a_version_is_a_whole_request),
        cmocka_unit_test(a_stated_version_of_09_has_headers),
        cmocka_unit_test(what_is_no_header_is_not_among_them),
        cmocka_unit_test(several_hosts_are_malformed_and_the_first_counts),
        cmocka_unit_test(hosts_are_names_or_addresses_with_a_port_of_digits),
        cmocka_unit_test(tidying_makes_a_request_fit_to_be_sent),
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
