#include "service/elbv2/attributes.h"

#include "service/doc.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/log_attributes.h"
#include "service/elbv2/operations.h"
#include "wire/elb_attributes.h"

#include <stdlib.h>
#include <string.h>

static const struct elb_attribute *const tables[ELB_RESOURCES] = {
    [ELB_LOAD_BALANCER] = elb_load_balancer_attributes,
    [ELB_TARGET_GROUP] = elb_target_group_attributes,
    [ELB_LISTENER] = elb_listener_attributes,
};

json_t *elb_default_attributes(enum elb_resource resource)
{
    json_t *attributes = json_object();
    for (const struct elb_attribute *row = tables[resource]; row->key; row++)
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

static int check_value(const struct elb_attribute *row, const char *value, struct err *err)
{
    if (elb_attribute_check(row, value, err) < 0)
        return elb_invalid(err);
    if (elb_attribute_works(row, value, err) == 0)
        return 0;
    struct err cause = *err;
    return err_aws(err, "UnsupportedOperation", "%s", cause.text);
}

/* AWS shows attributes as a list of keys and values. A document may be older than a key. */
static json_t *show_attributes(enum elb_resource resource, const json_t *doc)
{
    const json_t *attributes = json_object_get(doc, "_attributes");
    json_t *list = json_array();
    for (const struct elb_attribute *row = tables[resource]; row->key; row++) {
        const char *value = json_string_value(json_object_get(attributes, row->key));
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "Key", row->key, "Value", value ? value : row->initial));
    }
    return list;
}

static int describe(struct call *call, enum elb_resource resource, const char *arn_member,
                    struct err *err)
{
    const json_t *doc = elb_find(call, resource, doc_text(call->in, arn_member), err);
    if (!doc)
        return -1;
    json_object_set_new(call->out, "Attributes", show_attributes(resource, doc));
    return 0;
}

static const char *read_attribute(const void *attributes, const char *key)
{
    return json_string_value(json_object_get(attributes, key));
}

/* What the attributes of a target group, as they are going to be, exclude. */
static int check_group(const struct call *call, const json_t *group, struct err *err)
{
    if (elb_target_group_check(read_attribute, json_object_get(group, "_attributes"), err) < 0) {
        struct err cause = *err;
        return err_aws(err, "InvalidConfigurationRequest", "%s", cause.text);
    }
    return elb_check_sticky_group(call, group, err);
}

static int set_attribute(enum elb_resource resource, json_t *doc, const json_t *attribute,
                         struct err *err)
{
    const char *key = doc_text(attribute, "Key"), *value = doc_text(attribute, "Value");
    const struct elb_attribute *row = elb_attribute_find(tables[resource], key);
    if (!row)
        return err_aws(err, "ValidationError", "Attribute key '%.200s' is not recognized", key);
    if (check_value(row, value, err) < 0)
        return -1;
    if (strncmp(key, "routing.http.request.", 21) == 0 && strcmp(value, row->initial) != 0 &&
        !doc_is(doc, "Protocol", "HTTPS"))
        return err_aws(err, "InvalidConfigurationRequest",
                       "The attribute '%s' is only supported on listeners with the protocol "
                       "'HTTPS'",
                       key);
    return json_object_set_new(json_object_get(doc, "_attributes"), key, json_string(value));
}

static int modify(struct call *call, enum elb_resource resource, const char *arn_member,
                  struct err *err)
{
    json_t *doc = elb_edit(call, resource, doc_text(call->in, arn_member), err);
    if (!doc)
        return -1;
    size_t i;
    const json_t *attribute;
    json_array_foreach (json_object_get(call->in, "Attributes"), i, attribute)
        if (set_attribute(resource, doc, attribute, err) < 0)
            return -1;
    if (resource == ELB_TARGET_GROUP && check_group(call, doc, err) < 0)
        return -1;
    if (resource == ELB_LOAD_BALANCER &&
        elb_check_log_attributes(json_object_get(doc, "_attributes"), err) < 0)
        return -1;
    json_object_set_new(call->out, "Attributes", show_attributes(resource, doc));
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
