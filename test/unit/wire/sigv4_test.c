/* The example that AWS documents ("ListUsers" of 2015-08-30), and what must not pass. */
#include "wire/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

#define HEADER(name, value)                                                                        \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

static const char documented[] =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date, "
    "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

static struct http1_header headers[] = {
    HEADER("Host", "iam.amazonaws.com"),
    HEADER("Content-Type", "application/x-www-form-urlencoded;   charset=utf-8"),
    HEADER("X-Amz-Date", "20150830T123600Z"),
    {{"Authorization", 13}, {documented, sizeof(documented) - 1}},
};

static struct sigv4_request documented_request(void)
{
    return (struct sigv4_request){.method = slice_of("GET"),
                                  .path = slice_of("/"),
                                  .query = slice_of("Version=2010-05-08&Action=ListUsers"),
                                  .headers = headers,
                                  .header_count = 4,
                                  .body = slice_of("")};
}

static void the_documented_example_verifies(void **state)
{
    (void)state;
    struct sigv4_claim claim;
    struct err err;
    const struct sigv4_request request = documented_request();
    assert_int_equal(sigv4_read(&request, &claim, &err), 1);
    assert_string_equal(claim.access_key, "AKIDEXAMPLE");
    assert_string_equal(claim.service, "iam");
    assert_int_equal(claim.time_s, 1440938160);
    assert_true(sigv4_verify(&request, &claim, secret));
    assert_false(sigv4_verify(&request, &claim, "another"));
}

static void any_change_breaks_the_signature(void **state)
{
    (void)state;
    struct sigv4_claim claim;
    struct err err;
    struct sigv4_request request = documented_request();
    sigv4_read(&request, &claim, &err);
    request.body = slice_of("x");
    assert_false(sigv4_verify(&request, &claim, secret));
    request = documented_request();
    request.query = slice_of("Version=2010-05-08&Action=DeleteUsers");
    assert_false(sigv4_verify(&request, &claim, secret));
    request = documented_request();
    request.path = slice_of("/x");
    assert_false(sigv4_verify(&request, &claim, secret));
}

static void host_and_date_must_be_signed(void **state)
{
    (void)state;
    struct sigv4_claim claim;
    struct err err;
    const struct sigv4_request request = documented_request();
    sigv4_read(&request, &claim, &err);
    snprintf(claim.signed_headers, sizeof(claim.signed_headers), "x-amz-date");
    sigv4_sign(&request, &claim, secret, claim.signature);
    assert_false(sigv4_verify(&request, &claim, secret));
}

static void presigned_queries_verify(void **state)
{
    (void)state;
    struct sigv4_claim claim = {.presigned = true,
                                .date = "20150830",
                                .region = "us-east-1",
                                .service = "sts",
                                .timestamp = "20150830T123600Z",
                                .signed_headers = "host"};
    struct sigv4_request request = documented_request();
    struct err err;
    char query[512], signature[65];
    request.header_count = 1;
    snprintf(query, sizeof(query),
             "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
             "AKID%%2F20150830%%2Fus-east-1%%2Fsts%%2Faws4_request&X-Amz-Date=20150830T123600Z&"
             "X-Amz-Expires=60&X-Amz-SignedHeaders=host");
    request.query = slice_of(query);
    sigv4_sign(&request, &claim, secret, signature);
    snprintf(query + strlen(query), sizeof(query) - strlen(query), "&X-Amz-Signature=%s",
             signature);
    request.query = slice_of(query);
    assert_int_equal(sigv4_read(&request, &claim, &err), 1);
    assert_true(claim.presigned);
    assert_int_equal(claim.expires_s, 60);
    assert_true(sigv4_verify(&request, &claim, secret));
    query[7] = 'X';
    assert_false(sigv4_verify(&request, &claim, secret));
}

static void paths_are_normalised_and_coded_twice(void **state)
{
    (void)state;
    struct sigv4_request request = documented_request();
    const struct sigv4_claim claim = {.signed_headers = "host"};
    const char *const paths[][2] = {{"/a/./b/../c", "GET\n/a/c\n"},
                                    {"/../..", "GET\n/\n"},
                                    {"/a%20b/", "GET\n/a%2520b/\n"},
                                    {"", "GET\n/\n"}};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        auto_buf canonical = {0};
        request.path = slice_of(paths[i][0]);
        sigv4_canonical_request(&request, &claim, &canonical);
        assert_memory_equal(canonical.data, paths[i][1], strlen(paths[i][1]));
    }
}

static void incomplete_claims_are_refused(void **state)
{
    (void)state;
    const char *const broken[] = {
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20160830/r/s/aws4_request, SignedHeaders=host, Signature=x",
        "Bearer x",
        "AWS4-HMAC-SHA256 ",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct sigv4_claim claim;
        struct err err;
        struct http1_header some[4];
        memcpy(some, headers, sizeof(some));
        some[3].value = slice_of(broken[i]);
        struct sigv4_request request = documented_request();
        request.headers = some;
        assert_int_equal(sigv4_read(&request, &claim, &err), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example_verifies),
        cmocka_unit_test(any_change_breaks_the_signature),
        cmocka_unit_test(host_and_date_must_be_signed),
        cmocka_unit_test(presigned_queries_verify),
        cmocka_unit_test(paths_are_normalised_and_coded_twice),
        cmocka_unit_test(incomplete_claims_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
