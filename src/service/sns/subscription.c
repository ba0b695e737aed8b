#include "service/sns/subscription.h"

#include "service/doc.h"
#include "service/sns/topic.h"

#include <string.h>

const char subscription_kind[] = "subscription";

const json_t *subscription_find(const struct call *call, const char *arn, struct err *err)
{
    if (sns_check_arn(call, "SubscriptionArn", arn, 7, err) < 0)
        return NULL;
    const json_t *found = store_get(call->store, subscription_kind, call->region, arn);
    if (found && !doc_is(found, "_state", "removed"))
        return found;
    err_aws(err, "NotFound", "Subscription does not exist");
    return NULL;
}

bool subscription_is_http(const json_t *subscription)
{
    return doc_is(subscription, "Protocol", "http") || doc_is(subscription, "Protocol", "https");
}

bool subscription_is_mail(const json_t *subscription)
{
    return doc_is(subscription, "Protocol", "email") ||
           doc_is(subscription, "Protocol", "email-json");
}

const char *subscription_attribute(const json_t *subscription, const char *name)
{
    return json_string_value(json_object_get(json_object_get(subscription, "_attributes"), name));
}

struct subscription_counts subscriptions_count(const struct call *call, const char *topic_arn)
{
    struct subscription_counts counts = {0};
    store_each (cursor, call->store, subscription_kind, call->region) {
        if (!doc_is(cursor.doc, "TopicArn", topic_arn))
            continue;
        counts.confirmed += doc_is(cursor.doc, "_state", "confirmed");
        counts.pending += doc_is(cursor.doc, "_state", "pending");
        counts.removed += doc_is(cursor.doc, "_state", "removed");
    }
    return counts;
}

static void delete_all(struct call *call, const json_t *arns)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn)
        txn_delete(call->txn, subscription_kind, call->region, json_string_value(arn));
}

void subscriptions_delete_of_topic(struct call *call, const char *topic_arn)
{
    json_auto_t *arns = json_array();
    store_each (cursor, call->store, subscription_kind, call->region)
        if (doc_is(cursor.doc, "TopicArn", topic_arn))
            json_array_append_new(arns, json_string(cursor.id));
    delete_all(call, arns);
}

void subscriptions_forget(struct call *call, int64_t *ret_due_ms)
{
    json_auto_t *arns = json_array();
    *ret_due_ms = INT64_MAX;
    store_each (cursor, call->store, subscription_kind, call->region) {
        int64_t due_ms = doc_number(cursor.doc, "_forget_ms");
        if (due_ms && due_ms <= call->now_ms)
            json_array_append_new(arns, json_string(cursor.id));
        else if (due_ms && due_ms < *ret_due_ms)
            *ret_due_ms = due_ms;
    }
    delete_all(call, arns);
}
