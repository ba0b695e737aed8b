#include "wire/elb_attributes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH "target_group_health."
#define DNS    HEALTH "dns_failover.minimum_healthy_targets."
#define ROUTES HEALTH "unhealthy_state_routing.minimum_healthy_targets."

#define REQUEST  "routing.http.request."
#define RESPONSE "routing.http.response."

enum {
    TARGETS_MAX = 1000,
    COOKIE_NAME_SIZE_MAX = 256,
    BUCKET_SIZE_MAX = 63,
    PREFIX_SIZE_MAX = 1024,
    HEADER_NAME_SIZE_MAX = 40,
    HEADER_VALUE_SIZE_MAX = 1024,
};

static const char BOOLEAN[] = "true|false";

const struct elb_attribute elb_load_balancer_attributes[] = {
    {"access_logs.s3.enabled", "false", BOOLEAN},
    {"access_logs.s3.bucket", "", .size_max = BUCKET_SIZE_MAX},
    {"access_logs.s3.prefix", "", .size_max = PREFIX_SIZE_MAX},
    {"connection_logs.s3.enabled", "false", BOOLEAN},
    {"connection_logs.s3.bucket", "", .size_max = BUCKET_SIZE_MAX},
    {"connection_logs.s3.prefix", "", .size_max = PREFIX_SIZE_MAX},
    {"health_check_logs.s3.enabled", "false", BOOLEAN},
    {"health_check_logs.s3.bucket", "", .size_max = BUCKET_SIZE_MAX},
    {"health_check_logs.s3.prefix", "", .size_max = PREFIX_SIZE_MAX},
    {"idle_timeout.timeout_seconds", "60", NULL, 1, 4000},
    {"client_keep_alive.seconds", "3600", NULL, 60, 604800},
    {"deletion_protection.enabled", "false", BOOLEAN},
    {"load_balancing.cross_zone.enabled", "true", "true"},
    {"routing.http.desync_mitigation_mode", "defensive", "monitor|defensive|strictest"},
    {"routing.http.drop_invalid_header_fields.enabled", "false", BOOLEAN},
    {"routing.http.preserve_host_header.enabled", "false", BOOLEAN},
    {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", BOOLEAN},
    {"routing.http.xff_client_port.enabled", "false", BOOLEAN},
    {"routing.http.xff_header_processing.mode", "append", "append|preserve|remove"},
    {"routing.http2.enabled", "true", BOOLEAN},
    {"waf.fail_open.enabled", "false", BOOLEAN, .works = "false"},
    {"ipv6.deny_all_igw_traffic", "false", BOOLEAN, .works = "false"},
    {"zonal_shift.config.enabled", "false", BOOLEAN, .works = "false"},
    {NULL},
};

#define NAME(header)                                                                               \
    {                                                                                              \
        REQUEST header ".header_name", "", .size_max = HEADER_NAME_SIZE_MAX,                       \
                                           .form = ELB_HEADER_NAME                                 \
    }
#define NAME_OF_NOTHING(header)                                                                    \
    {                                                                                              \
        REQUEST header ".header_name", "", .size_max = HEADER_NAME_SIZE_MAX, .works = ""           \
    }
#define VALUE(header)                                                                              \
    {                                                                                              \
        RESPONSE header ".header_value", "", .size_max = HEADER_VALUE_SIZE_MAX,                    \
                                             .form = ELB_HEADER_VALUE                              \
    }

const struct elb_attribute elb_listener_attributes[] = {
    NAME("x_amzn_tls_version"),
    NAME("x_amzn_tls_cipher_suite"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert_serial_number"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert_issuer"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert_subject"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert_validity"),
    NAME_OF_NOTHING("x_amzn_mtls_clientcert_leaf"),
    {RESPONSE "server.enabled", "true", BOOLEAN},
    VALUE("strict_transport_security"),
    VALUE("content_security_policy"),
    {RESPONSE "x_content_type_options.header_value", "", "nosniff"},
    {RESPONSE "x_frame_options.header_value", "", .size_max = HEADER_VALUE_SIZE_MAX,
     .form = ELB_HEADER_VALUE},
    VALUE("access_control_allow_origin"),
    VALUE("access_control_allow_methods"),
    VALUE("access_control_allow_headers"),
    {RESPONSE "access_control_allow_credentials.header_value", "", "true"},
    VALUE("access_control_expose_headers"),
    VALUE("access_control_max_age"),
    {NULL},
};

const struct elb_attribute elb_target_group_attributes[] = {
    {"deregistration_delay.timeout_seconds", "300", NULL, 0, 3600},
    {"stickiness.enabled", "false", BOOLEAN},
    {"stickiness.type", "lb_cookie", "lb_cookie|app_cookie"},
    {"stickiness.lb_cookie.duration_seconds", "86400", NULL, 1, 604800},
    {"stickiness.app_cookie.cookie_name", "", .size_max = COOKIE_NAME_SIZE_MAX},
    {"stickiness.app_cookie.duration_seconds", "86400", NULL, 1, 604800},
    {"load_balancing.algorithm.type", "round_robin",
     "round_robin|least_outstanding_requests|weighted_random"},
    {"load_balancing.algorithm.anomaly_mitigation", "off", "on|off"},
    {"slow_start.duration_seconds", "0", "0", 30, 900},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
     "true|false|use_load_balancer_configuration"},
    {DNS "count", "1", "off", 1, TARGETS_MAX},
    {DNS "percentage", "off", "off", 1, 100},
    {ROUTES "count", "1", NULL, 1, TARGETS_MAX},
    {ROUTES "percentage", "off", "off", 1, 100},
    {NULL},
};

const struct elb_attribute *elb_attribute_find(const struct elb_attribute *table, const char *key)
{
    for (; table->key; table++)
        if (strcmp(table->key, key) == 0)
            return table;
    return NULL;
}

/* The place of `word` in `words`, which are separated by '|'; -1 if it is not there. */
static int find_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    const char *at = words;
    for (int i = 0;; i++, at++) {
        size_t length = strcspn(at, "|");
        if (length == size && memcmp(at, word, size) == 0)
            return i;
        at += length;
        if (!*at)
            return -1;
    }
}

int elb_attribute_word(const struct elb_attribute *attribute, const char *value)
{
    return attribute->words ? find_word(attribute->words, value) : -1;
}

/* What may stand in a header as it is: nothing in it could end the line. */
static bool has_form(const struct elb_attribute *attribute, const char *value)
{
    static const char name[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (attribute->form == ELB_HEADER_NAME)
        return !value[strspn(value, name)];
    for (; attribute->form == ELB_HEADER_VALUE && *value; value++)
        if (*value < ' ' || *value > '~')
            return false;
    return true;
}

static bool is_number(const struct elb_attribute *attribute, const char *value)
{
    enum { DIGITS_MAX = 18 };
    size_t digits = strspn(value, "0123456789");
    if (!digits || digits > DIGITS_MAX || value[digits])
        return false;
    long long number = strtoll(value, NULL, 10);
    return number >= attribute->minimum && number <= attribute->maximum;
}

int elb_attribute_check(const struct elb_attribute *attribute, const char *value, struct err *err)
{
    bool numbers = attribute->maximum > 0, text = !numbers && !attribute->words;
    if (strcmp(value, attribute->initial) == 0 || elb_attribute_word(attribute, value) >= 0 ||
        (numbers && is_number(attribute, value)) ||
        (text && strlen(value) <= attribute->size_max && has_form(attribute, value)))
        return 0;
    if (numbers)
        return err_set(err, "'%s' must be between '%lld' and '%lld' inclusive", attribute->key,
                       (long long)attribute->minimum, (long long)attribute->maximum);
    if (text && strlen(value) > attribute->size_max)
        return err_set(err, "'%s' must have at most %zu characters", attribute->key,
                       attribute->size_max);
    return err_set(err, "'%.200s' is not a valid value for '%s'", value, attribute->key);
}

int elb_attribute_works(const struct elb_attribute *attribute, const char *value, struct err *err)
{
    if (!attribute->works || find_word(attribute->works, value) >= 0)
        return 0;
    return err_set(err, "the value '%.200s' of the attribute '%s' is not supported", value,
                   attribute->key);
}

/* ---- what excludes what ---- */

struct settings {
    elb_attribute_reader *read;
    const void *attributes;
};

static const char *value_of(const struct settings *settings, const char *key)
{
    const char *value = settings->read(settings->attributes, key);
    return value ? value : elb_attribute_find(elb_target_group_attributes, key)->initial;
}

static bool is(const struct settings *settings, const char *key, const char *value)
{
    return strcmp(value_of(settings, key), value) == 0;
}

/* The name of a cookie, in the characters of a token, that is not one of the load balancer's. */
static int check_cookie_name(const char *name, struct err *err)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!*name)
        return err_set(err, "'stickiness.app_cookie.cookie_name' must be specified when the "
                            "stickiness type is 'app_cookie'");
    if (name[strspn(name, token)])
        return err_set(err, "'stickiness.app_cookie.cookie_name' has a character that is not "
                            "valid in the name of a cookie");
    if (strncmp(name, "AWSALB", 6) == 0)
        return err_set(err, "'stickiness.app_cookie.cookie_name' must not begin with AWSALB, "
                            "AWSALBAPP or AWSALBTG");
    return 0;
}

static int check_stickiness(const struct settings *settings, struct err *err)
{
    if (*value_of(settings, "stickiness.app_cookie.cookie_name") &&
        check_cookie_name(value_of(settings, "stickiness.app_cookie.cookie_name"), err) < 0)
        return -1;
    if (!is(settings, "stickiness.enabled", "true"))
        return 0;
    if (is(settings, "load_balancing.cross_zone.enabled", "false"))
        return err_set(err, "stickiness is not supported when cross-zone load balancing is off");
    if (is(settings, "stickiness.type", "app_cookie"))
        return check_cookie_name(value_of(settings, "stickiness.app_cookie.cookie_name"), err);
    return 0;
}

static int check_algorithm(const struct settings *settings, struct err *err)
{
    const char *algorithm = value_of(settings, "load_balancing.algorithm.type");
    bool slow_start = !is(settings, "slow_start.duration_seconds", "0");
    if (slow_start && strcmp(algorithm, "round_robin") != 0)
        return err_set(err, "slow start is not supported with the load balancing algorithm '%s'",
                       algorithm);
    if (is(settings, "load_balancing.algorithm.anomaly_mitigation", "on") &&
        strcmp(algorithm, "weighted_random") != 0)
        return err_set(err, "anomaly mitigation requires the load balancing algorithm "
                            "'weighted_random'");
    return 0;
}

/* A zone leaves DNS no later than its requests go to unhealthy targets. */
static int check_threshold(const struct settings *settings, const char *dns_key,
                           const char *routing_key, struct err *err)
{
    const char *dns = value_of(settings, dns_key), *routing = value_of(settings, routing_key);
    bool off = strcmp(dns, "off") == 0 || strcmp(routing, "off") == 0;
    if (!off && strtoll(dns, NULL, 10) < strtoll(routing, NULL, 10))
        return err_set(err, "'%s' must be greater than or equal to '%s'", dns_key, routing_key);
    return 0;
}

int elb_target_group_check(elb_attribute_reader *read, const void *attributes, struct err *err)
{
    const struct settings settings = {read, attributes};
    if (check_stickiness(&settings, err) < 0 || check_algorithm(&settings, err) < 0 ||
        check_threshold(&settings, DNS "count", ROUTES "count", err) < 0 ||
        check_threshold(&settings, DNS "percentage", ROUTES "percentage", err) < 0)
        return -1;
    return 0;
}
