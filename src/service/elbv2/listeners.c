/* Listeners: ports of a load balancer. What they do by default is also their default rule. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/load_balancers.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/rules.h"
#include "service/elbv2/tags.h"
#include "service/elbv2/tls_settings.h"

#include <stdio.h>
#include <string.h>

json_t *elb_listeners_of(const struct call *call, const char *load_balancer_arn)
{
    json_t *listeners = json_array();
    store_each (cursor, call->store, elb_kind(ELB_LISTENER), call->region)
        if (doc_is(cursor.doc, "LoadBalancerArn", load_balancer_arn))
            json_array_append(listeners, (json_t *)cursor.doc);
    return listeners;
}

void elb_delete_listener(struct call *call, const char *listener_arn)
{
    json_auto_t *rules = elb_rules_of(call->store, call->region, listener_arn);
    size_t i;
    const json_t *rule;
    json_array_foreach (rules, i, rule)
        txn_delete(call->txn, elb_kind(ELB_RULE), call->region, doc_text(rule, "RuleArn"));
    txn_delete(call->txn, elb_kind(ELB_LISTENER), call->region, listener_arn);
}

/* The listener on a port, NULL if there is none. */
static const json_t *listener_on_port(const struct call *call, const char *load_balancer_arn,
                                      int64_t port)
{
    store_each (cursor, call->store, elb_kind(ELB_LISTENER), call->region)
        if (doc_is(cursor.doc, "LoadBalancerArn", load_balancer_arn) &&
            doc_number(cursor.doc, "Port") == port)
            return cursor.doc;
    return NULL;
}

static int duplicate_listener(const char *load_balancer_arn, struct err *err)
{
    return err_aws(err, "DuplicateListener",
                   "A listener already exists on this port for this load balancer '%s'",
                   load_balancer_arn);
}

/* Whether a listener is what a new one would be. */
static bool is_same(const json_t *existing, const json_t *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)settings, key, value)
        if (key[0] != '_' && !json_equal(json_object_get(existing, key), value))
            return false;
    return true;
}

/* Writes a new listener with its default rule; takes over `tags`. Returns it, borrowed. */
static const json_t *put_listener(struct call *call, const json_t *load_balancer, json_t *settings,
                                  json_t *tags)
{
    char hex[17], path[256], arn[ELB_ARN_SIZE];
    call_make_hex16(call, hex);
    snprintf(path, sizeof path, "listener/%s/%s", doc_text(load_balancer, "_dimension"), hex);
    elb_make_arn(call, path, arn);
    json_t *listener = json_copy(settings);
    json_object_set_new(listener, "ListenerArn", json_string(arn));
    json_object_set_new(listener, "_attributes", elb_default_attributes(ELB_LISTENER));
    json_object_set_new(listener, "_tags", tags);
    txn_put(call->txn, elb_kind(ELB_LISTENER), call->region, arn, listener);
    elb_put_default_rule(call, listener, json_incref(json_object_get(listener, "DefaultActions")));
    return listener;
}

/* What the request says of a new listener: a new object; NULL and err if it is wrong. */
static json_t *new_settings(const struct call *call, struct err *err)
{
    json_auto_t *settings =
        json_pack("{s:s, s:I, s:s, s:[]}", "LoadBalancerArn", doc_text(call->in, "LoadBalancerArn"),
                  "Port", (json_int_t)doc_number(call->in, "Port"), "Protocol",
                  doc_text(call->in, "Protocol"), "_certificates");
    if (elb_set_protocol(call, settings, err) < 0)
        return NULL;
    json_t *actions = elb_actions(call, settings, json_object_get(call->in, "DefaultActions"), err);
    if (!actions)
        return NULL;
    json_object_set_new(settings, "DefaultActions", actions);
    return json_incref(settings);
}

int elb_CreateListener(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "LoadBalancerArn Protocol Port SslPolicy Certificates DefaultActions "
                    "AlpnPolicy MutualAuthentication Tags",
                    err) < 0)
        return -1;
    const char *arn = doc_text(call->in, "LoadBalancerArn");
    const json_t *load_balancer = elb_find(call, ELB_LOAD_BALANCER, arn, err);
    if (!load_balancer)
        return -1;
    if (!json_object_get(call->in, "Port"))
        return err_aws(err, "ValidationError", "A listener port must be specified");
    json_auto_t *settings = new_settings(call, err);
    if (!settings)
        return -1;
    const json_t *existing = listener_on_port(call, arn, doc_number(call->in, "Port"));
    if (existing && is_same(existing, settings))
        return elb_output_one(call, "Listeners", existing);
    if (existing)
        return duplicate_listener(arn, err);
    json_auto_t *listeners = elb_listeners_of(call, arn);
    if (json_array_size(listeners) >= ELB_LISTENERS_MAX)
        return err_aws(err, "TooManyListeners",
                       "The maximum number of listeners has been reached for the load balancer "
                       "'%s'",
                       arn);
    json_t *tags = elb_tags_on_creation(call, err);
    if (!tags)
        return -1;
    return elb_output_one(call, "Listeners", put_listener(call, load_balancer, settings, tags));
}

static int modify_actions(struct call *call, json_t *listener, const json_t *asked, struct err *err)
{
    json_auto_t *actions = elb_actions(call, listener, asked, err);
    if (!actions)
        return -1;
    json_object_set(listener, "DefaultActions", actions);
    elb_set_default_actions(call, doc_text(listener, "ListenerArn"), actions);
    return 0;
}

/* The default actions come first: the new ones may be what the new protocol needs. */
static int modify_listener(struct call *call, json_t *listener, struct err *err)
{
    const json_t *actions = json_object_get(call->in, "DefaultActions");
    json_auto_t *before = json_incref(json_object_get(listener, "Protocol"));
    if (elb_set_protocol(call, listener, err) < 0 ||
        (json_array_size(actions) > 0 && modify_actions(call, listener, actions, err) < 0))
        return -1;
    const char *protocol = doc_text(listener, "Protocol");
    if (strcmp(json_string_value(before), protocol) == 0)
        return 0;
    return elb_check_rules_for_protocol(call, listener, protocol, err);
}

int elb_ModifyListener(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "ListenerArn Port Protocol SslPolicy Certificates DefaultActions AlpnPolicy "
                    "MutualAuthentication",
                    err) < 0)
        return -1;
    const json_t *port = json_object_get(call->in, "Port");
    json_t *listener = elb_edit(call, ELB_LISTENER, doc_text(call->in, "ListenerArn"), err);
    if (!listener)
        return -1;
    const char *load_balancer_arn = doc_text(listener, "LoadBalancerArn");
    if (port && json_integer_value(port) != doc_number(listener, "Port") &&
        listener_on_port(call, load_balancer_arn, json_integer_value(port)))
        return duplicate_listener(load_balancer_arn, err);
    if (port)
        json_object_set_new(listener, "Port", json_integer(json_integer_value(port)));
    if (modify_listener(call, listener, err) < 0)
        return -1;
    return elb_output_one(call, "Listeners", listener);
}

int elb_DescribeListeners(struct call *call, struct err *err)
{
    const char *load_balancer_arn = doc_text(call->in, "LoadBalancerArn");
    const json_t *arns = json_object_get(call->in, "ListenerArns");
    if (!*load_balancer_arn && json_array_size(arns) == 0)
        return err_aws(err, "ValidationError",
                       "You must specify either listener ARNs or a load balancer ARN");
    if (*load_balancer_arn && json_array_size(arns) > 0)
        return err_aws(err, "ValidationError",
                       "You cannot specify both listener ARNs and a load balancer ARN");
    if (*load_balancer_arn && !elb_find(call, ELB_LOAD_BALANCER, load_balancer_arn, err))
        return -1;
    json_auto_t *listeners = *load_balancer_arn ? elb_listeners_of(call, load_balancer_arn)
                                                : elb_by_arns(call, ELB_LISTENER, arns, err);
    return listeners ? elb_page(call, listeners, "Listeners", err) : -1;
}

int elb_DeleteListener(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "ListenerArn");
    if (!elb_find(call, ELB_LISTENER, arn, err))
        return -1;
    elb_delete_listener(call, arn);
    return 0;
}
