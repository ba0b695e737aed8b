/* The attributes of subscriptions: what clients may set, and what they are shown. */
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/sns/delivery_policy.h"
#include "service/sns/filter_policy.h"
#include "service/sns/subscription.h"
#include "service/sns/topic.h"

#include <stdlib.h>
#include <string.h>

static const char of_attributes[] = "MessageAttributes", of_body[] = "MessageBody";

static bool filters_body(const json_t *subscription)
{
    const char *scope = subscription_attribute(subscription, "FilterPolicyScope");
    return scope && !strcmp(scope, of_body);
}

static int check_filter(const json_t *subscription, const char *value, struct err *err)
{
    return *value ? filter_policy_check(value, filters_body(subscription), err) : 0;
}

/* A policy that is there must be one in the new scope too. */
static int check_scope(const json_t *subscription, const char *value, struct err *err)
{
    const char *policy = subscription_attribute(subscription, "FilterPolicy");
    if (strcmp(value, of_attributes) != 0 && strcmp(value, of_body) != 0)
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: FilterPolicyScope: Invalid value [%.100s]. Please use "
                       "either MessageBody or MessageAttributes",
                       value);
    return policy && *policy ? filter_policy_check(policy, !strcmp(value, of_body), err) : 0;
}

static int check_raw(const json_t *subscription, const char *value, struct err *err)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value "
                       "[%.100s]. Must be true or false.",
                       value);
    if (!strcmp(value, "true") && !subscription_is_http(subscription))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Attributes Reason: Delivery protocol [%s] does not "
                       "support raw message delivery.",
                       doc_text(subscription, "Protocol"));
    return 0;
}

static int check_delivery_policy(const json_t *subscription, const char *value, struct err *err)
{
    struct delivery_policy policy;
    if (!*value)
        return 0;
    if (!subscription_is_http(subscription))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: DeliveryPolicy: Delivery protocol [%s] does not support "
                       "delivery policies.",
                       doc_text(subscription, "Protocol"));
    return delivery_policy_read_subscription(value, &policy, err);
}

static int check_nothing(const json_t *subscription, const char *value, struct err *err)
{
    (void)subscription;
    return *value ? err_aws(err, "InvalidParameter",
                            "Invalid parameter: Attributes Reason: queues, roles and replays are "
                            "not supported by Pileus yet")
                  : 0;
}

int subscription_attribute_set(json_t *subscription, const char *name, const char *value,
                               const char *what, struct err *err)
{
    static const struct {
        const char *name;
        int (*check)(const json_t *subscription, const char *value, struct err *err);
    } rows[] = {{"FilterPolicy", check_filter},    {"FilterPolicyScope", check_scope},
                {"RawMessageDelivery", check_raw}, {"DeliveryPolicy", check_delivery_policy},
                {"RedrivePolicy", check_nothing},  {"SubscriptionRoleArn", check_nothing},
                {"ReplayPolicy", check_nothing}};
    size_t i = 0;
    while (i < sizeof rows / sizeof *rows && strcmp(rows[i].name, name) != 0)
        i++;
    if (i == sizeof rows / sizeof *rows)
        return err_aws(err, "InvalidParameter", "Invalid parameter: %s", what);
    if (rows[i].check(subscription, value, err) < 0)
        return -1;
    json_t *attributes = json_object_get(subscription, "_attributes");
    if (*value)
        json_object_set_new(attributes, name, json_string(value));
    else
        json_object_del(attributes, name);
    return 0;
}

static json_t *effective_policy(const struct call *call, const json_t *subscription)
{
    struct delivery_policy policy;
    const json_t *topic =
        store_get(call->store, topic_kind, call->region, doc_text(subscription, "TopicArn"));
    delivery_policy_of(topic, subscription, &policy);
    json_auto_t *shown =
        json_pack("{s:o, s:n, s:n, s:{s:s}, s:b}", "healthyRetryPolicy",
                  delivery_policy_show_retries(&policy), "sicklyRetryPolicy", "throttlePolicy",
                  "requestPolicy", "headerContentType", policy.content_type, "guaranteed", false);
    if (policy.receives_per_second)
        json_object_set_new(shown, "throttlePolicy",
                            json_pack("{s:i}", "maxReceivesPerSecond", policy.receives_per_second));
    auto_free char *text = json_dumps(shown, JSON_COMPACT);
    return json_string(text);
}

static void show_flag(json_t *shown, const char *name, bool value)
{
    json_object_set_new(shown, name, json_string(value ? "true" : "false"));
}

json_t *subscription_attributes_show(const struct call *call, const json_t *subscription)
{
    static const char *const members[] = {"SubscriptionArn", "TopicArn", "Owner", "Protocol",
                                          "Endpoint"};
    json_t *shown = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set(shown, members[i], json_object_get(subscription, members[i]));
    json_object_set_new(shown, "SubscriptionPrincipal",
                        json_sprintf("arn:aws:iam::%s:root", call->account));
    show_flag(shown, "PendingConfirmation", doc_is(subscription, "_state", "pending"));
    show_flag(shown, "ConfirmationWasAuthenticated", doc_flag(subscription, "_confirmed_by_owner"));
    show_flag(shown, "RawMessageDelivery", false);
    json_object_update(shown, json_object_get(subscription, "_attributes"));
    if (json_object_get(shown, "FilterPolicy") && !json_object_get(shown, "FilterPolicyScope"))
        json_object_set_new(shown, "FilterPolicyScope", json_string(of_attributes));
    if (subscription_is_http(subscription))
        json_object_set_new(shown, "EffectiveDeliveryPolicy", effective_policy(call, subscription));
    return shown;
}
