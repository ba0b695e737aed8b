#include "service/elbv2/rules.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/conditions.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/tags.h"
#include "service/elbv2/transforms.h"

#include <stdio.h>
#include <string.h>

/* ---- documents ---- */

static void insert_by_priority(json_t *rules, const json_t *rule)
{
    size_t at = json_array_size(rules);
    while (at > 0 &&
           doc_number(json_array_get(rules, at - 1), "_priority") > doc_number(rule, "_priority"))
        at--;
    json_array_insert(rules, at, (json_t *)rule);
}

json_t *elb_rules_of(const struct store *store, const char *region, const char *listener_arn)
{
    json_t *rules = json_array();
    store_each (cursor, store, elb_kind(ELB_RULE), region)
        if (doc_is(cursor.doc, "_listener", listener_arn))
            insert_by_priority(rules, cursor.doc);
    return rules;
}

/*
 * Writes a new rule with its Conditions, Actions and, but for default rules, Transforms; takes over
 * `parts` and tags. Returns it, borrowed.
 */
static const json_t *put_rule(struct call *call, const json_t *listener, int64_t priority,
                              json_t *parts, json_t *tags)
{
    char hex[17], path[256], arn[ELB_ARN_SIZE], text[24];
    const char *listener_arn = doc_text(listener, "ListenerArn");
    call_make_hex16(call, hex);
    snprintf(path, sizeof path, "listener-rule%s/%s", strchr(elb_arn_path(listener_arn), '/'), hex);
    elb_make_arn(call, path, arn);
    bool is_default = priority == ELB_DEFAULT_PRIORITY;
    snprintf(text, sizeof text, "%lld", (long long)priority);
    json_t *rule =
        json_pack("{s:s, s:s, s:b, s:s, s:s, s:I, s:o}", "RuleArn", arn, "Priority",
                  is_default ? "default" : text, "IsDefault", (int)is_default, "_listener",
                  listener_arn, "_load_balancer", doc_text(listener, "LoadBalancerArn"),
                  "_priority", (json_int_t)priority, "_tags", tags);
    json_object_update(rule, parts);
    json_decref(parts);
    txn_put(call->txn, elb_kind(ELB_RULE), call->region, arn, rule);
    return rule;
}

void elb_put_default_rule(struct call *call, const json_t *listener, json_t *actions)
{
    json_t *parts = json_pack("{s:[], s:o}", "Conditions", "Actions", actions);
    put_rule(call, listener, ELB_DEFAULT_PRIORITY, parts, json_array());
}

void elb_set_default_actions(struct call *call, const char *listener_arn, json_t *actions)
{
    json_auto_t *rules = elb_rules_of(call->store, call->region, listener_arn);
    const json_t *last = json_array_get(rules, json_array_size(rules) - 1);
    json_t *rule = txn_edit(call->txn, elb_kind(ELB_RULE), call->region, doc_text(last, "RuleArn"));
    json_object_set(rule, "Actions", actions);
}

/* ---- creation and change ---- */

static int check_priority_free(const struct call *call, const char *listener_arn, int64_t priority,
                               struct err *err)
{
    json_auto_t *rules = elb_rules_of(call->store, call->region, listener_arn);
    size_t i;
    const json_t *rule;
    json_array_foreach (rules, i, rule)
        if (doc_number(rule, "_priority") == priority)
            return err_aws(err, "PriorityInUse", "Priority '%lld' is currently in use",
                           (long long)priority);
    return 0;
}

static int check_rule_count(const struct call *call, const char *load_balancer_arn, struct err *err)
{
    size_t count = 0;
    store_each (cursor, call->store, elb_kind(ELB_RULE), call->region)
        count += doc_is(cursor.doc, "_load_balancer", load_balancer_arn) &&
                 !doc_flag(cursor.doc, "IsDefault");
    if (count < ELB_RULES_MAX)
        return 0;
    return err_aws(err, "TooManyRules",
                   "The maximum number of rules has been reached for the load balancer '%s'",
                   load_balancer_arn);
}

/* What is rewritten must go to a target. */
static int check_transforms(const json_t *rule, struct err *err)
{
    const json_t *action = json_array_get(json_object_get(rule, "Actions"), 0);
    if (json_array_size(json_object_get(rule, "Transforms")) == 0 ||
        doc_is(action, "Type", "forward"))
        return 0;
    return err_aws(err, "InvalidConfigurationRequest",
                   "Transforms are only supported with a forward action");
}

/* Takes those parts of a rule that the request names, checked, into `rule`. */
static int set_parts(const struct call *call, json_t *rule, const json_t *listener, struct err *err)
{
    const json_t *conditions = json_object_get(call->in, "Conditions");
    const json_t *actions = json_object_get(call->in, "Actions");
    const json_t *transforms = json_object_get(call->in, "Transforms");
    json_t *part;
    if (conditions) {
        if (!(part = elb_conditions(conditions, err)))
            return -1;
        json_object_set_new(rule, "Conditions", part);
    }
    if (actions) {
        if (!(part = elb_actions(call, listener, actions, err)))
            return -1;
        json_object_set_new(rule, "Actions", part);
    }
    if (transforms) {
        if (!(part = elb_transforms(transforms, err)))
            return -1;
        json_object_set_new(rule, "Transforms", part);
    }
    return check_transforms(rule, err);
}

int elb_CreateRule(struct call *call, struct err *err)
{
    if (call_accept(call->in, "ListenerArn Conditions Priority Actions Transforms Tags", err) < 0)
        return -1;
    const json_t *listener = elb_find(call, ELB_LISTENER, doc_text(call->in, "ListenerArn"), err);
    if (!listener)
        return -1;
    int64_t priority = doc_number(call->in, "Priority");
    if (check_rule_count(call, doc_text(listener, "LoadBalancerArn"), err) < 0 ||
        check_priority_free(call, doc_text(listener, "ListenerArn"), priority, err) < 0)
        return -1;
    json_auto_t *parts = json_pack("{s:[]}", "Transforms");
    json_auto_t *tags =
        set_parts(call, parts, listener, err) < 0 ? NULL : elb_tags_on_creation(call, err);
    if (!tags)
        return -1;
    const json_t *rule = put_rule(call, listener, priority, json_incref(parts), json_incref(tags));
    return elb_output_one(call, "Rules", rule);
}

/* A rule that is not a default rule, to be changed. */
static json_t *edit_rule(struct call *call, const char *arn, const char *what, struct err *err)
{
    const json_t *rule = elb_find(call, ELB_RULE, arn, err);
    if (!rule)
        return NULL;
    if (doc_flag(rule, "IsDefault")) {
        err_aws(err, "OperationNotPermitted", "Default rule '%s' cannot be %s", arn, what);
        return NULL;
    }
    return elb_edit(call, ELB_RULE, arn, err);
}

int elb_ModifyRule(struct call *call, struct err *err)
{
    if (call_accept(call->in, "RuleArn Conditions Actions Transforms ResetTransforms", err) < 0)
        return -1;
    json_t *rule = edit_rule(call, doc_text(call->in, "RuleArn"), "modified", err);
    const json_t *listener =
        rule ? elb_find(call, ELB_LISTENER, doc_text(rule, "_listener"), err) : NULL;
    if (!listener)
        return -1;
    bool reset = doc_flag(call->in, "ResetTransforms");
    if (reset && json_array_size(json_object_get(call->in, "Transforms")) > 0)
        return err_aws(err, "ValidationError",
                       "You cannot specify both 'Transforms' and 'ResetTransforms'");
    if (reset)
        json_object_set_new(rule, "Transforms", json_array());
    if (set_parts(call, rule, listener, err) < 0)
        return -1;
    return elb_output_one(call, "Rules", rule);
}

static void set_priority(json_t *rule, int64_t priority)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)priority);
    json_object_set_new(rule, "Priority", json_string(text));
    json_object_set_new(rule, "_priority", json_integer(priority));
}

/* All rules get their new priorities before any of them is checked: two rules may swap. */
int elb_SetRulePriorities(struct call *call, struct err *err)
{
    const json_t *pairs = json_object_get(call->in, "RulePriorities");
    json_t *changed = json_array();
    json_object_set_new(call->out, "Rules", changed);
    size_t i, j;
    const json_t *pair, *rule, *other;
    json_array_foreach (pairs, i, pair) {
        json_t *edited = edit_rule(call, doc_text(pair, "RuleArn"), "re-prioritized", err);
        if (!edited)
            return -1;
        set_priority(edited, doc_number(pair, "Priority"));
        json_array_append(changed, edited);
    }
    json_array_foreach (changed, i, rule) {
        json_auto_t *rules = elb_rules_of(call->store, call->region, doc_text(rule, "_listener"));
        json_array_foreach (rules, j, other)
            if (!doc_is(other, "RuleArn", doc_text(rule, "RuleArn")) &&
                doc_number(other, "_priority") == doc_number(rule, "_priority"))
                return err_aws(err, "PriorityInUse", "Priority '%s' is currently in use",
                               doc_text(rule, "Priority"));
    }
    return 0;
}

/* ---- description and deletion ---- */

int elb_DescribeRules(struct call *call, struct err *err)
{
    const char *listener_arn = doc_text(call->in, "ListenerArn");
    const json_t *arns = json_object_get(call->in, "RuleArns");
    if (*listener_arn && json_array_size(arns) > 0)
        return err_aws(err, "ValidationError", "You cannot specify both a listener and rules");
    if (!*listener_arn && json_array_size(arns) == 0)
        return err_aws(err, "ValidationError",
                       "You must specify either a listener or one or more rules");
    if (*listener_arn && !elb_find(call, ELB_LISTENER, listener_arn, err))
        return -1;
    json_auto_t *rules = *listener_arn ? elb_rules_of(call->store, call->region, listener_arn)
                                       : elb_by_arns(call, ELB_RULE, arns, err);
    return rules ? elb_page(call, rules, "Rules", err) : -1;
}

int elb_DeleteRule(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "RuleArn");
    if (!edit_rule(call, arn, "deleted", err))
        return -1;
    txn_delete(call->txn, elb_kind(ELB_RULE), call->region, arn);
    return 0;
}
