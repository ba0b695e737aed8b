/* The operations on subscriptions. */
#include "service/doc.h"
#include "service/page.h"
#include "service/sns/delivery.h"
#include "service/sns/operations.h"
#include "service/sns/signing.h"
#include "service/sns/subscription.h"
#include "service/sns/topic.h"
#include "wire/http_url.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum {
    SUBSCRIPTIONS_MAX = 10000, /* of a region */
    PAGE_SIZE = 100,
    MAIL_ADDRESS_MAX = 254,
    TOKEN_SIZE = 4 * 16 + 1,
};

/* Of a token, and of what waits for one; in cloud time. */
static const int64_t token_ms = (int64_t)2 * 86400 * 1000;

static const char letters_and_digits[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* ---- what is asked for ---- */

/* Mail is written to a folder of the address's name: nothing in it may lead elsewhere. */
static int check_mail(const char *endpoint, struct err *err)
{
    char allowed[96];
    const char *at = strchr(endpoint, '@');
    size_t size = strlen(endpoint);
    snprintf(allowed, sizeof allowed, "%s._%%+-", letters_and_digits);
    if (!at || at == endpoint || size > MAIL_ADDRESS_MAX || *endpoint == '.' ||
        strspn(endpoint, allowed) != (size_t)(at - endpoint))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Email address");
    snprintf(allowed, sizeof allowed, "%s.-", letters_and_digits);
    if (!at[1] || at[1] == '.' || at[1] == '-' || strspn(at + 1, allowed) != strlen(at + 1))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Email address");
    return 0;
}

static int check_url(const char *protocol, const char *endpoint, struct err *err)
{
    struct http_url url;
    if (!http_url_parse((struct slice){endpoint, strlen(endpoint)}, &url))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Endpoint");
    if (url.tls != !strcmp(protocol, "https"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Endpoint must match the specified protocol");
    return 0;
}

static int check_endpoint(const char *protocol, const char *endpoint, struct err *err)
{
    static const char *const unsupported[] = {"sqs", "lambda", "sms", "firehose", "application"};
    if (!strcmp(protocol, "http") || !strcmp(protocol, "https"))
        return check_url(protocol, endpoint, err);
    if (!strcmp(protocol, "email") || !strcmp(protocol, "email-json"))
        return check_mail(endpoint, err);
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (!strcmp(protocol, unsupported[i]))
            return err_aws(err, "InvalidParameter",
                           "Invalid parameter: Protocol Reason: the protocol %s is not supported "
                           "by Pileus yet",
                           protocol);
    return err_aws(err, "InvalidParameter",
                   "Invalid parameter: Amazon SNS does not support this protocol string: %.100s",
                   protocol);
}

/* The document of the same topic, protocol and endpoint; NULL if there is none. */
static const json_t *find_same(const struct call *call)
{
    store_each (cursor, call->store, subscription_kind, call->region)
        if (doc_is(cursor.doc, "TopicArn", doc_text(call->in, "TopicArn")) &&
            doc_is(cursor.doc, "Protocol", doc_text(call->in, "Protocol")) &&
            doc_is(cursor.doc, "Endpoint", doc_text(call->in, "Endpoint")))
            return cursor.doc;
    return NULL;
}

static int set_attributes(const struct call *call, json_t *subscription, struct err *err)
{
    static const char scope[] = "FilterPolicyScope";
    const json_t *attributes = json_object_get(call->in, "Attributes");
    const char *name;
    json_t *value;
    /* The scope first: it says what a filter policy may look like. */
    if (json_object_get(attributes, scope) &&
        subscription_attribute_set(subscription, scope, doc_text(attributes, scope), "Attributes",
                                   err) < 0)
        return -1;
    json_object_foreach ((json_t *)(uintptr_t)attributes, name, value)
        if (strcmp(name, scope) != 0 &&
            subscription_attribute_set(subscription, name, json_string_value(value), "Attributes",
                                       err) < 0)
            return -1;
    return 0;
}

/* ---- Subscribe ---- */

static void make_token(const struct call *call, char out[TOKEN_SIZE])
{
    for (int i = 0; i < 4; i++)
        call_make_hex16(call, out + (size_t)16 * (size_t)i);
}

/* Sends the message that has the token. */
static int ask(struct call *call, const char *arn, const char *type, const char *text,
               struct err *err)
{
    char token[TOKEN_SIZE];
    make_token(call, token);
    json_t *subscription = txn_edit(call->txn, subscription_kind, call->region, arn);
    json_object_set_new(subscription, "_token", json_string(token));
    json_object_set_new(subscription, "_forget_ms", json_integer(call->now_ms + token_ms));
    const json_t *topic = topic_find(call, doc_text(subscription, "TopicArn"), err);
    struct sns_message message = {.type = type, .text = text, .token = token};
    call_make_uuid(call, message.id);
    return topic ? delivery_add(call, topic, subscription, &message, err) : -1;
}

static int ask_to_confirm(struct call *call, const char *arn, struct err *err)
{
    char text[SNS_ARN_SIZE + 160];
    snprintf(text, sizeof text,
             "You have chosen to subscribe to the topic %s.\nTo confirm the subscription, visit "
             "the SubscribeURL included in this message.",
             doc_text(call->in, "TopicArn"));
    return ask(call, arn, "SubscriptionConfirmation", text, err);
}

/* A new document, whose ARN is borrowed from it; NULL and err if there are too many. */
static const char *add(struct call *call, const json_t *topic, struct err *err)
{
    char uuid[37], arn[SNS_ARN_SIZE];
    if (store_count(call->store, subscription_kind, call->region) >= SUBSCRIPTIONS_MAX) {
        err_aws(err, "SubscriptionLimitExceeded", "Subscription limit exceeded");
        return NULL;
    }
    call_make_uuid(call, uuid);
    snprintf(arn, sizeof arn, "%s:%s", doc_text(topic, "TopicArn"), uuid);
    json_t *doc = json_pack("{s:s, s:s, s:O, s:O, s:O, s:{}, s:s}", "SubscriptionArn", arn, "Owner",
                            call->account, "Protocol", json_object_get(call->in, "Protocol"),
                            "Endpoint", json_object_get(call->in, "Endpoint"), "TopicArn",
                            json_object_get(topic, "TopicArn"), "_attributes", "_state", "pending");
    txn_put(call->txn, subscription_kind, call->region, arn, doc);
    return doc_text(doc, "SubscriptionArn");
}

/* Who subscribes again gets what there is, with these attributes if it is not confirmed yet. */
static int subscribe(struct call *call, const char *arn, struct err *err)
{
    json_t *doc = txn_edit(call->txn, subscription_kind, call->region, arn);
    if (doc_is(doc, "_state", "confirmed")) {
        json_auto_t *before = json_deep_copy(json_object_get(doc, "_attributes"));
        if (set_attributes(call, doc, err) < 0)
            return -1;
        if (!json_equal(before, json_object_get(doc, "_attributes")))
            return err_aws(err, "InvalidParameter",
                           "Invalid parameter: Attributes Reason: Subscription already exists "
                           "with different attributes");
        return 0;
    }
    json_object_set_new(doc, "_state", json_string("pending"));
    if (set_attributes(call, doc, err) < 0)
        return -1;
    return ask_to_confirm(call, arn, err);
}

int sns_Subscribe(struct call *call, struct err *err)
{
    const char *protocol = doc_text(call->in, "Protocol");
    const json_t *topic = topic_find(call, doc_text(call->in, "TopicArn"), err);
    if (!topic || check_endpoint(protocol, doc_text(call->in, "Endpoint"), err) < 0 ||
        sns_signing_prepare(call, err) < 0)
        return -1;
    const json_t *same = find_same(call);
    const char *found = same ? doc_text(same, "SubscriptionArn") : add(call, topic, err);
    if (!found)
        return -1;
    char arn[SNS_ARN_SIZE];
    snprintf(arn, sizeof arn, "%s", found);
    if (subscribe(call, arn, err) < 0)
        return -1;
    const json_t *doc = store_get(call->store, subscription_kind, call->region, arn);
    bool shown = doc_is(doc, "_state", "confirmed") || doc_flag(call->in, "ReturnSubscriptionArn");
    return json_object_set_new(call->out, "SubscriptionArn",
                               json_string(shown ? arn : "pending confirmation"));
}

/* ---- ConfirmSubscription, Unsubscribe ---- */

/* Whether the request is signed; the links of messages are not. */
static bool is_signed(const struct call *call)
{
    return *call->user_arn != 0;
}

static bool has_token(const json_t *doc, const char *topic_arn, const char *token)
{
    const char *own = doc_text(doc, "_token");
    return doc_is(doc, "TopicArn", topic_arn) && strlen(own) == strlen(token) && *own &&
           CRYPTO_memcmp(own, token, strlen(own)) == 0;
}

int sns_ConfirmSubscription(struct call *call, struct err *err)
{
    const char *topic_arn = doc_text(call->in, "TopicArn"), *token = doc_text(call->in, "Token");
    const char *authenticated = doc_text(call->in, "AuthenticateOnUnsubscribe");
    char arn[SNS_ARN_SIZE] = "";
    if (!topic_find(call, topic_arn, err))
        return -1;
    store_each (cursor, call->store, subscription_kind, call->region)
        if (has_token(cursor.doc, topic_arn, token))
            snprintf(arn, sizeof arn, "%s", cursor.id);
    if (!*arn)
        return err_aws(err, "InvalidParameter", "Invalid parameter: Token");
    json_t *doc = txn_edit(call->txn, subscription_kind, call->region, arn);
    if (!doc_is(doc, "_state", "confirmed")) {
        json_object_set_new(doc, "_state", json_string("confirmed"));
        json_object_set_new(doc, "_confirmed_by_owner", json_boolean(is_signed(call)));
        json_object_set_new(doc, "_ends_by_owner",
                            json_boolean(is_signed(call) && !strcmp(authenticated, "true")));
        json_object_del(doc, "_forget_ms");
    }
    return json_object_set(call->out, "SubscriptionArn", json_object_get(doc, "SubscriptionArn"));
}

static int remove_by_link(struct call *call, const json_t *subscription, struct err *err)
{
    char text[SNS_ARN_SIZE + 160], arn[SNS_ARN_SIZE];
    if (doc_flag(subscription, "_ends_by_owner"))
        return err_aws(err, "AuthorizationError",
                       "User is not authorized to perform: SNS:Unsubscribe on this resource");
    snprintf(arn, sizeof arn, "%s", doc_text(subscription, "SubscriptionArn"));
    json_t *doc = txn_edit(call->txn, subscription_kind, call->region, arn);
    json_object_set_new(doc, "_state", json_string("removed"));
    snprintf(text, sizeof text,
             "You have chosen to deactivate subscription %s.\nTo cancel this operation and "
             "restore the subscription, visit the SubscribeURL included in this message.",
             arn);
    deliveries_delete(call, "SubscriptionArn", arn);
    return ask(call, arn, "UnsubscribeConfirmation", text, err);
}

int sns_Unsubscribe(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "SubscriptionArn");
    struct err missing = {0};
    const json_t *found = subscription_find(call, arn, &missing);
    if (!found && !strcmp(missing.code, "NotFound")) /* who ends it twice has what was asked for */
        return 0;
    if (!found) {
        *err = missing;
        return -1;
    }
    if (doc_is(found, "_state", "pending"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: SubscriptionArn Reason: This subscription is pending "
                       "confirmation and cannot be unsubscribed");
    if (!is_signed(call))
        return remove_by_link(call, found, err);
    deliveries_delete(call, "SubscriptionArn", arn);
    txn_delete(call->txn, subscription_kind, call->region, arn);
    return 0;
}

/* ---- what is shown ---- */

static json_t *show(const json_t *subscription)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)subscription);
    if (doc_is(subscription, "_state", "pending"))
        json_object_set_new(shown, "SubscriptionArn", json_string("PendingConfirmation"));
    return shown;
}

/* Those of a topic; NULL: of all. */
static int list(struct call *call, const char *topic_arn, struct err *err)
{
    static const struct paging paging = {NULL, "NextToken", "NextToken", "InvalidParameter",
                                         PAGE_SIZE};
    json_auto_t *all = json_array();
    store_each (cursor, call->store, subscription_kind, call->region)
        if (!doc_is(cursor.doc, "_state", "removed") &&
            (!topic_arn || doc_is(cursor.doc, "TopicArn", topic_arn)))
            json_array_append_new(all, show(cursor.doc));
    return call_page(call, &paging, all, "Subscriptions", err);
}

int sns_ListSubscriptions(struct call *call, struct err *err)
{
    return list(call, NULL, err);
}

int sns_ListSubscriptionsByTopic(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "TopicArn");
    return topic_find(call, arn, err) ? list(call, arn, err) : -1;
}

int sns_GetSubscriptionAttributes(struct call *call, struct err *err)
{
    const json_t *found = subscription_find(call, doc_text(call->in, "SubscriptionArn"), err);
    if (!found)
        return -1;
    return json_object_set_new(call->out, "Attributes", subscription_attributes_show(call, found));
}

int sns_SetSubscriptionAttributes(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "SubscriptionArn");
    if (!subscription_find(call, arn, err))
        return -1;
    return subscription_attribute_set(txn_edit(call->txn, subscription_kind, call->region, arn),
                                      doc_text(call->in, "AttributeName"),
                                      doc_text(call->in, "AttributeValue"), "AttributeName", err);
}
