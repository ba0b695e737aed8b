/* Security Token Service: sessions, how long they are, and how many. */
#include "base/cleanup.h"
#include "service/sts/credentials.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static json_int_t seconds_of_session(struct service_fixture *fixture, const char *in)
{
    json_auto_t *out = fixture_ok(fixture, "sts", "GetSessionToken", "%s", in);
    return json_integer_value(fixture_at(out, "Credentials.Expiration")) - fixture->real_ms / 1000;
}

static void a_session_of_root_lasts_an_hour_at_most(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    fixture->now_ms += 100000; /* the cloud's clock has no say */
    assert_int_equal(seconds_of_session(fixture, "{}"), 3600);
    assert_int_equal(seconds_of_session(fixture, "{'DurationSeconds': 900}"), 900);
    assert_int_equal(seconds_of_session(fixture, "{'DurationSeconds': 129600}"), 3600);
    fixture_fails(fixture, "ValidationError", "sts", "GetSessionToken", "{'DurationSeconds': 899}");
    fixture_destroy(fixture);
}

static void a_token_is_as_large_as_was_asked_for(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *large = fixture_ok(fixture, "sts", "GetSessionToken",
                                    "{'MinimumSessionTokenSize': %d}", STS_TOKEN_SIZE_MAX);
    assert_int_equal(strlen(fixture_text(large, "Credentials.SessionToken")), STS_TOKEN_SIZE_MAX);
    json_auto_t *small =
        fixture_ok(fixture, "sts", "GetSessionToken", "{'MinimumSessionTokenSize': 1}");
    assert_true(strlen(fixture_text(small, "Credentials.SessionToken")) > 100);
    fixture_destroy(fixture);
}

static void nobody_has_a_device_for_a_second_factor(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    fixture_fails(fixture, "AccessDenied", "sts", "GetSessionToken",
                  "{'SerialNumber': 'arn:aws:iam::000000000000:mfa/me', 'TokenCode': '123456'}");
    fixture_destroy(fixture);
}

static void an_access_key_tells_its_account(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *session = fixture_ok(fixture, "sts", "GetSessionToken", "{}");
    json_auto_t *own =
        fixture_ok(fixture, "sts", "GetAccessKeyInfo", "{'AccessKeyId': '%s'}",
                   json_string_value(fixture_at(session, "Credentials.AccessKeyId")));
    assert_string_equal(fixture_text(own, "Account"), "000000000000");
    /* One that AWS's documentation shows. */
    json_auto_t *other =
        fixture_ok(fixture, "sts", "GetAccessKeyInfo", "{'AccessKeyId': 'ASIAQNZGKIQY56JQ7WML'}");
    assert_string_equal(fixture_text(other, "Account"), "029608264753");
    const char *const bad[] = {"ASIAQNZGKIQY56JQ7WM1", "ASIAQNZGKIQY56JQ7WMLA",
                               "AROAQNZGKIQY56JQ7WML"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(fixture, "ValidationError", "sts", "GetAccessKeyInfo",
                      "{'AccessKeyId': '%s'}", bad[i]);
    fixture_destroy(fixture);
}

static void sessions_are_limited_and_expired_ones_make_room(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    for (int i = 0; i < STS_CREDENTIALS_MAX; i++)
        json_decref(fixture_ok(fixture, "sts", "GetSessionToken", "{'DurationSeconds': %d}",
                               i % 2 ? 900 : 3600));
    fixture_fails(fixture, "Throttling", "sts", "GetSessionToken", "{}");
    fixture->real_ms += 900 * 1000;
    json_decref(fixture_ok(fixture, "sts", "GetSessionToken", "{}"));
    assert_int_equal(store_count(fixture->store, "temporary-credentials", ""),
                     STS_CREDENTIALS_MAX / 2 + 1);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_of_root_lasts_an_hour_at_most),
        cmocka_unit_test(a_token_is_as_large_as_was_asked_for),
        cmocka_unit_test(nobody_has_a_device_for_a_second_factor),
        cmocka_unit_test(an_access_key_tells_its_account),
        cmocka_unit_test(sessions_are_limited_and_expired_ones_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
