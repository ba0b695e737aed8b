#include "wire/elb_attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int check(const char *key, const char *value)
{
    struct err err;
    return elb_attribute_check(elb_attribute_find(elb_target_group_attributes, key), value, &err);
}

static void each_default_is_valid(void **state)
{
    (void)state;
    for (const struct elb_attribute *row = elb_target_group_attributes; row->key; row++)
        assert_return_code(check(row->key, row->initial), 0);
}

static void values_keep_to_words_and_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int result;
    } rows[] = {
        {"deregistration_delay.timeout_seconds", "0", 0},
        {"deregistration_delay.timeout_seconds", "3600", 0},
        {"deregistration_delay.timeout_seconds", "3601", -1},
        {"deregistration_delay.timeout_seconds", "-1", -1},
        {"deregistration_delay.timeout_seconds", "", -1},
        {"deregistration_delay.timeout_seconds", "1e3", -1},
        {"deregistration_delay.timeout_seconds", "99999999999999999999999", -1},
        {"stickiness.enabled", "true", 0},
        {"stickiness.enabled", "True", -1},
        {"stickiness.type", "source_ip", -1},
        {"stickiness.type", "app_cookie", 0},
        {"stickiness.lb_cookie.duration_seconds", "0", -1},
        {"stickiness.lb_cookie.duration_seconds", "604800", 0},
        {"stickiness.lb_cookie.duration_seconds", "604801", -1},
        {"stickiness.app_cookie.duration_seconds", "1", 0},
        {"load_balancing.algorithm.type", "least_outstanding_requests", 0},
        {"load_balancing.algorithm.type", "weighted_random", 0},
        {"load_balancing.algorithm.type", "random", -1},
        {"slow_start.duration_seconds", "0", 0},
        {"slow_start.duration_seconds", "1", -1},
        {"slow_start.duration_seconds", "29", -1},
        {"slow_start.duration_seconds", "30", 0},
        {"slow_start.duration_seconds", "900", 0},
        {"slow_start.duration_seconds", "901", -1},
        {"load_balancing.cross_zone.enabled", "false", 0},
        {"target_group_health.dns_failover.minimum_healthy_targets.count", "off", 0},
        {"target_group_health.dns_failover.minimum_healthy_targets.count", "0", -1},
        {"target_group_health.dns_failover.minimum_healthy_targets.count", "1000", 0},
        {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "101", -1},
        {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "off", -1},
        {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "2", 0},
        {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off",
         0},
        {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "100",
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(check(rows[i].key, rows[i].value), rows[i].result);
}

static void all_of_aws_values_are_valid_and_those_that_act_work(void **state)
{
    (void)state;
    enum { VALID_ONLY = 0, WORKS = 1, INVALID = -1 };
    static const struct {
        const char *key, *value;
        int result;
    } rows[] = {
        {"idle_timeout.timeout_seconds", "4000", WORKS},
        {"idle_timeout.timeout_seconds", "4001", INVALID},
        {"client_keep_alive.seconds", "60", WORKS},
        {"client_keep_alive.seconds", "59", INVALID},
        {"routing.http.desync_mitigation_mode", "strictest", WORKS},
        {"routing.http.xff_header_processing.mode", "remove", WORKS},
        {"routing.http2.enabled", "false", WORKS},
        {"load_balancing.cross_zone.enabled", "false", INVALID},
        {"deletion_protection.enabled", "true", WORKS},
        {"health_check_logs.s3.enabled", "true", WORKS},
        {"waf.fail_open.enabled", "true", VALID_ONLY},
        {"zonal_shift.config.enabled", "true", VALID_ONLY},
        {"ipv6.deny_all_igw_traffic", "true", VALID_ONLY},
        {"routing.http.response.server.enabled", "false", WORKS},
        {"routing.http.response.x_frame_options.header_value", "DENY", WORKS},
        {"routing.http.response.x_content_type_options.header_value", "nosniff", WORKS},
        {"routing.http.response.x_content_type_options.header_value", "x", INVALID},
        {"routing.http.response.content_security_policy.header_value", "a\r\nb: c", INVALID},
        {"routing.http.response.access_control_max_age.header_value", "a\x7f", INVALID},
        {"routing.http.request.x_amzn_tls_version.header_name", "My-Name_1", WORKS},
        {"routing.http.request.x_amzn_tls_version.header_name", "a b", INVALID},
        {"routing.http.request.x_amzn_mtls_clientcert.header_name", "A", VALID_ONLY},
    };
    struct err err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct elb_attribute *row =
            elb_attribute_find(elb_load_balancer_attributes, rows[i].key);
        if (!row)
            row = elb_attribute_find(elb_listener_attributes, rows[i].key);
        int result = elb_attribute_check(row, rows[i].value, &err) < 0   ? INVALID
                     : elb_attribute_works(row, rows[i].value, &err) < 0 ? VALID_ONLY
                                                                         : WORKS;
        if (result != rows[i].result)
            fail_msg("%s: '%s' is %d", rows[i].key, rows[i].value, result);
    }
}

static void each_default_of_load_balancers_and_listeners_works(void **state)
{
    (void)state;
    static const struct elb_attribute *const tables[] = {elb_load_balancer_attributes,
                                                         elb_listener_attributes};
    struct err err;
    for (int i = 0; i < 2; i++)
        for (const struct elb_attribute *row = tables[i]; row->key; row++) {
            assert_return_code(elb_attribute_check(row, row->initial, &err), 0);
            assert_return_code(elb_attribute_works(row, row->initial, &err), 0);
        }
}

static void attributes_of_lambda_and_network_groups_are_not_known(void **state)
{
    (void)state;
    assert_null(
        elb_attribute_find(elb_target_group_attributes, "lambda.multi_value_headers.enabled"));
    assert_null(elb_attribute_find(elb_target_group_attributes, "preserve_client_ip.enabled"));
}

/* Pairs of keys and values, ended by NULL. */
static const char *read_pairs(const void *attributes, const char *key)
{
    for (const char *const *pair = attributes; *pair; pair += 2)
        if (strcmp(pair[0], key) == 0)
            return pair[1];
    return NULL;
}

static int check_group(const char *const *pairs)
{
    struct err err;
    return elb_target_group_check(read_pairs, pairs, &err);
}
#define GROUP(...) check_group((const char *const[]){__VA_ARGS__, NULL})

#define ALGORITHM "load_balancing.algorithm.type"
#define DNS       "target_group_health.dns_failover.minimum_healthy_targets."
#define ROUTES    "target_group_health.unhealthy_state_routing.minimum_healthy_targets."

static void slow_start_goes_with_round_robin_only(void **state)
{
    (void)state;
    assert_return_code(GROUP("slow_start.duration_seconds", "30"), 0);
    assert_int_equal(
        GROUP("slow_start.duration_seconds", "30", ALGORITHM, "least_outstanding_requests"), -1);
    assert_int_equal(GROUP("slow_start.duration_seconds", "30", ALGORITHM, "weighted_random"), -1);
    assert_return_code(GROUP(ALGORITHM, "weighted_random"), 0);
}

static void anomaly_mitigation_goes_with_weighted_random_only(void **state)
{
    (void)state;
    const char *key = "load_balancing.algorithm.anomaly_mitigation";
    assert_int_equal(GROUP(key, "on"), -1);
    assert_int_equal(GROUP(key, "on", ALGORITHM, "least_outstanding_requests"), -1);
    assert_return_code(GROUP(key, "on", ALGORITHM, "weighted_random"), 0);
}

static void stickiness_needs_all_zones_and_an_own_cookie(void **state)
{
    (void)state;
    const char *zones = "load_balancing.cross_zone.enabled";
    const char *name = "stickiness.app_cookie.cookie_name";
    assert_return_code(GROUP("stickiness.enabled", "true"), 0);
    assert_int_equal(GROUP("stickiness.enabled", "true", zones, "false"), -1);
    assert_return_code(GROUP(zones, "false"), 0);
    assert_return_code(GROUP("stickiness.type", "app_cookie"), 0);
    assert_int_equal(GROUP("stickiness.type", "app_cookie", "stickiness.enabled", "true"), -1);
    assert_return_code(
        GROUP("stickiness.type", "app_cookie", "stickiness.enabled", "true", name, "JSESSIONID"),
        0);
    assert_int_equal(GROUP(name, "AWSALB"), -1);
    assert_int_equal(GROUP(name, "AWSALBAPP-7"), -1);
    assert_int_equal(GROUP(name, "AWSALBTGX"), -1);
    assert_int_equal(GROUP(name, "a=b"), -1);
    assert_int_equal(GROUP(name, "a;b"), -1);
}

static void a_zone_leaves_dns_before_its_routing_fails_open(void **state)
{
    (void)state;
    assert_int_equal(GROUP(ROUTES "count", "2"), -1);
    assert_return_code(GROUP(ROUTES "count", "2", DNS "count", "2"), 0);
    assert_return_code(GROUP(ROUTES "count", "2", DNS "count", "off"), 0);
    assert_int_equal(GROUP(ROUTES "percentage", "50", DNS "percentage", "49"), -1);
    assert_return_code(GROUP(ROUTES "percentage", "50", DNS "percentage", "50"), 0);
    assert_return_code(GROUP(ROUTES "percentage", "50"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_default_is_valid),
        cmocka_unit_test(values_keep_to_words_and_ranges),
        cmocka_unit_test(all_of_aws_values_are_valid_and_those_that_act_work),
        cmocka_unit_test(each_default_of_load_balancers_and_listeners_works),
        cmocka_unit_test(attributes_of_lambda_and_network_groups_are_not_known),
        cmocka_unit_test(slow_start_goes_with_round_robin_only),
        cmocka_unit_test(anomaly_mitigation_goes_with_weighted_random_only),
        cmocka_unit_test(stickiness_needs_all_zones_and_an_own_cookie),
        cmocka_unit_test(a_zone_leaves_dns_before_its_routing_fails_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
