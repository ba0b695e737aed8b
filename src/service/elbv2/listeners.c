/* Listeners: HTTP ports of a load balancer. What they do by default is also their default rule. */
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

static int check_protocol(const char *protocol, struct err *err)
{
    if (!strcmp(protocol, "HTTP"))
        return 0;
    if (!strcmp(protocol, "HTTPS"))
        return err_aws(err, "UnsupportedOperation",
                       "Listeners with the protocol 'HTTPS' are not supported by Pileus yet");
    if (!*protocol)
        return err_aws(err, "ValidationError", "A listener protocol must be specified");
    return err_aws(err, "ValidationError",
                   "Protocol '%s' is not valid for a listener of an application load balancer: it "
                   "must be one of 'HTTP, HTTPS'",
                   protocol);
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

/* Writes a new listener with its default rule; takes over `tags`. Returns it, borrowed. */
static const json_t *put_listener(struct call *call, const json_t *load_balancer, json_t *actions,
                                  json_t *tags)
{
    char hex[17], path[256], arn[ELB_ARN_SIZE];
    call_make_hex16(call, hex);
    snprintf(path, sizeof path, "listener/%s/%s", doc_text(load_balancer, "_dimension"), hex);
    elb_make_arn(call, path, arn);
    txn_put(call->txn, elb_kind(ELB_LISTENER), call->region, arn,
            json_pack("{s:s, s:s, s:I, s:s, s:O, s:o, s:o}", "ListenerArn", arn, "LoadBalancerArn",
                      doc_text(load_balancer, "LoadBalancerArn"), "Port",
                      (json_int_t)doc_number(call->in, "Port"), "Protocol", "HTTP",
                      "DefaultActions", actions, "_attributes",
                      elb_default_attributes(ELB_LISTENER), "_tags", tags));
    const json_t *listener = store_get(call->store, elb_kind(ELB_LISTENER), call->region, arn);
    elb_put_default_rule(call, listener, json_incref(actions));
    return listener;
}

int elb_CreateListener(struct call *call, struct err *err)
{
    if (call_accept(call->in, "LoadBalancerArn Protocol Port DefaultActions Tags", err) < 0 ||
        check_protocol(doc_text(call->in, "Protocol"), err) < 0)
        return -1;
    const char *arn = doc_text(call->in, "LoadBalancerArn");
    const json_t *load_balancer = elb_find(call, ELB_LOAD_BALANCER, arn, err);
    if (!load_balancer)
        return -1;
    if (!json_object_get(call->in, "Port"))
        return err_aws(err, "ValidationError", "A listener port must be specified");
    json_auto_t *actions =
        elb_actions(call, load_balancer, json_object_get(call->in, "DefaultActions"), err);
    if (!actions)
        return -1;
    const json_t *existing = listener_on_port(call, arn, doc_number(call->in, "Port"));
    if (existing && json_equal(json_object_get(existing, "DefaultActions"), actions))
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
    return elb_output_one(call, "Listeners", put_listener(call, load_balancer, actions, tags));
}

static int modify_actions(struct call *call, json_t *listener, const json_t *asked, struct err *err)
{
    const json_t *load_balancer =
        elb_find(call, ELB_LOAD_BALANCER, doc_text(listener, "LoadBalancerArn"), err);
    json_auto_t *actions = load_balancer ? elb_actions(call, load_balancer, asked, err) : NULL;
    if (!actions)
        return -1;
    json_object_set(listener, "DefaultActions", actions);
    elb_set_default_actions(call, doc_text(listener, "ListenerArn"), actions);
    return 0;
}

int elb_ModifyListener(struct call *call, struct err *err)
{
    if (call_accept(call->in, "ListenerArn Port Protocol DefaultActions", err) < 0)
        return -1;
    const json_t *port = json_object_get(call->in, "Port");
    const json_t *asked = json_object_get(call->in, "DefaultActions");
    if (json_object_get(call->in, "Protocol") &&
        check_protocol(doc_text(call->in, "Protocol"), err) < 0)
        return -1;
    json_t *listener = elb_edit(call, ELB_LISTENER, doc_text(call->in, "ListenerArn"), err);
    if (!listener)
        return -1;
    const char *load_balancer_arn = doc_text(listener, "LoadBalancerArn");
    if (port && json_integer_value(port) != doc_number(listener, "Port") &&
        listener_on_port(call, load_balancer_arn, json_integer_value(port)))
        return duplicate_listener(load_balancer_arn, err);
    if (port)
        json_object_set_new(listener, "Port", json_integer(json_integer_value(port)));
    if (json_array_size(asked) > 0 && modify_actions(call, listener, asked, err) < 0)
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
