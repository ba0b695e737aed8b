/* Publish and PublishBatch: a message becomes a delivery for each subscription that wants it. */
#include "service/doc.h"
#include "service/sns/delivery.h"
#include "service/sns/filter_policy.h"
#include "service/sns/measure.h"
#include "service/sns/operations.h"
#include "service/sns/subscription.h"
#include "service/sns/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_SIZE_MAX_BYTES = 256 * 1024,
    SUBJECT_SIZE_MAX = 100,
    ENTRIES_MAX = 10,
    ENTRY_ID_SIZE_MAX = 80,
    ATTRIBUTE_NAME_SIZE_MAX = 256,
};

/* A request of Publish, or an entry of PublishBatch; `structure` is its Message, if it is JSON. */
struct publication {
    const json_t *in;
    json_t *structure;
    struct sns_message message;
    struct sns_signature signature;
};

/* ---- attributes ---- */

static int refuse_attribute(struct err *err, const char *name, const char *why)
{
    return err_aws(err, "ParameterValueInvalid", "The message attribute '%.256s' %s", name, why);
}

static bool is_number(const char *text)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    errno = 0;
    strtod(text, &end);
    return !*end && !errno;
}

static bool is_array(const char *text)
{
    json_auto_t *array = json_loads(text, 0, NULL);
    size_t i;
    const json_t *item;
    json_array_foreach (array, i, item)
        if (json_is_array(item) || json_is_object(item))
            return false;
    return json_is_array(array);
}

static bool has_prefix(const char *type, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(type, prefix, size) == 0 && (!type[size] || type[size] == '.');
}

static int check_attribute(const char *name, const json_t *attribute, struct err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_-.";
    const char *type = doc_text(attribute, "DataType"), *text = doc_text(attribute, "StringValue");
    size_t size = strlen(name);
    if (!size || size > ATTRIBUTE_NAME_SIZE_MAX || strspn(name, allowed) != size || *name == '.' ||
        name[size - 1] == '.' || strstr(name, ".."))
        return refuse_attribute(err, name, "has an invalid name.");
    if (has_prefix(type, "Binary"))
        return *doc_text(attribute, "BinaryValue")
                   ? 0
                   : refuse_attribute(err, name,
                                      "must contain non-empty message attribute value for message "
                                      "attribute type 'Binary'.");
    if (!has_prefix(type, "String") && !has_prefix(type, "Number"))
        return refuse_attribute(err, name,
                                "has an invalid message attribute type, the set of supported type "
                                "prefixes is Binary, Number, and String.");
    if (!*text)
        return refuse_attribute(err, name,
                                "must contain non-empty message attribute value for its message "
                                "attribute type.");
    if (has_prefix(type, "Number") && !is_number(text))
        return refuse_attribute(err, name, "must have a valid numeric value.");
    if (!strcmp(type, "String.Array") && !is_array(text))
        return refuse_attribute(err, name, "must have a JSON array of simple values.");
    return 0;
}

static int check_attributes(const json_t *attributes, struct err *err)
{
    const char *name;
    json_t *attribute;
    json_object_foreach ((json_t *)(uintptr_t)attributes, name, attribute)
        if (check_attribute(name, attribute, err) < 0)
            return -1;
    return 0;
}

/* ---- the message ---- */

static size_t size_of(const json_t *in)
{
    const char *name;
    json_t *attribute;
    size_t size = json_string_length(json_object_get(in, "Message"));
    json_object_foreach (json_object_get(in, "MessageAttributes"), name, attribute)
        size += strlen(name) + strlen(doc_text(attribute, "DataType")) +
                strlen(doc_text(attribute, "StringValue")) +
                strlen(doc_text(attribute, "BinaryValue")) / 4 * 3;
    return size;
}

/* A subject is one line of a mail. */
static int check_subject(const json_t *subject, struct err *err)
{
    const char *text = json_string_value(subject);
    size_t size = json_string_length(subject);
    bool sound = !subject || (size > 0 && size <= SUBJECT_SIZE_MAX && *text != ' ');
    for (size_t i = 0; sound && i < size; i++)
        sound = text[i] >= ' ' && text[i] < 0x7f;
    return sound ? 0 : err_aws(err, "InvalidParameter", "Invalid parameter: Subject");
}

static int read_structure(struct publication *publication, struct err *err)
{
    const char *structure = doc_text(publication->in, "MessageStructure");
    if (!*structure)
        return 0;
    if (strcmp(structure, "json") != 0)
        return err_aws(err, "InvalidParameter", "Invalid parameter: MessageStructure");
    publication->structure = json_loads(doc_text(publication->in, "Message"), 0, NULL);
    if (!json_is_object(publication->structure))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Message Structure - JSON message body failed to parse");
    if (!json_is_string(json_object_get(publication->structure, "default")))
        return err_aws(
            err, "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body");
    return 0;
}

static int read_publication(const struct call *call, struct publication *publication,
                            struct err *err)
{
    const json_t *in = publication->in;
    if (!*doc_text(in, "Message"))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Empty message");
    if (size_of(in) > MESSAGE_SIZE_MAX_BYTES)
        return err_aws(err, "InvalidParameter", "Invalid parameter: Message too long");
    if (*doc_text(in, "MessageGroupId") || *doc_text(in, "MessageDeduplicationId"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: MessageGroupId Reason: The request includes a parameter "
                       "that is not valid for this topic type");
    if (check_subject(json_object_get(in, "Subject"), err) < 0 ||
        check_attributes(json_object_get(in, "MessageAttributes"), err) < 0 ||
        read_structure(publication, err) < 0)
        return -1;
    publication->message =
        (struct sns_message){.type = "Notification",
                             .subject = json_string_value(json_object_get(in, "Subject")),
                             .text = doc_text(in, "Message"),
                             .attributes = json_object_get(in, "MessageAttributes"),
                             .kept = &publication->signature};
    call_make_uuid(call, publication->message.id);
    return 0;
}

/* What this protocol gets. */
static const char *text_for(const struct publication *publication, const char *protocol)
{
    const char *own = json_string_value(json_object_get(publication->structure, protocol));
    return !publication->structure ? publication->message.text
           : own                   ? own
                                   : doc_text(publication->structure, "default");
}

/* ---- who wants it ---- */

static bool wants(const json_t *subscription, const struct sns_message *message)
{
    const char *text = subscription_attribute(subscription, "FilterPolicy");
    const char *scope = subscription_attribute(subscription, "FilterPolicyScope");
    if (!text)
        return true;
    json_auto_t *policy = json_loads(text, 0, NULL);
    json_auto_t *facts = scope && !strcmp(scope, "MessageBody")
                             ? json_loads(message->text, 0, NULL)
                             : filter_policy_facts(message->attributes);
    return json_is_object(facts) && filter_policy_matches(policy, facts);
}

static int deliver_to(struct call *call, const json_t *topic, struct publication *publication,
                      const char *arn, struct err *err)
{
    const json_t *subscription = store_get(call->store, subscription_kind, call->region, arn);
    struct sns_message message = publication->message;
    message.text = text_for(publication, doc_text(subscription, "Protocol"));
    if (wants(subscription, &message))
        return delivery_add(call, topic, subscription, &message, err);
    sns_measure(call, doc_text(topic, "TopicArn"), SNS_FILTERED_OUT, 1);
    return 0;
}

static int deliver(struct call *call, const json_t *topic, struct publication *publication,
                   struct err *err)
{
    size_t i;
    const json_t *arn;
    json_auto_t *arns = json_array();
    store_each (cursor, call->store, subscription_kind, call->region)
        if (doc_is(cursor.doc, "TopicArn", doc_text(topic, "TopicArn")) &&
            doc_is(cursor.doc, "_state", "confirmed"))
            json_array_append_new(arns, json_string(cursor.id));
    json_array_foreach (arns, i, arn)
        if (deliver_to(call, topic, publication, json_string_value(arn), err) < 0)
            return -1;
    return 0;
}

/* Publishes what `in` says; its id is in *ret. */
static int publish(struct call *call, const json_t *topic, const json_t *in, char ret[37],
                   struct err *err)
{
    struct publication publication = {.in = in};
    int result = read_publication(call, &publication, err);
    if (result == 0)
        result = deliver(call, topic, &publication, err);
    json_decref(publication.structure);
    free(publication.signature.value);
    if (result == 0) {
        sns_measure(call, doc_text(topic, "TopicArn"), SNS_PUBLISHED, 1);
        sns_measure(call, doc_text(topic, "TopicArn"), SNS_PUBLISH_SIZE, (double)size_of(in));
    }
    memcpy(ret, publication.message.id, sizeof publication.message.id);
    return result;
}

int sns_Publish(struct call *call, struct err *err)
{
    char id[37];
    const char *arn = doc_text(call->in, "TopicArn"), *target = doc_text(call->in, "TargetArn");
    if (*doc_text(call->in, "PhoneNumber"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: PhoneNumber Reason: sms is not supported by Pileus "
                       "yet");
    if (!*arn && !*target)
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: TopicArn or TargetArn Reason: no value for required "
                       "parameter");
    if (*arn && *target)
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Both TopicArn and TargetArn were specified");
    const json_t *topic = topic_find(call, *arn ? arn : target, err);
    if (!topic || publish(call, topic, call->in, id, err) < 0)
        return -1;
    return json_object_set_new(call->out, "MessageId", json_string(id));
}

/* ---- batches ---- */

static int check_entries(const json_t *entries, struct err *err)
{
    size_t i, k, size = 0;
    const json_t *entry;
    if (json_array_size(entries) == 0)
        return err_aws(err, "EmptyBatchRequest", "The batch request doesn't contain any entries.");
    if (json_array_size(entries) > ENTRIES_MAX)
        return err_aws(err, "TooManyEntriesInBatchRequest",
                       "The batch request contains more entries than permissible (more than %d).",
                       ENTRIES_MAX);
    json_array_foreach (entries, i, entry) {
        const char *id = doc_text(entry, "Id");
        if (!sns_is_name(id, ENTRY_ID_SIZE_MAX))
            return err_aws(err, "InvalidBatchEntryId",
                           "The Id of a batch entry in a batch request doesn't abide by the "
                           "specification.");
        for (k = 0; k < i; k++)
            if (doc_is(json_array_get(entries, k), "Id", id))
                return err_aws(err, "BatchEntryIdsNotDistinct",
                               "Two or more batch entries in the request have the same Id.");
        size += size_of(entry);
    }
    if (size > MESSAGE_SIZE_MAX_BYTES)
        return err_aws(err, "BatchRequestTooLong",
                       "The length of all the batch messages put together is more than the limit.");
    return 0;
}

int sns_PublishBatch(struct call *call, struct err *err)
{
    const json_t *entries = json_object_get(call->in, "PublishBatchRequestEntries"), *entry;
    const json_t *topic = topic_find(call, doc_text(call->in, "TopicArn"), err);
    size_t i;
    if (!topic || check_entries(entries, err) < 0)
        return -1;
    json_t *successful = json_array(), *failed = json_array();
    json_object_set_new(call->out, "Successful", successful);
    json_object_set_new(call->out, "Failed", failed);
    json_array_foreach (entries, i, entry) {
        char id[37];
        struct err why = {0};
        const char *entry_id = doc_text(entry, "Id");
        if (publish(call, topic, entry, id, &why) == 0) {
            json_array_append_new(successful,
                                  json_pack("{s:s, s:s}", "Id", entry_id, "MessageId", id));
            continue;
        }
        if (!*why.code || !strcmp(why.code, "Throttled")) { /* not the entry's fault */
            *err = why;
            return -1;
        }
        json_array_append_new(failed,
                              json_pack("{s:s, s:s, s:s, s:b}", "Id", entry_id, "Code", why.code,
                                        "Message", why.text, "SenderFault", true));
    }
    return 0;
}
