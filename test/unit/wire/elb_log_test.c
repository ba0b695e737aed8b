/* Lines worked out from AWS's descriptions of the fields, in the shape of its own examples. */
#include "wire/elb_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLICE(text) ((struct slice){"" text, sizeof(text) - 1})

static const uint32_t client = 192u << 24 | 168 << 16 | 131 << 8 | 39;
static const uint32_t target = 10u << 24 | 1;

/* 2018-07-02T22:23:00.186641Z */
static const int64_t at_us = 1530570180186641;

static struct access_log_entry forwarded(void)
{
    return (struct access_log_entry){
        .type = "http",
        .time_us = at_us,
        .load_balancer = "app/my-loadbalancer/50dc6c495c0c9188",
        .client = {client, 2817},
        .target = {target, 80},
        .request_us = 400,
        .target_us = 1499,
        .response_us = 0,
        .elb_status = 200,
        .target_status = 200,
        .received_bytes = 34,
        .sent_bytes = 366,
        .request = SLICE("GET http://www.example.com:80/ HTTP/1.1"),
        .user_agent = SLICE("curl/7.46.0"),
        .target_group = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/"
                        "my-targets/73e2d6bc24d8a067",
        .trace_id = SLICE("Root=1-58337262-36d228ad5d99923122bbe354"),
        .rule_priority = 0,
        .created_us = at_us - 186641,
        .actions = "forward",
        .trace = "TID_1234abcd5678ef90",
    };
}

static void check(const struct access_log_entry *entry, const char *expected)
{
    auto_buf line = {0};
    access_log_append(&line, entry);
    assert_false(line.failed);
    assert_string_equal(line.data, expected);
}

static void a_request_over_http_has_every_field_in_order(void **state)
{
    (void)state;
    struct access_log_entry entry = forwarded();
    check(&entry, "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
                  "192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "
                  "\"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - "
                  "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/"
                  "73e2d6bc24d8a067 \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 "
                  "2018-07-02T22:23:00.000000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" "
                  "\"-\" \"-\" TID_1234abcd5678ef90 \"-\" \"-\" \"-\"\n");
}

static void a_request_over_tls_has_cipher_protocol_name_and_certificate(void **state)
{
    (void)state;
    struct access_log_entry entry = forwarded();
    entry.type = "https";
    entry.cipher = "ECDHE-RSA-AES128-GCM-SHA256";
    entry.protocol = "TLSv1.2";
    entry.domain_name = "www.example.com";
    entry.certificate = "arn:aws:acm:us-east-2:123456789012:certificate/12345678";
    entry.rule_priority = 1;
    entry.target_us = 48 * 1000;
    entry.response_us = 37 * 1000;
    entry.transformed_host = SLICE("m.example.com");
    entry.transformed_uri = SLICE("/x?y=1");
    entry.transform_status = "TransformSuccess";
    check(&entry,
          "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
          "192.168.131.39:2817 10.0.0.1:80 0.000 0.048 0.037 200 200 34 366 "
          "\"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" "
          "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "
          "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/"
          "73e2d6bc24d8a067 \"Root=1-58337262-36d228ad5d99923122bbe354\" \"www.example.com\" "
          "\"arn:aws:acm:us-east-2:123456789012:certificate/12345678\" 1 "
          "2018-07-02T22:23:00.000000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" "
          "\"-\" \"-\" TID_1234abcd5678ef90 \"m.example.com\" \"/x?y=1\" \"TransformSuccess\"\n");
}

static void what_was_not_dispatched_has_minus_one_and_no_target(void **state)
{
    (void)state;
    struct access_log_entry entry = forwarded();
    entry.target.port = 0;
    entry.request_us = entry.target_us = entry.response_us = -1;
    entry.elb_status = 400;
    entry.target_status = 0;
    entry.request = SLICE("- http://my-loadbalancer-1.us-east-2.elb.localhost:80- -");
    entry.user_agent = (struct slice){NULL, 0};
    entry.target_group = NULL;
    entry.rule_priority = ACCESS_LOG_NO_RULE;
    entry.actions = NULL;
    entry.classification = "Severe";
    entry.classification_reason = "BadContentLength";
    check(&entry, "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
                  "192.168.131.39:2817 - -1 -1 -1 400 - 34 366 "
                  "\"- http://my-loadbalancer-1.us-east-2.elb.localhost:80- -\" \"-\" - - - "
                  "\"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" - "
                  "2018-07-02T22:23:00.000000Z \"-\" \"-\" \"-\" \"-\" \"-\" "
                  "\"Severe\" \"BadContentLength\" TID_1234abcd5678ef90 \"-\" \"-\" \"-\"\n");
}

static void no_client_can_forge_a_field_or_a_line(void **state)
{
    (void)state;
    struct access_log_entry entry = forwarded();
    auto_buf line = {0};
    entry.request = SLICE("GET http://a:80/\"%22 HTTP/1.1");
    entry.user_agent = SLICE("x\" 1 \"y\r\nhttp \\\t\x7f\xc3\xa9");
    access_log_append(&line, &entry);
    assert_non_null(strstr(line.data, "\"GET http://a:80/\\x22%22 HTTP/1.1\""));
    assert_non_null(
        strstr(line.data, " \"x\\x22 1 \\x22y\\x0D\\x0Ahttp \\x5C\\x09\\x7F\\xC3\\xA9\" - - "));
    assert_ptr_equal(strchr(line.data, '\n'), line.data + line.size - 1);
}

static void a_user_agent_is_cut_at_8_kib(void **state)
{
    (void)state;
    static char agent[ELB_LOG_USER_AGENT_SIZE_MAX + 100];
    struct access_log_entry entry = forwarded();
    auto_buf short_line = {0}, line = {0};
    memset(agent, 'a', sizeof agent);
    entry.user_agent = (struct slice){agent, ELB_LOG_USER_AGENT_SIZE_MAX};
    access_log_append(&short_line, &entry);
    entry.user_agent.size = sizeof agent;
    access_log_append(&line, &entry);
    assert_string_equal(line.data, short_line.data);
}

static void times_are_rounded_to_milliseconds(void **state)
{
    (void)state;
    struct access_log_entry entry = forwarded();
    auto_buf line = {0};
    entry.request_us = 499;
    entry.target_us = 500;
    entry.response_us = 61234567;
    access_log_append(&line, &entry);
    assert_non_null(strstr(line.data, " 10.0.0.1:80 0.000 0.001 61.235 200 "));
}

static void a_connection_over_tls(void **state)
{
    (void)state;
    auto_buf line = {0};
    char trace[ELB_LOG_TRACE_ID_SIZE];
    elb_log_trace_id(0x3180a73013c8ca4b, 0xac2f731159d4b0fe, trace);
    struct connection_log_entry entry = {.time_us = at_us,
                                         .client = {client, 36280},
                                         .listener_port = 443,
                                         .protocol = "TLSv1.2",
                                         .cipher = "ECDHE-RSA-AES128-GCM-SHA256",
                                         .handshake_us = 4036000,
                                         .verify_status = "Success",
                                         .trace = trace};
    connection_log_append(&line, &entry);
    assert_string_equal(line.data, "2018-07-02T22:23:00.186641Z 192.168.131.39 36280 443 TLSv1.2 "
                                   "ECDHE-RSA-AES128-GCM-SHA256 4.036 \"-\" - - Success "
                                   "TID_3180a73013c8ca4bac2f731159d4b0fe\n");
}

static void a_connection_without_tls(void **state)
{
    (void)state;
    auto_buf line = {0};
    struct connection_log_entry entry = {.time_us = at_us,
                                         .client = {client, 36280},
                                         .listener_port = 80,
                                         .handshake_us = -1,
                                         .trace = "TID_1"};
    connection_log_append(&line, &entry);
    assert_string_equal(line.data, "2018-07-02T22:23:00.186641Z 192.168.131.39 36280 80 - - - "
                                   "\"-\" - - - TID_1\n");
}

/* The examples of AWS's guide. */
static void a_health_check_that_passed(void **state)
{
    (void)state;
    auto_buf line = {0};
    struct health_check_log_entry entry = {.type = "http",
                                           .time_us = at_us,
                                           .latency_us = 19584,
                                           .target = {172u << 24 | 31 << 16 | 20 << 8 | 97, 80},
                                           .target_group = "HCLogsTestIPs",
                                           .status = 200};
    health_check_log_append(&line, &entry);
    assert_string_equal(line.data, "http 2018-07-02T22:23:00.186641Z 0.019584000 172.31.20.97:80 "
                                   "HCLogsTestIPs PASS 200 -\n");
}

static void a_health_check_that_failed(void **state)
{
    (void)state;
    auto_buf line = {0};
    struct health_check_log_entry entry = {.type = "http",
                                           .time_us = at_us,
                                           .latency_us = 1121980,
                                           .target = {172u << 24 | 31 << 16 | 31 << 8 | 9, 80},
                                           .target_group = "HCLogsTestIPs",
                                           .status = 502,
                                           .reason = "TargetError"};
    health_check_log_append(&line, &entry);
    entry.status = -1;
    entry.reason = "TimedOut";
    health_check_log_append(&line, &entry);
    assert_string_equal(line.data, "http 2018-07-02T22:23:00.186641Z 1.121980000 172.31.31.9:80 "
                                   "HCLogsTestIPs FAIL 502 TargetError\n"
                                   "http 2018-07-02T22:23:00.186641Z 1.121980000 172.31.31.9:80 "
                                   "HCLogsTestIPs FAIL - TimedOut\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_over_http_has_every_field_in_order),
        cmocka_unit_test(a_request_over_tls_has_cipher_protocol_name_and_certificate),
        cmocka_unit_test(what_was_not_dispatched_has_minus_one_and_no_target),
        cmocka_unit_test(no_client_can_forge_a_field_or_a_line),
        cmocka_unit_test(a_user_agent_is_cut_at_8_kib),
        cmocka_unit_test(times_are_rounded_to_milliseconds),
        cmocka_unit_test(a_connection_over_tls),
        cmocka_unit_test(a_connection_without_tls),
        cmocka_unit_test(a_health_check_that_passed),
        cmocka_unit_test(a_health_check_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
