#include "service/elbv2/actions.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/usage.h"
#include "wire/rule_pattern.h"

#include <string.h>

/* ---- forward ---- */

/* What wire/ has against an action. */
static int invalid_action(struct err *err)
{
    struct err cause = *err;
    return err_aws(err, "InvalidLoadBalancerAction", "%s", cause.text);
}

static int check_group(const struct call *call, const json_t *listener, const char *arn,
                       struct err *err)
{
    const json_t *group = elb_find(call, ELB_TARGET_GROUP, arn, err);
    const char *load_balancer_arn = doc_text(listener, "LoadBalancerArn");
    const json_t *load_balancer =
        group ? elb_find(call, ELB_LOAD_BALANCER, load_balancer_arn, err) : NULL;
    if (!load_balancer)
        return -1;
    if (!doc_is(group, "VpcId", doc_text(load_balancer, "VpcId")))
        return err_aws(err, "InvalidConfigurationRequest",
                       "The target group '%s' must be in the VPC '%s' of the load balancer", arn,
                       doc_text(load_balancer, "VpcId"));
    const char *user = elb_user_of(call->store, call->region, arn);
    if (user && strcmp(user, load_balancer_arn) != 0)
        return err_aws(err, "TargetGroupAssociationLimit",
                       "The following target groups cannot be associated with more than one load "
                       "balancer: %s",
                       arn);
    return rule_check_version(doc_text(group, "ProtocolVersion"),
                              doc_is(listener, "Protocol", "HTTPS"), err) < 0
               ? invalid_action(err)
               : 0;
}

/* One target group of a forward action with its weight: a new object; NULL and err if wrong. */
static json_t *weighted_group(const struct call *call, const json_t *listener, const json_t *group,
                              struct err *err)
{
    const char *arn = doc_text(group, "TargetGroupArn");
    if (check_group(call, listener, arn, err) < 0)
        return NULL;
    int64_t weight = json_object_get(group, "Weight") ? doc_number(group, "Weight") : 1;
    if (weight < 0 || weight > 999) {
        err_aws(err, "ValidationError",
                "The weight of a target group must be between '0' and '999' inclusive");
        return NULL;
    }
    return json_pack("{s:s, s:I}", "TargetGroupArn", arn, "Weight", (json_int_t)weight);
}

static bool has_group(const json_t *groups, const char *arn)
{
    size_t i;
    const json_t *group;
    json_array_foreach (groups, i, group)
        if (doc_is(group, "TargetGroupArn", arn))
            return true;
    return false;
}

static int fill_groups(const struct call *call, const json_t *listener, const json_t *asked,
                       json_t *groups, struct err *err)
{
    size_t i;
    const json_t *group;
    json_array_foreach (asked, i, group) {
        if (json_array_size(groups) == ELB_TARGET_GROUPS_PER_ACTION_MAX)
            return err_aws(err, "TooManyTargetGroups",
                           "An action can have at most '%d' target groups",
                           ELB_TARGET_GROUPS_PER_ACTION_MAX);
        if (has_group(groups, doc_text(group, "TargetGroupArn")))
            return err_aws(err, "ValidationError",
                           "The target groups of an action must be different");
        json_t *weighted = weighted_group(call, listener, group, err);
        if (!weighted)
            return -1;
        json_array_append_new(groups, weighted);
    }
    return 0;
}

/* The stickiness of an action as AWS shows it: a new object; NULL and err if it is wrong. */
static json_t *group_stickiness(const json_t *config, struct err *err)
{
    const json_t *duration = json_object_get(config, "DurationSeconds");
    int64_t seconds = json_integer_value(duration);
    if (call_accept(config, "Enabled DurationSeconds", err) < 0)
        return NULL;
    if (duration && (seconds < 1 || seconds > 604800)) {
        err_aws(err, "ValidationError",
                "Target group stickiness duration must be between '1' and '604800' seconds "
                "inclusive");
        return NULL;
    }
    if (!doc_flag(config, "Enabled"))
        return json_pack("{s:b}", "Enabled", 0);
    if (duration)
        return json_pack("{s:b, s:I}", "Enabled", 1, "DurationSeconds", (json_int_t)seconds);
    err_aws(err, "ValidationError",
            "Target group stickiness duration must be specified when stickiness is enabled");
    return NULL;
}

static const json_t *groups_of(const json_t *action)
{
    return json_object_get(json_object_get(action, "ForwardConfig"), "TargetGroups");
}

static bool keeps_clients(const json_t *action)
{
    const json_t *config = json_object_get(action, "ForwardConfig");
    return doc_flag(json_object_get(config, "TargetGroupStickinessConfig"), "Enabled");
}

/*
 * Whether a target group with its stickiness may be one of the groups of an action: among several,
 * a session with a target needs one with its group, and an application's cookie knows no groups.
 */
static int check_sticky(const json_t *action, const json_t *group, struct err *err)
{
    const char *arn = doc_text(group, "TargetGroupArn");
    if (json_array_size(groups_of(action)) < 2 ||
        strcmp(elb_attribute(group, "stickiness.enabled"), "true") != 0)
        return 0;
    if (strcmp(elb_attribute(group, "stickiness.type"), "app_cookie") == 0)
        return err_aws(err, "InvalidConfigurationRequest",
                       "Application-based stickiness is not supported with several target groups: "
                       "'%s'",
                       arn);
    if (keeps_clients(action))
        return 0;
    return err_aws(err, "InvalidConfigurationRequest",
                   "Target group stickiness must be enabled on an action with several target "
                   "groups if stickiness is enabled on one of them: '%s'",
                   arn);
}

static int check_stickiness(const struct call *call, const json_t *action, struct err *err)
{
    size_t i;
    const json_t *row;
    json_array_foreach (groups_of(action), i, row) {
        const json_t *group =
            elb_find(call, ELB_TARGET_GROUP, doc_text(row, "TargetGroupArn"), err);
        if (!group || check_sticky(action, group, err) < 0)
            return -1;
    }
    return 0;
}

int elb_check_sticky_group(const struct call *call, const json_t *group, struct err *err)
{
    size_t i;
    const json_t *action;
    store_each (cursor, call->store, elb_kind(ELB_RULE), call->region)
        json_array_foreach (json_object_get(cursor.doc, "Actions"), i, action)
            if (has_group(groups_of(action), doc_text(group, "TargetGroupArn")) &&
                check_sticky(action, group, err) < 0)
                return -1;
    return 0;
}

/* The target groups that an action names in either way: a new array; NULL and err if in none. */
static json_t *asked_groups(const json_t *action, struct err *err)
{
    const char *single = doc_text(action, "TargetGroupArn");
    const json_t *config = json_object_get(action, "ForwardConfig");
    json_t *asked = json_object_get(config, "TargetGroups");
    if (json_array_size(asked) == 0 && *single)
        return json_pack("[{s:s}]", "TargetGroupArn", single);
    if (json_array_size(asked) == 0) {
        err_aws(err, "ValidationError",
                "A target group ARN must be specified for actions of type 'forward'");
        return NULL;
    }
    if (*single && (json_array_size(asked) > 1 ||
                    !doc_is(json_array_get(asked, 0), "TargetGroupArn", single))) {
        err_aws(err, "ValidationError",
                "You can specify both a target group ARN and a forward config only if the "
                "config names the same single target group");
        return NULL;
    }
    return json_incref(asked);
}

static int forward(const struct call *call, const json_t *listener, const json_t *action,
                   json_t *shown, struct err *err)
{
    const json_t *config = json_object_get(action, "ForwardConfig");
    if (call_accept(action, "Type Order TargetGroupArn ForwardConfig", err) < 0 ||
        call_accept(config, "TargetGroups TargetGroupStickinessConfig", err) < 0)
        return -1;
    json_auto_t *asked = asked_groups(action, err);
    json_t *stickiness =
        asked ? group_stickiness(json_object_get(config, "TargetGroupStickinessConfig"), err)
              : NULL;
    if (!stickiness)
        return -1;
    json_t *groups = json_array();
    json_object_set_new(
        shown, "ForwardConfig",
        json_pack("{s:o, s:o}", "TargetGroups", groups, "TargetGroupStickinessConfig", stickiness));
    if (fill_groups(call, listener, asked, groups, err) < 0)
        return -1;
    if (json_array_size(groups) == 1)
        json_object_set(shown, "TargetGroupArn",
                        json_object_get(json_array_get(groups, 0), "TargetGroupArn"));
    return check_stickiness(call, shown, err);
}

/* ---- redirect and fixed-response ---- */

static void set_default(json_t *object, const char *key, const char *value)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, json_string(value));
}

/* Checks a redirect that has all its parts. */
static int check_redirect(const json_t *listener, const json_t *config, struct err *err)
{
    struct rule_redirect parts = {
        .protocol = doc_text(config, "Protocol"),
        .host = doc_text(config, "Host"),
        .port = doc_text(config, "Port"),
        .path = doc_text(config, "Path"),
        .query = doc_text(config, "Query"),
    };
    bool https = doc_is(listener, "Protocol", "HTTPS");
    return rule_check_redirect(&parts, https, err) < 0 ? invalid_action(err) : 0;
}

static int redirect(const json_t *listener, const json_t *action, json_t *shown, struct err *err)
{
    json_t *config = json_deep_copy(json_object_get(action, "RedirectConfig"));
    if (!config)
        return err_aws(err, "ValidationError",
                       "A redirect config must be specified for actions of type 'redirect'");
    json_object_set_new(shown, "RedirectConfig", config);
    if (call_accept(action, "Type Order RedirectConfig", err) < 0)
        return -1;
    set_default(config, "Protocol", "#{protocol}");
    set_default(config, "Host", "#{host}");
    set_default(config, "Port", "#{port}");
    set_default(config, "Path", "/#{path}");
    set_default(config, "Query", "#{query}");
    return check_redirect(listener, config, err);
}

static int fixed_response(const json_t *action, json_t *shown, struct err *err)
{
    const json_t *config = json_object_get(action, "FixedResponseConfig");
    if (!config)
        return err_aws(err, "ValidationError",
                       "A fixed response config must be specified for actions of type "
                       "'fixed-response'");
    if (call_accept(action, "Type Order FixedResponseConfig", err) < 0)
        return -1;
    if (rule_check_fixed_response(doc_text(config, "StatusCode"), doc_text(config, "ContentType"),
                                  doc_text(config, "MessageBody"), err) < 0)
        return elb_invalid(err);
    json_object_set_new(shown, "FixedResponseConfig", json_deep_copy(config));
    return 0;
}

/* ---- all of them ---- */

static int show_action(const struct call *call, const json_t *listener, const json_t *action,
                       json_t *shown, struct err *err)
{
    const char *type = doc_text(action, "Type");
    json_object_set_new(shown, "Type", json_string(type));
    if (json_object_get(action, "Order"))
        json_object_set(shown, "Order", json_object_get(action, "Order"));
    if (!strcmp(type, "forward"))
        return forward(call, listener, action, shown, err);
    if (!strcmp(type, "redirect"))
        return redirect(listener, action, shown, err);
    if (!strcmp(type, "fixed-response"))
        return fixed_response(action, shown, err);
    return err_aws(err, "UnsupportedOperation",
                   "Actions of type '%s' are not supported by Pileus yet", type);
}

json_t *elb_actions(const struct call *call, const json_t *listener, const json_t *actions,
                    struct err *err)
{
    json_auto_t *shown = json_array();
    size_t i;
    const json_t *action;
    json_array_foreach (actions, i, action) {
        json_t *object = json_object();
        json_array_append_new(shown, object);
        if (show_action(call, listener, action, object, err) < 0)
            return NULL;
    }
    if (json_array_size(shown) == 0) {
        err_aws(err, "ValidationError", "At least one action must be specified");
        return NULL;
    }
    if (json_array_size(shown) > 1) {
        err_aws(err, "TooManyActions",
                "You can specify only one of 'forward', 'redirect' and 'fixed-response'");
        return NULL;
    }
    if (elb_check_usage(call, doc_text(listener, "LoadBalancerArn"), shown, err) < 0)
        return NULL;
    return json_incref(shown);
}

/* Whether a listener can do an action that was checked for another protocol. */
static int check_action(const struct call *call, const json_t *listener, const json_t *action,
                        struct err *err)
{
    const json_t *config = json_object_get(action, "RedirectConfig"), *row;
    if (config && check_redirect(listener, config, err) < 0)
        return -1;
    size_t i;
    config = json_object_get(action, "ForwardConfig");
    json_array_foreach (json_object_get(config, "TargetGroups"), i, row)
        if (check_group(call, listener, doc_text(row, "TargetGroupArn"), err) < 0)
            return -1;
    return 0;
}

int elb_check_rules_for_protocol(const struct call *call, const json_t *listener,
                                 const char *protocol, struct err *err)
{
    size_t i;
    const json_t *action;
    json_auto_t *as_planned =
        json_pack("{s:s, s:s}", "LoadBalancerArn", doc_text(listener, "LoadBalancerArn"),
                  "Protocol", protocol);
    store_each (cursor, call->store, elb_kind(ELB_RULE), call->region)
        if (doc_is(cursor.doc, "_listener", doc_text(listener, "ListenerArn")))
            json_array_foreach (json_object_get(cursor.doc, "Actions"), i, action)
                if (check_action(call, as_planned, action, err) < 0)
                    return -1;
    return 0;
}
