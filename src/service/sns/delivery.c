#include "service/sns/delivery.h"

#include "service/doc.h"
#include "service/sns/delivery_policy.h"
#include "service/sns/subscription.h"
#include "service/sns/topic.h"

#include <string.h>

const char delivery_kind[] = "delivery";

static int check_room(const struct call *call, size_t size, struct err *err)
{
    size_t count = 0;
    store_each (cursor, call->store, delivery_kind, call->region) {
        count++;
        size += json_string_length(json_object_get(cursor.doc, "_body"));
    }
    if (count >= DELIVERIES_MAX || size > DELIVERIES_SIZE_MAX)
        return err_aws(err, "Throttled", "Rate exceeded: too many messages are on their way");
    return 0;
}

static bool is_raw(const json_t *subscription, const struct sns_message *message)
{
    const char *raw = subscription_attribute(subscription, "RawMessageDelivery");
    return raw && !strcmp(raw, "true") && !strcmp(message->type, "Notification");
}

static int write_body(struct call *call, const json_t *topic, const json_t *subscription,
                      const struct sns_message *message, json_t *delivery, struct buf *body,
                      struct err *err)
{
    auto_buf subject = {0};
    const char *sender = topic_attribute(topic, "DisplayName");
    if (sender && subscription_is_mail(subscription))
        json_object_set_new(delivery, "_sender", json_string(sender));
    if (is_raw(subscription, message)) {
        buf_append_string(body, message->text);
        json_object_set_new(delivery, "_raw", json_true());
    } else if (doc_is(subscription, "Protocol", "email")) {
        message_write_mail(call, topic, subscription, message, &subject, body);
        json_object_set_new(delivery, "_subject", json_string(subject.data));
    } else if (message_write_json(call, topic, subscription, message, body, err) < 0) {
        return -1;
    }
    if (body->failed || json_object_set_new(delivery, "_body", json_string(body->data)) < 0)
        return err_set(err, "out of memory");
    return 0;
}

/* When it may begin: a policy may let only so many through in a second. */
static int64_t first_due_ms(struct call *call, const json_t *subscription,
                            const struct delivery_policy *policy)
{
    int64_t next_ms = doc_number(subscription, "_next_ms");
    if (!policy->receives_per_second)
        return call->now_ms;
    if (next_ms < call->now_ms)
        next_ms = call->now_ms;
    json_t *changed = txn_edit(call->txn, subscription_kind, call->region,
                               doc_text(subscription, "SubscriptionArn"));
    json_object_set_new(changed, "_next_ms",
                        json_integer(next_ms + 1000 / policy->receives_per_second));
    return next_ms;
}

static const char *or_body(const struct buf *body)
{
    return body->data ? body->data : "";
}

int delivery_add(struct call *call, const json_t *topic, const json_t *subscription,
                 const struct sns_message *message, struct err *err)
{
    static const char *const copied[] = {"SubscriptionArn", "TopicArn", "Protocol", "Endpoint"};
    char id[37];
    struct delivery_policy policy;
    auto_buf body = {0};
    json_auto_t *delivery = json_pack("{s:s, s:s, s:i}", "MessageId", message->id, "Type",
                                      message->type, "_attempts", 0);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(delivery, copied[i], json_object_get(subscription, copied[i]));
    if (write_body(call, topic, subscription, message, delivery, &body, err) < 0 ||
        check_room(call, strlen(or_body(&body)), err) < 0)
        return -1;
    delivery_policy_of(topic, subscription, &policy);
    json_object_set_new(delivery, "_content_type", json_string(policy.content_type));
    json_object_set_new(delivery, "_due_ms",
                        json_integer(first_due_ms(call, subscription, &policy)));
    call_make_uuid(call, id);
    txn_put(call->txn, delivery_kind, call->region, id, json_incref(delivery));
    return 0;
}

void deliveries_delete(struct call *call, const char *name, const char *arn)
{
    size_t i;
    const json_t *id;
    json_auto_t *ids = json_array();
    store_each (cursor, call->store, delivery_kind, call->region)
        if (doc_is(cursor.doc, name, arn))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, id)
        txn_delete(call->txn, delivery_kind, call->region, json_string_value(id));
}

/* Who says that a request is wrong will say it again; only 429 means "later". */
enum delivery_outcome delivery_outcome(int status)
{
    if (status >= 200 && status < 300)
        return DELIVERY_DONE;
    return status >= 400 && status < 500 && status != 429 ? DELIVERY_REFUSED : DELIVERY_AGAIN;
}

bool delivery_retry(struct call *call, const char *id)
{
    json_t *delivery = txn_edit(call->txn, delivery_kind, call->region, id);
    if (!delivery)
        return false;
    const json_t *topic =
        store_get(call->store, topic_kind, call->region, doc_text(delivery, "TopicArn"));
    const json_t *subscription = store_get(call->store, subscription_kind, call->region,
                                           doc_text(delivery, "SubscriptionArn"));
    struct delivery_policy policy;
    delivery_policy_of(topic, subscription, &policy);
    int attempts = (int)doc_number(delivery, "_attempts") + 1;
    int64_t delay_ms = delivery_policy_delay_ms(&policy, attempts);
    if (delay_ms < 0) {
        txn_delete(call->txn, delivery_kind, call->region, id);
        return false;
    }
    json_object_set_new(delivery, "_attempts", json_integer(attempts));
    json_object_set_new(delivery, "_due_ms", json_integer(call->now_ms + delay_ms));
    return true;
}
