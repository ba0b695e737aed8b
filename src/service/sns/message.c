#include "service/sns/message.h"

#include "base/cleanup.h"
#include "model/timestamp.h"
#include "service/doc.h"
#include "service/sns/signing.h"
#include "service/sns/topic.h"
#include "wire/http_url.h"

#include <stdlib.h>
#include <string.h>

/* What a message says besides, made once for it and a subscription. */
struct parts {
    const struct sns_message *message;
    const char *topic_arn;
    struct buf timestamp, link; /* to confirm, or to unsubscribe */
};

static bool is_notification(const struct sns_message *message)
{
    return !strcmp(message->type, "Notification");
}

/* Whether an endpoint is in the cloud, and reaches us by AWS's names only. */
static bool is_in_cloud(const char *endpoint)
{
    struct http_url url;
    unsigned second;
    if (!http_url_parse((struct slice){endpoint, strlen(endpoint)}, &url))
        return false;
    size_t size = strlen(url.host);
    bool named = size > 14 && !strcmp(url.host + size - 14, ".amazonaws.com");
    return named || (sscanf(url.host, "100.%3u.", &second) == 1 && second >= 64 && second < 128);
}

/* Where the links of a message lead: who gets it must reach it there. */
static void write_base(const struct call *call, const json_t *subscription, struct buf *out)
{
    if (is_in_cloud(doc_text(subscription, "Endpoint")))
        buf_printf(out, "https://sns.%s.amazonaws.com", call->region);
    else
        buf_append_string(out, call->world->endpoint);
}

static void write_link(const struct call *call, const json_t *subscription, struct parts *parts)
{
    write_base(call, subscription, &parts->link);
    if (is_notification(parts->message))
        buf_printf(&parts->link, "/?Action=Unsubscribe&SubscriptionArn=%s",
                   doc_text(subscription, "SubscriptionArn"));
    else
        buf_printf(&parts->link, "/?Action=ConfirmSubscription&TopicArn=%s&Token=%s",
                   parts->topic_arn, parts->message->token);
}

/* ---- the signature ---- */

static void write_signed(struct buf *out, const char *name, const char *value)
{
    if (value)
        buf_printf(out, "%s\n%s\n", name, value);
}

/* https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
static char *sign(struct call *call, const struct parts *parts, const char *version,
                  struct err *err)
{
    const struct sns_message *message = parts->message;
    bool notifies = is_notification(message);
    auto_buf text = {0};
    write_signed(&text, "Message", message->text);
    write_signed(&text, "MessageId", message->id);
    write_signed(&text, "Subject", notifies ? message->subject : NULL);
    write_signed(&text, "SubscribeURL", notifies ? NULL : parts->link.data);
    write_signed(&text, "Timestamp", parts->timestamp.data);
    write_signed(&text, "Token", notifies ? NULL : message->token);
    write_signed(&text, "TopicArn", parts->topic_arn);
    write_signed(&text, "Type", message->type);
    if (!text.failed)
        return sns_sign(call, version, text.data, text.size, err);
    err_set(err, "out of memory");
    return NULL;
}

/* The signature, borrowed from what is kept. */
static const char *keep_signature(struct call *call, const struct parts *parts, const char *version,
                                  struct sns_signature *kept, struct err *err)
{
    if (kept->text != parts->message->text) {
        free(kept->value);
        kept->value = sign(call, parts, version, err);
        kept->text = kept->value ? parts->message->text : NULL;
    }
    return kept->value;
}

/* ---- JSON, laid out as AWS lays it out ---- */

static void write_string(struct buf *out, const char *text)
{
    json_auto_t *value = json_string(text);
    auto_free char *dumped = json_dumps(value, JSON_ENCODE_ANY);
    if (dumped)
        buf_append_string(out, dumped);
    out->failed |= !dumped;
}

static void write_member(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, "%s\n  \"%s\" : ", out->size > 1 ? "," : "", name);
    write_string(out, value);
}

static void write_attributes(struct buf *out, const json_t *attributes)
{
    const char *name, *separator = "";
    json_t *attribute;
    buf_append_string(out, ",\n  \"MessageAttributes\" : {");
    json_object_foreach ((json_t *)(uintptr_t)attributes, name, attribute) {
        const char *binary = json_string_value(json_object_get(attribute, "BinaryValue"));
        buf_printf(out, "%s\n    ", separator);
        write_string(out, name);
        buf_append_string(out, " : {\"Type\":");
        write_string(out, doc_text(attribute, "DataType"));
        buf_append_string(out, ",\"Value\":");
        write_string(out, binary ? binary : doc_text(attribute, "StringValue"));
        buf_append_char(out, '}');
        separator = ",";
    }
    buf_append_string(out, "\n  }");
}

static void write_all(const struct call *call, const json_t *subscription,
                      const struct parts *parts, const char *version, const char *signature,
                      struct buf *out)
{
    const struct sns_message *message = parts->message;
    bool notifies = is_notification(message);
    auto_buf certificate = {0};
    write_base(call, subscription, &certificate);
    buf_printf(&certificate, "/%s", sns_signing_file(call->store));
    buf_append_char(out, '{');
    write_member(out, "Type", message->type);
    write_member(out, "MessageId", message->id);
    write_member(out, "Token", notifies ? NULL : message->token);
    write_member(out, "TopicArn", parts->topic_arn);
    write_member(out, "Subject", notifies ? message->subject : NULL);
    write_member(out, "Message", message->text);
    write_member(out, "SubscribeURL", notifies ? NULL : parts->link.data);
    write_member(out, "Timestamp", parts->timestamp.data);
    write_member(out, "SignatureVersion", version);
    write_member(out, "Signature", signature);
    write_member(out, "SigningCertURL", certificate.data);
    write_member(out, "UnsubscribeURL", notifies ? parts->link.data : NULL);
    if (json_object_size(message->attributes))
        write_attributes(out, message->attributes);
    buf_append_string(out, "\n}");
}

int message_write_json(struct call *call, const json_t *topic, const json_t *subscription,
                       const struct sns_message *message, struct buf *out, struct err *err)
{
    struct parts parts = {.message = message, .topic_arn = doc_text(topic, "TopicArn")};
    const char *version = topic_attribute(topic, "SignatureVersion");
    if (!version)
        version = "1";
    timestamp_iso8601(&parts.timestamp, (double)call->now_ms / 1000);
    write_link(call, subscription, &parts);
    struct sns_signature own = {0};
    const char *signature =
        keep_signature(call, &parts, version, message->kept ? message->kept : &own, err);
    bool is_signed = signature != NULL;
    if (is_signed)
        write_all(call, subscription, &parts, version, signature, out);
    buf_reset(&parts.timestamp);
    buf_reset(&parts.link);
    free(own.value);
    if (!is_signed)
        return -1;
    return out->failed ? err_set(err, "out of memory") : 0;
}

/* ---- mail ---- */

static const struct {
    const char *type, *subject, *intro, *link, *outro;
} letters[] = {
    {"Notification", "AWS Notification Message", "",
     "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit "
     "the link below to unsubscribe:\n",
     "\n"},
    {"SubscriptionConfirmation", "AWS Notification - Subscription Confirmation",
     "You have chosen to subscribe to the topic:\n",
     "\n\nTo confirm this subscription, click or visit the link below (If this was in error no "
     "action is necessary):\n",
     "\n"},
    {"UnsubscribeConfirmation", "AWS Notification - Unsubscribe Confirmation",
     "Your subscription to the topic below has been deactivated:\n",
     "\n\nIf this was in error, click or visit the link below to subscribe again:\n", "\n"},
};

void message_write_mail(const struct call *call, const json_t *topic, const json_t *subscription,
                        const struct sns_message *message, struct buf *subject, struct buf *out)
{
    struct parts parts = {.message = message, .topic_arn = doc_text(topic, "TopicArn")};
    size_t i = 0;
    while (strcmp(letters[i].type, message->type) != 0)
        i++;
    write_link(call, subscription, &parts);
    buf_append_string(subject, message->subject ? message->subject : letters[i].subject);
    buf_append_string(out, letters[i].intro);
    buf_append_string(out, is_notification(message) ? message->text : parts.topic_arn);
    buf_append_string(out, letters[i].link);
    buf_append(out, parts.link.data, parts.link.size);
    buf_append_string(out, letters[i].outro);
    buf_reset(&parts.link);
}
