#include "service/elbv2/attributes.h"

#include "service/doc.h"
#include "service/elbv2/operations.h"

#include <stdlib.h>
#include <string.h>

struct attribute {
    const char *key, *initial;
    const char *words;        /* AWS's values, separated by '|'; NULL for numbers and free text */
    int64_t minimum, maximum; /* of a number; both 0 for others */
    const char *works;        /* the values that have their effect here; NULL: all that AWS has */
};

static const char BOOLEAN[] = "true|false";

static const struct attribute load_balancer_attributes[] = {
    {"access_logs.s3.enabled", "false", BOOLEAN, .works = "false"},
    {"access_logs.s3.bucket", "", .works = ""},
    {"access_logs.s3.prefix", "", .works = ""},
    {"idle_timeout.timeout_seconds", "60", NULL, 1, 4000},
    {"deletion_protection.enabled", "false", BOOLEAN},
    {"routing.http2.enabled", "true", BOOLEAN, .works = "true"},
    {"routing.http.drop_invalid_header_fields.enabled", "false", BOOLEAN},
    {"routing.http.xff_client_port.enabled", "false", BOOLEAN},
    {"routing.http.preserve_host_header.enabled", "false", BOOLEAN},
    {"routing.http.xff_header_processing.mode", "append", "append|preserve|remove"},
    {"load_balancing.cross_zone.enabled", "true", BOOLEAN, .works = "true"},
    {"routing.http.desync_mitigation_mode", "defensive", "monitor|defensive|strictest"},
    {"waf.fail_open.enabled", "false", BOOLEAN, .works = "false"},
    {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", BOOLEAN,
     .works = "false"},
    {"connection_logs.s3.enabled", "false", BOOLEAN, .works = "false"},
    {"connection_logs.s3.bucket", "", .works = ""},
    {"connection_logs.s3.prefix", "", .works = ""},
    {"health_check_logs.s3.enabled", "false", BOOLEAN, .works = "false"},
    {"health_check_logs.s3.bucket", "", .works = ""},
    {"health_check_logs.s3.prefix", "", .works = ""},
    {"client_keep_alive.seconds", "3600", NULL, 60, 604800},
    {"ipv6.deny_all_igw_traffic", "false", BOOLEAN, .works = "false"},
    {"zonal_shift.config.enabled", "false", BOOLEAN, .works = "false"},
    {NULL},
};

static const struct attribute target_group_attributes[] = {
    {"deregistration_delay.timeout_seconds", "300", NULL, 0, 3600},
    {"stickiness.enabled", "false", BOOLEAN, .works = "false"},
    {"stickiness.type", "lb_cookie", "lb_cookie|app_cookie", .works = "lb_cookie"},
    {"stickiness.lb_cookie.duration_seconds", "86400", NULL, 1, 604800, "86400"},
    {"stickiness.app_cookie.cookie_name", "", .works = ""},
    {"stickiness.app_cookie.duration_seconds", "86400", NULL, 1, 604800, "86400"},
    {"load_balancing.algorithm.type", "round_robin",
     "round_robin|least_outstanding_requests|weighted_random", .works = "round_robin"},
    {"load_balancing.algorithm.anomaly_mitigation", "off", "on|off", .works = "off"},
    {"slow_start.duration_seconds", "0", NULL, 0, 900, "0"},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
     "true|false|use_load_balancer_configuration", .works = "true|use_load_balancer_configuration"},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1", .works = "1"},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", .works = "off"},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", NULL, 1,
     1000},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", NULL,
     1, 100},
    {NULL},
};

static const struct attribute listener_attributes[] = {
    {"routing.http.response.server.enabled", "true", BOOLEAN, .works = "true"},
    {"routing.http.response.strict_transport_security.header_value", "", .works = ""},
    {"routing.http.response.access_control_allow_origin.header_value", "", .works = ""},
    {"routing.http.response.access_control_allow_methods.header_value", "", .works = ""},
    {"routing.http.response.access_control_allow_headers.header_value", "", .works = ""},
    {"routing.http.response.access_control_allow_credentials.header_value", "", .works = ""},
    {"routing.http.response.access_control_expose_headers.header_value", "", .works = ""},
    {"routing.http.response.access_control_max_age.header_value", "", .works = ""},
    {"routing.http.response.content_security_policy.header_value", "", .works = ""},
    {"routing.http.response.x_content_type_options.header_value", "", .works = ""},
    {"routing.http.response.x_frame_options.header_value", "", .works = ""},
    {NULL},
};

static const struct attribute *const tables[ELB_RESOURCES] = {
    [ELB_LOAD_BALANCER] = load_balancer_attributes,
    [ELB_TARGET_GROUP] = target_group_attributes,
    [ELB_LISTENER] = listener_attributes,
};

json_t *elb_default_attributes(enum elb_resource resource)
{
    json_t *attributes = json_object();
    for (const struct attribute *row = tables[resource]; row->key; row++)
        json_object_set_new(attributes, row->key, json_string(row->initial));
    return attributes;
}

const char *elb_attribute(const json_t *doc, const char *key)
{
    return doc_text(json_object_get(doc, "_attributes"), key);
}

int64_t elb_attribute_number(const json_t *doc, const char *key)
{
    return strtoll(elb_attribute(doc, key), NULL, 10);
}

/* Whether `word` is one of `words`, which are separated by '|'. */
static bool is_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words;; at++) {
        size_t length = strcspn(at, "|");
        if (length == size && !memcmp(at, word, size))
            return true;
        at += length;
        if (!*at)
            return false;
    }
}

static int check_number(const struct attribute *row, const char *value, struct err *err)
{
    char *end;
    long long number = strtoll(value, &end, 10);
    if (*value && !*end && number >= row->minimum && number <= row->maximum)
        return 0;
    return err_aws(err, "ValidationError", "'%s' must be between '%lld' and '%lld' inclusive",
                   row->key, (long long)row->minimum, (long long)row->maximum);
}

static int check_value(const struct attribute *row, const char *value, struct err *err)
{
    if (strcmp(value, row->initial) == 0)
        return 0;
    if (row->maximum > 0 && check_number(row, value, err) < 0)
        return -1;
    if (row->words && !is_word(row->words, value))
        return err_aws(err, "ValidationError", "'%.200s' is not a valid value for '%s'", value,
                       row->key);
    if (row->works && !is_word(row->works, value))
        return err_aws(err, "UnsupportedOperation",
                       "The value '%.200s' of the attribute '%s' is not supported by Pileus yet",
                       value, row->key);
    return 0;
}

static const struct attribute *find_attribute(enum elb_resource resource, const char *key)
{
    for (const struct attribute *row = tables[resource]; row->key; row++)
        if (!strcmp(row->key, key))
            return row;
    return NULL;
}

/* AWS shows attributes as a list of keys and values. */
static json_t *show_attributes(const json_t *doc)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(doc, "_attributes"), key, value)
        json_array_append_new(list, json_pack("{s:s, s:O}", "Key", key, "Value", value));
    return list;
}

static int describe(struct call *call, enum elb_resource resource, const char *arn_member,
                    struct err *err)
{
    const json_t *doc = elb_find(call, resource, doc_text(call->in, arn_member), err);
    if (!doc)
        return -1;
    json_object_set_new(call->out, "Attributes", show_attributes(doc));
    return 0;
}

static int modify(struct call *call, enum elb_resource resource, const char *arn_member,
                  struct err *err)
{
    json_t *doc = elb_edit(call, resource, doc_text(call->in, arn_member), err);
    if (!doc)
        return -1;
    size_t i;
    const json_t *attribute;
    json_array_foreach (json_object_get(call->in, "Attributes"), i, attribute) {
        const char *key = doc_text(attribute, "Key"), *value = doc_text(attribute, "Value");
        const struct attribute *row = find_attribute(resource, key);
        if (!row)
            return err_aws(err, "ValidationError", "Attribute key '%.200s' is not recognized", key);
        if (check_value(row, value, err) < 0)
            return -1;
        json_object_set_new(json_object_get(doc, "_attributes"), key, json_string(value));
    }
    json_object_set_new(call->out, "Attributes", show_attributes(doc));
    return 0;
}

int elb_DescribeLoadBalancerAttributes(struct call *call, struct err *err)
{
    return describe(call, ELB_LOAD_BALANCER, "LoadBalancerArn", err);
}

int elb_ModifyLoadBalancerAttributes(struct call *call, struct err *err)
{
    return modify(call, ELB_LOAD_BALANCER, "LoadBalancerArn", err);
}

int elb_DescribeTargetGroupAttributes(struct call *call, struct err *err)
{
    return describe(call, ELB_TARGET_GROUP, "TargetGroupArn", err);
}

int elb_ModifyTargetGroupAttributes(struct call *call, struct err *err)
{
    return modify(call, ELB_TARGET_GROUP, "TargetGroupArn", err);
}

int elb_DescribeListenerAttributes(struct call *call, struct err *err)
{
    return describe(call, ELB_LISTENER, "ListenerArn", err);
}

int elb_ModifyListenerAttributes(struct call *call, struct err *err)
{
    return modify(call, ELB_LISTENER, "ListenerArn", err);
}
