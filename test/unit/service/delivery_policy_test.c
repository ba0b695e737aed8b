/* Delivery policies: when a delivery is tried again, and what a policy may not say. */
#include "service/sns/delivery_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The delays in seconds, "0 0 20 |": then it is given up. */
static void write_delays(const struct delivery_policy *policy, char out[512])
{
    size_t size = 0;
    int64_t delay_ms;
    for (int number = 1; (delay_ms = delivery_policy_delay_ms(policy, number)) >= 0; number++)
        size += (size_t)snprintf(out + size, 512 - size, "%g ", (double)delay_ms / 1000);
    snprintf(out + size, 512 - size, "|");
}

static void retries_follow_the_policy(void **state)
{
    static const struct {
        const char *retries, *delays;
    } rows[] = {
        {"{}", "20 20 20 |"}, /* AWS's default */
        {"{\"numRetries\": 0}", "|"},
        {"{\"numRetries\":4,\"numNoDelayRetries\":2,\"minDelayTarget\":5}", "0 0 5 20 |"},
        {"{\"numRetries\":5,\"numMinDelayRetries\":2,\"numMaxDelayRetries\":1,"
         "\"minDelayTarget\":1,\"maxDelayTarget\":60}",
         "1 1 1 60 60 |"},
        {"{\"numRetries\":5,\"minDelayTarget\":10,\"maxDelayTarget\":50}", "10 20 30 40 50 |"},
        {"{\"numRetries\":5,\"minDelayTarget\":1,\"maxDelayTarget\":10,"
         "\"backoffFunction\":\"exponential\"}",
         "1 2 4 8 10 |"},
        {"{\"numRetries\":3,\"minDelayTarget\":1,\"maxDelayTarget\":100,"
         "\"backoffFunction\":\"geometric\"}",
         "1 10 100 |"},
        {"{\"numRetries\":3,\"minDelayTarget\":10,\"maxDelayTarget\":50,"
         "\"backoffFunction\":\"arithmetic\"}",
         "10 20 50 |"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], delays[512];
        struct delivery_policy policy;
        struct err err = {0};
        snprintf(text, sizeof text, "{\"healthyRetryPolicy\": %s}", rows[i].retries);
        if (delivery_policy_read_subscription(text, &policy, &err) < 0)
            fail_msg("%s: %s", text, err.text);
        write_delays(&policy, delays);
        assert_string_equal(delays, rows[i].delays);
    }
}

static void a_policy_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "valid JSON"},
        {"[]", "must be a JSON object"},
        {"{\"x\": 1}", "unrecognized property x"},
        {"{\"healthyRetryPolicy\": []}", "must be an object"},
        {"{\"healthyRetryPolicy\": {\"x\": 1}}", "unrecognized property x"},
        {"{\"healthyRetryPolicy\": {\"numRetries\": 101}}", "from 0 to 100"},
        {"{\"healthyRetryPolicy\": {\"numRetries\": \"3\"}}", "whole number"},
        {"{\"healthyRetryPolicy\": {\"minDelayTarget\": 0}}", "from 1 to 3600"},
        {"{\"healthyRetryPolicy\": {\"minDelayTarget\": 30}}", "greater than or equal"},
        {"{\"healthyRetryPolicy\": {\"numNoDelayRetries\": 4}}", "sum of"},
        {"{\"healthyRetryPolicy\": {\"numRetries\": 100, \"minDelayTarget\": 60, "
         "\"maxDelayTarget\": 60}}",
         "3600 seconds in all"},
        {"{\"healthyRetryPolicy\": {\"backoffFunction\": \"cubic\"}}", "backoffFunction"},
        {"{\"throttlePolicy\": {\"maxReceivesPerSecond\": 0}}", "maxReceivesPerSecond"},
        {"{\"throttlePolicy\": {}}", "maxReceivesPerSecond"},
        {"{\"requestPolicy\": {\"headerContentType\": \"text/plain\\r\\nX: y\"}}", "media type"},
        {"{\"requestPolicy\": {\"headerContentType\": \"image/png\"}}", "media type"},
        {"{\"requestPolicy\": {\"headerContentType\": \"text/\"}}", "media type"},
        {"{\"requestPolicy\": {\"headerContentType\": \"text/plain; charset=\"}}", "media type"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delivery_policy policy;
        struct err err = {0};
        if (delivery_policy_read_subscription(rows[i].text, &policy, &err) == 0)
            fail_msg("accepted: %s", rows[i].text);
        assert_string_equal(err.code, "InvalidParameter");
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

static json_t *with_policy(const char *text)
{
    return json_pack("{s:{s:s}}", "_attributes", "DeliveryPolicy", text);
}

static void a_subscriptions_policy_counts_unless_the_topics_is_final(void **state)
{
    struct delivery_policy policy;
    (void)state;
    json_auto_t *topic = with_policy("{\"http\": {\"defaultHealthyRetryPolicy\": {\"numRetries\": "
                                     "7}, \"defaultRequestPolicy\": {\"headerContentType\": "
                                     "\"application/json\"}}}");
    json_auto_t *final = with_policy("{\"http\": {\"defaultHealthyRetryPolicy\": {\"numRetries\": "
                                     "7}, \"disableSubscriptionOverrides\": true}}");
    json_auto_t *own = with_policy("{\"healthyRetryPolicy\": {\"numRetries\": 1}, "
                                   "\"throttlePolicy\": null}");
    delivery_policy_of(topic, NULL, &policy);
    assert_int_equal(policy.retries, 7);
    assert_string_equal(policy.content_type, "application/json");
    delivery_policy_of(topic, own, &policy);
    assert_int_equal(policy.retries, 1);
    delivery_policy_of(final, own, &policy);
    assert_int_equal(policy.retries, 7);
    delivery_policy_of(NULL, NULL, &policy);
    assert_int_equal(policy.retries, 3);
    assert_string_equal(policy.content_type, "text/plain; charset=UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_follow_the_policy),
        cmocka_unit_test(a_policy_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_subscriptions_policy_counts_unless_the_topics_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
