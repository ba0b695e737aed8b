/* The classes and reasons of ALB's desync mitigation, one case or more for each reason. */
#include "wire/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"

struct verdict {
    const char *text;
    enum http1_class classification;
    const char *reason;
};

static struct http1_head head;

static void check(const struct verdict *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int used = http1_parse_request(cases[i].text, strlen(cases[i].text), 0, &head);
        if (used == HTTP1_MORE || head.classification != cases[i].classification ||
            strcmp(head.classification_reason, cases[i].reason) != 0)
            fail_msg("%s: %d, class %d, reason '%s'", cases[i].text, used, head.classification,
                     head.classification_reason);
    }
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const struct verdict cases[] = {__VA_ARGS__};                                       \
        check(cases, sizeof cases / sizeof cases[0]);                                              \
    } while (0)

static void acceptable(void **state)
{
    (void)state;
    CHECK({GET "X(y): 1\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
          {GET "X : 1\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
          {GET "\xc3\xa9: 1\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
          {GET "X: a\x01\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
          {GET "X: a\x7f\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
          {GET "X: a\tb\xff\r\n\r\n", HTTP1_COMPLIANT, ""},
          {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "SpaceInUri"},
          {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "SpaceInUri"},
          {"GET /\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
          {"GET / HTTP/0.9\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
          {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
          {"GET / HTTP/1.9\r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
          {"GET / HTTP/1.1 \t \r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
          {"GET / HTTP/1.0\r\n\r\n", HTTP1_COMPLIANT, ""},
          {GET "Content-Length: 0\r\n\r\n", HTTP1_ACCEPTABLE, "GetHeadZeroContentLength"},
          {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", HTTP1_ACCEPTABLE,
           "GetHeadZeroContentLength"},
          {"GET / HTTP/1.1\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "NonCrLfLineTermination"},
          {"GET / HTTP/1.1\r\nHost: a\n\r\n", HTTP1_ACCEPTABLE, "NonCrLfLineTermination"},
          {"GET / HTTP/1.1\r\nHost: a\r\n\n", HTTP1_ACCEPTABLE, "NonCrLfLineTermination"});
}

static void ambiguous_headers(void **state)
{
    (void)state;
    CHECK({GET ": 1\r\n\r\n", HTTP1_AMBIGUOUS, "EmptyHeader"},
          {GET ":X: 1\r\n\r\n", HTTP1_AMBIGUOUS, "EmptyHeader"},
          {POST "Content_Length: 5\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "Content-Length : 5\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "contentlength: 5\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "Transfer--Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "\x01Transfer-Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "Tran\xc5\xbf"
                "fer-Encoding: chunked\r\n\r\n",
           HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "Transfer-Encod\xc4\xb1ng: chunked\r\n\r\n", HTTP1_AMBIGUOUS, "SuspiciousHeader"},
          {POST "Transfer-Encoding1: chunked\r\n\r\n", HTTP1_COMPLIANT, ""},
          {POST "Content-Lengt: 5\r\n\r\n", HTTP1_COMPLIANT, ""},
          {GET "X: 1\r\n 2\r\n\r\n", HTTP1_AMBIGUOUS, "MultilineHeader"},
          {GET "X: 1\r\n\tTransfer-Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS, "MultilineHeader"},
          {"GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n", HTTP1_AMBIGUOUS, "MultilineHeader"},
          {POST "Content-Type: a/b;\r\n c=d\r\n\r\n", HTTP1_COMPLIANT, ""},
          {GET "nocolon\r\n\r\n", HTTP1_AMBIGUOUS, "MissingHeaderColon"},
          {"GET HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_AMBIGUOUS, "MissingUri"},
          {"GET \r\n\r\n", HTTP1_AMBIGUOUS, "MissingUri"},
          {"GET\r\n\r\n", HTTP1_AMBIGUOUS, "MissingUri"},
          {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_AMBIGUOUS, "AmbiguousUri"},
          {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_AMBIGUOUS, "AmbiguousUri"},
          {"GET /a\tHTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_AMBIGUOUS, "AmbiguousUri"},
          {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_COMPLIANT, ""},
          {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_COMPLIANT, ""});
}

static void ambiguous_framing(void **state)
{
    (void)state;
    CHECK({GET "Content-Length: 3\r\n\r\n", HTTP1_AMBIGUOUS, "UndefinedContentLengthSemantics"},
          {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", HTTP1_AMBIGUOUS,
           "UndefinedContentLengthSemantics"},
          {"POST / HTTP/0.9\r\nContent-Length: 3\r\n\r\n", HTTP1_AMBIGUOUS,
           "UndefinedContentLengthSemantics"},
          {"get / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", HTTP1_COMPLIANT, ""},
          {GET "Transfer-Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS,
           "UndefinedTransferEncodingSemantics"},
          {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS,
           "UndefinedTransferEncodingSemantics"},
          {"POST / HTTP/0.9\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_AMBIGUOUS,
           "UndefinedTransferEncodingSemantics"},
          {POST "Content-Length: 5\r\nContent-Length: 05\r\n\r\n", HTTP1_AMBIGUOUS,
           "DuplicateContentLength"},
          {POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", HTTP1_AMBIGUOUS,
           "BothTeClPresent"},
          {POST "Content-Length: 4\r\nTransfer-Encoding: identity\r\n\r\n", HTTP1_AMBIGUOUS,
           "BothTeClPresent"});
}

static void severe(void **state)
{
    (void)state;
    CHECK({GET "X: a\rb\r\n\r\n", HTTP1_SEVERE, "BadHeader"},
          {GET "X\r: a\r\n\r\n", HTTP1_SEVERE, "BadHeader"},
          {GET "X: a\r\r\n\r\n", HTTP1_SEVERE, "BadHeader"},
          {"GET /\rb HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_SEVERE, "BadUri"},
          {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_SEVERE, "BadMethod"},
          {"GET / http/1.1\r\nHost: a\r\n\r\n", HTTP1_SEVERE, "BadVersion"},
          {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", HTTP1_SEVERE, "BadVersion"},
          {POST "Content-Length: 5,5\r\n\r\n", HTTP1_SEVERE, "BadContentLength"},
          {POST "Content-Length: +5\r\n\r\n", HTTP1_SEVERE, "BadContentLength"},
          {POST "Content-Length:\r\n\r\n", HTTP1_SEVERE, "BadContentLength"},
          {POST "Content-Length: 18446744073709551616\r\n\r\n", HTTP1_SEVERE, "BadContentLength"},
          {POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", HTTP1_SEVERE,
           "MultipleContentLength"},
          {POST "Content-Length: 5\r\nContent_Length: 6\r\n\r\n", HTTP1_SEVERE,
           "MultipleContentLength"},
          {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_SEVERE,
           "MultipleTransferEncodingChunked"},
          {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", HTTP1_SEVERE,
           "MultipleTransferEncodingChunked"},
          {POST "Transfer-Encoding: xchunked\r\n\r\n", HTTP1_SEVERE, "BadTransferEncoding"},
          {POST "Transfer-Encoding:\r\n\r\n", HTTP1_SEVERE, "BadTransferEncoding"},
          {POST "Transfer-Encoding: gzip;q=1, chunked ; a=b\r\n\r\n", HTTP1_COMPLIANT, ""},
          {"PRI * HTTP/2.0\r\n\r\n", HTTP1_COMPLIANT, ""});
}

static void nul_bytes_are_severe(void **state)
{
    (void)state;
    static const char in_value[] = GET "X: a\0b\r\n\r\n", in_name[] = GET "X\0: b\r\n\r\n",
                      in_target[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(http1_parse_request(in_value, sizeof in_value - 1, 0, &head),
                     sizeof in_value - 1);
    assert_string_equal(head.classification_reason, "BadHeader");
    http1_parse_request(in_name, sizeof in_name - 1, 0, &head);
    assert_string_equal(head.classification_reason, "BadHeader");
    http1_parse_request(in_target, sizeof in_target - 1, 0, &head);
    assert_string_equal(head.classification_reason, "BadUri");
}

static void the_highest_class_wins_and_in_it_the_first_check(void **state)
{
    (void)state;
    CHECK(
        {"GET /a b HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantHeader"},
        {"GET /a b HTTP/1.2\r\nHost: a\n\r\n", HTTP1_ACCEPTABLE, "NonCrLfLineTermination"},
        {"GET /a b HTTP/1.2\r\nHost: a\r\n\r\n", HTTP1_ACCEPTABLE, "NonCompliantVersion"},
        {"GET /\t HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", HTTP1_AMBIGUOUS,
         "UndefinedContentLengthSemantics"},
        {POST "Content_Length: 4\r\nX: 1\r\n 2\r\n\r\n", HTTP1_AMBIGUOUS, "MultilineHeader"},
        {POST "Content-Length: x\r\nTransfer-Encoding: y\r\n\r\n", HTTP1_SEVERE,
         "BadTransferEncoding"},
        {POST "X: a\rb\r\nTransfer-Encoding: y\r\n\r\n", HTTP1_SEVERE, "BadHeader"},
        {"POST /\r HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: y\r\n\r\n", HTTP1_SEVERE,
         "BadTransferEncoding"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acceptable),
        cmocka_unit_test(ambiguous_headers),
        cmocka_unit_test(ambiguous_framing),
        cmocka_unit_test(severe),
        cmocka_unit_test(nul_bytes_are_severe),
        cmocka_unit_test(the_highest_class_wins_and_in_it_the_first_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
