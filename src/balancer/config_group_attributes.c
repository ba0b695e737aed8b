/* The attributes of a target group: checked by wire's table, and read into what the data path is.
 */
#include "balancer/config_attributes.h"
#include "wire/elb_attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS    "target_group_health.dns_failover.minimum_healthy_targets."
#define ROUTES "target_group_health.unhealthy_state_routing.minimum_healthy_targets."

/* The value as the API writes it: everything is a string there. NULL if it cannot be one. */
static json_t *text_of(const json_t *value)
{
    if (json_is_string(value))
        return json_string(json_string_value(value));
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    return json_is_integer(value) ? json_sprintf("%lld", (long long)json_integer_value(value))
                                  : NULL;
}

/* A copy in which each key is known and each value a string that AWS would take. */
static int check_each(const json_t *object, json_t *texts, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const struct elb_attribute *attribute =
            elb_attribute_find(elb_target_group_attributes, key);
        json_auto_t *text = text_of(value);
        if (!attribute)
            return err_set(err, "the attribute '%s' is not supported", key);
        if (!text)
            return err_set(err, "the value of %s is not valid", key);
        if (elb_attribute_check(attribute, json_string_value(text), err) < 0)
            return -1;
        json_object_set(texts, key, text);
    }
    return 0;
}

static const char *read_text(const void *texts, const char *key)
{
    return json_string_value(json_object_get(texts, key));
}

static const char *value_of(const json_t *texts, const char *key)
{
    const char *value = read_text(texts, key);
    return value ? value : elb_attribute_find(elb_target_group_attributes, key)->initial;
}

static bool is(const json_t *texts, const char *key, const char *value)
{
    return strcmp(value_of(texts, key), value) == 0;
}

/* A number; 0 for "off". */
static int number_of(const json_t *texts, const char *key)
{
    return (int)strtol(value_of(texts, key), NULL, 10);
}

static enum algorithm algorithm_of(const json_t *texts)
{
    static const char *const names[] = {
        [ALGORITHM_ROUND_ROBIN] = "round_robin",
        [ALGORITHM_LEAST_OUTSTANDING] = "least_outstanding_requests",
        [ALGORITHM_WEIGHTED_RANDOM] = "weighted_random",
    };
    int found = ALGORITHM_WEIGHTED_RANDOM;
    while (found > 0 && !is(texts, "load_balancing.algorithm.type", names[found]))
        found--;
    return (enum algorithm)found;
}

static void read_stickiness(const json_t *texts, struct group_attributes *out)
{
    bool app = is(texts, "stickiness.type", "app_cookie");
    if (!is(texts, "stickiness.enabled", "true"))
        return;
    out->stickiness = app ? STICKINESS_APP_COOKIE : STICKINESS_LB_COOKIE;
    out->stickiness_s = number_of(texts, app ? "stickiness.app_cookie.duration_seconds"
                                             : "stickiness.lb_cookie.duration_seconds");
    snprintf(out->app_cookie, sizeof out->app_cookie, "%s",
             value_of(texts, "stickiness.app_cookie.cookie_name"));
}

int attributes_load_group(const json_t *object, struct group_attributes *out, struct err *err)
{
    json_auto_t *texts = json_object();
    if (object && !json_is_object(object))
        return err_set(err, "Attributes must be an object");
    if (check_each(object, texts, err) < 0 || elb_target_group_check(read_text, texts, err) < 0)
        return -1;
    *out = (struct group_attributes){
        .algorithm = algorithm_of(texts),
        .mitigates_anomalies = is(texts, "load_balancing.algorithm.anomaly_mitigation", "on"),
        .slow_start_ms = number_of(texts, "slow_start.duration_seconds") * (int64_t)1000,
        .deregistration_delay_ms =
            number_of(texts, "deregistration_delay.timeout_seconds") * (int64_t)1000,
        .routing = {number_of(texts, ROUTES "count"), number_of(texts, ROUTES "percentage")},
        .dns = {number_of(texts, DNS "count"), number_of(texts, DNS "percentage")},
        .own_zone_only = is(texts, "load_balancing.cross_zone.enabled", "false"),
    };
    read_stickiness(texts, out);
    return 0;
}
