#include "service/elbv2/actions.h"

#include "base/map.h"
#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/resource.h"

#include <stdlib.h>
#include <string.h>

/* ---- which target groups are used ---- */

/* Whether one of a rule's actions forwards to the target group. */
static bool forwards_to(const json_t *actions, const char *target_group_arn)
{
    size_t i, j;
    const json_t *action, *group;
    json_array_foreach (actions, i, action) {
        const json_t *forward = json_object_get(action, "ForwardConfig");
        json_array_foreach (json_object_get(forward, "TargetGroups"), j, group)
            if (doc_is(group, "TargetGroupArn", target_group_arn))
                return true;
    }
    return false;
}

const char *elb_user_of(const struct store *store, const char *region, const char *target_group_arn)
{
    store_each (cursor, store, elb_kind(ELB_RULE), region)
        if (forwards_to(json_object_get(cursor.doc, "Actions"), target_group_arn))
            return doc_text(cursor.doc, "_load_balancer");
    return NULL;
}

/* Counts the target groups that the actions use and that are not in `seen` yet. */
static void collect_groups(struct map *seen, const json_t *actions)
{
    size_t i, j;
    const json_t *action, *group;
    json_array_foreach (actions, i, action)
        json_array_foreach (
            json_object_get(json_object_get(action, "ForwardConfig"), "TargetGroups"), j, group)
            map_set(seen, doc_text(group, "TargetGroupArn"), (void *)group);
}

static int check_group_count(const struct call *call, const char *load_balancer_arn,
                             const json_t *actions, struct err *err)
{
    struct map seen = {0};
    collect_groups(&seen, actions);
    store_each (cursor, call->store, elb_kind(ELB_RULE), call->region)
        if (doc_is(cursor.doc, "_load_balancer", load_balancer_arn))
            collect_groups(&seen, json_object_get(cursor.doc, "Actions"));
    size_t count = seen.count;
    map_finish(&seen);
    if (count <= ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX)
        return 0;
    return err_aws(err, "TooManyUniqueTargetGroupsPerLoadBalancer",
                   "The maximum number of unique target groups per load balancer is '%d'",
                   ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX);
}

/* ---- forward ---- */

static int check_group(const struct call *call, const json_t *load_balancer, const char *arn,
                       struct err *err)
{
    const json_t *group = elb_find(call, ELB_TARGET_GROUP, arn, err);
    if (!group)
        return -1;
    if (!doc_is(group, "VpcId", doc_text(load_balancer, "VpcId")))
        return err_aws(err, "InvalidConfigurationRequest",
                       "The target group '%s' must be in the VPC '%s' of the load balancer", arn,
                       doc_text(load_balancer, "VpcId"));
    const char *user = elb_user_of(call->store, call->region, arn);
    if (user && !doc_is(load_balancer, "LoadBalancerArn", user))
        return err_aws(err, "TargetGroupAssociationLimit",
                       "The following target groups cannot be associated with more than one load "
                       "balancer: %s",
                       arn);
    return 0;
}

/* One target group of a forward action with its weight: a new object; NULL and err if wrong. */
static json_t *weighted_group(const struct call *call, const json_t *load_balancer,
                              const json_t *group, struct err *err)
{
    const char *arn = doc_text(group, "TargetGroupArn");
    if (check_group(call, load_balancer, arn, err) < 0)
        return NULL;
    int64_t weight = json_object_get(group, "Weight") ? doc_number(group, "Weight") : 1;
    if (weight < 0 || weight > 999) {
        err_aws(err, "ValidationError",
                "The weight of a target group must be between '0' and '999' inclusive");
        return NULL;
    }
    return json_pack("{s:s, s:I}", "TargetGroupArn", arn, "Weight", (json_int_t)weight);
}

static int fill_groups(const struct call *call, const json_t *load_balancer, const json_t *asked,
                       json_t *groups, struct err *err)
{
    size_t i;
    const json_t *group;
    json_array_foreach (asked, i, group) {
        if (json_array_size(groups) == ELB_TARGET_GROUPS_PER_ACTION_MAX)
            return err_aws(err, "TooManyTargetGroups",
                           "An action can have at most '%d' target groups",
                           ELB_TARGET_GROUPS_PER_ACTION_MAX);
        json_t *weighted = weighted_group(call, load_balancer, group, err);
        if (!weighted)
            return -1;
        json_array_append_new(groups, weighted);
    }
    return 0;
}

static int forward(const struct call *call, const json_t *load_balancer, const json_t *action,
                   json_t *shown, struct err *err)
{
    const char *single = doc_text(action, "TargetGroupArn");
    const json_t *config = json_object_get(action, "ForwardConfig");
    if (call_accept(action, "Type Order TargetGroupArn ForwardConfig", err) < 0 ||
        call_accept(config, "TargetGroups TargetGroupStickinessConfig", err) < 0 ||
        call_accept(json_object_get(config, "TargetGroupStickinessConfig"), "DurationSeconds",
                    err) < 0)
        return -1;
    json_auto_t *asked = json_incref(json_object_get(config, "TargetGroups"));
    if (json_array_size(asked) == 0 && *single) {
        json_decref(asked);
        asked = json_pack("[{s:s}]", "TargetGroupArn", single);
    }
    if (json_array_size(asked) == 0)
        return err_aws(err, "ValidationError",
                       "A target group ARN must be specified for actions of type 'forward'");
    if (*single &&
        (json_array_size(asked) > 1 || !doc_is(json_array_get(asked, 0), "TargetGroupArn", single)))
        return err_aws(err, "ValidationError",
                       "You can specify both a target group ARN and a forward config only if the "
                       "config names the same single target group");
    json_t *groups = json_array();
    json_object_set_new(shown, "ForwardConfig",
                        json_pack("{s:o, s:{s:b}}", "TargetGroups", groups,
                                  "TargetGroupStickinessConfig", "Enabled", 0));
    if (fill_groups(call, load_balancer, asked, groups, err) < 0)
        return -1;
    if (json_array_size(groups) == 1)
        json_object_set(shown, "TargetGroupArn",
                        json_object_get(json_array_get(groups, 0), "TargetGroupArn"));
    return 0;
}

/* ---- redirect and fixed-response ---- */

static void set_default(json_t *object, const char *key, const char *value)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, json_string(value));
}

static int check_redirect_port(const char *port, struct err *err)
{
    char *end;
    long number = strtol(port, &end, 10);
    if (!strcmp(port, "#{port}") || (*port && !*end && number >= 1 && number <= 65535))
        return 0;
    return err_aws(err, "ValidationError",
                   "The redirect port '%.100s' must be '#{port}' or between '1' and '65535'", port);
}

static int redirect(const json_t *action, json_t *shown, struct err *err)
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
    if (check_redirect_port(doc_text(config, "Port"), err) < 0)
        return -1;
    if (doc_text(config, "Path")[0] != '/')
        return err_aws(err, "ValidationError", "The redirect path must begin with '/'");
    if (doc_is(config, "Protocol", "#{protocol}") && doc_is(config, "Host", "#{host}") &&
        doc_is(config, "Port", "#{port}") && doc_is(config, "Path", "/#{path}"))
        return err_aws(err, "InvalidLoadBalancerAction",
                       "The redirect configuration is not valid because it creates a loop.");
    return 0;
}

static int fixed_response(const json_t *action, json_t *shown, struct err *err)
{
    static const char *const types[] = {"text/plain", "text/css", "text/html",
                                        "application/javascript", "application/json"};
    const json_t *config = json_object_get(action, "FixedResponseConfig");
    if (!config)
        return err_aws(err, "ValidationError",
                       "A fixed response config must be specified for actions of type "
                       "'fixed-response'");
    if (call_accept(action, "Type Order FixedResponseConfig", err) < 0)
        return -1;
    const char *type = doc_text(config, "ContentType");
    bool known = !*type;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= !strcmp(type, types[i]);
    if (!known)
        return err_aws(err, "ValidationError", "The content type '%s' is not valid", type);
    json_object_set_new(shown, "FixedResponseConfig", json_deep_copy(config));
    return 0;
}

/* ---- all of them ---- */

static int show_action(const struct call *call, const json_t *load_balancer, const json_t *action,
                       json_t *shown, struct err *err)
{
    const char *type = doc_text(action, "Type");
    json_object_set_new(shown, "Type", json_string(type));
    if (json_object_get(action, "Order"))
        json_object_set(shown, "Order", json_object_get(action, "Order"));
    if (!strcmp(type, "forward"))
        return forward(call, load_balancer, action, shown, err);
    if (!strcmp(type, "redirect"))
        return redirect(action, shown, err);
    if (!strcmp(type, "fixed-response"))
        return fixed_response(action, shown, err);
    return err_aws(err, "UnsupportedOperation",
                   "Actions of type '%s' are not supported by Pileus yet", type);
}

json_t *elb_actions(const struct call *call, const json_t *load_balancer, const json_t *actions,
                    struct err *err)
{
    json_auto_t *shown = json_array();
    size_t i;
    const json_t *action;
    json_array_foreach (actions, i, action) {
        json_t *object = json_object();
        json_array_append_new(shown, object);
        if (show_action(call, load_balancer, action, object, err) < 0)
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
    if (check_group_count(call, doc_text(load_balancer, "LoadBalancerArn"), shown, err) < 0)
        return NULL;
    return json_incref(shown);
}
