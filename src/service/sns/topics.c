/* The operations on topics. */
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/page.h"
#include "service/sns/delivery.h"
#include "service/sns/operations.h"
#include "service/sns/signing.h"
#include "service/sns/subscription.h"
#include "service/sns/tags.h"
#include "service/sns/topic.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE_MAX = 256, TOPICS_MAX = 10000 /* of a region */, PAGE_SIZE = 100 };

static int check_name(const char *name, struct err *err)
{
    size_t size = strlen(name);
    if (size > 5 && !strcmp(name + size - 5, ".fifo"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Topic Name Reason: FIFO topics are not supported by "
                       "Pileus yet");
    if (!sns_is_name(name, NAME_SIZE_MAX))
        return err_aws(err, "InvalidParameter", "Invalid parameter: Topic Name");
    return 0;
}

static int check_attributes(const json_t *attributes, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)attributes, name, value)
        if (topic_attribute_check(name, json_string_value(value), "Attributes", err) < 0)
            return -1;
    return 0;
}

/* Whether every item of the request is so already: who creates a topic twice means the same. */
static int check_same(const struct call *call, const json_t *topic, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(call->in, "Attributes"), name, value) {
        const char *present = topic_attribute(topic, name);
        if (strcmp(present ? present : "", json_string_value(value)) != 0)
            return err_aws(err, "InvalidParameter",
                           "Invalid parameter: Attributes Reason: Topic already exists with "
                           "different attributes");
    }
    size_t i;
    json_array_foreach (json_object_get(call->in, "Tags"), i, value)
        if (!sns_tags_have(json_object_get(topic, "_tags"), value))
            return err_aws(err, "InvalidParameter",
                           "Invalid parameter: Tags Reason: Topic already exists with different "
                           "tags");
    return 0;
}

static int create(struct call *call, const char *arn, struct err *err)
{
    const json_t *attributes = json_object_get(call->in, "Attributes");
    if (store_count(call->store, topic_kind, call->region) >= TOPICS_MAX)
        return err_aws(err, "TopicLimitExceeded", "Topic limit exceeded");
    json_t *tags = sns_tags_on_creation(call, err);
    if (!tags)
        return -1;
    txn_put(call->txn, topic_kind, call->region, arn,
            json_pack("{s:s, s:o, s:o}", "TopicArn", arn, "_attributes",
                      attributes ? json_deep_copy(attributes) : json_object(), "_tags", tags));
    return sns_signing_prepare(call, err);
}

int sns_CreateTopic(struct call *call, struct err *err)
{
    char arn[SNS_ARN_SIZE];
    const char *name = doc_text(call->in, "Name");
    if (check_name(name, err) < 0 ||
        check_attributes(json_object_get(call->in, "Attributes"), err) < 0)
        return -1;
    if (*doc_text(call->in, "DataProtectionPolicy"))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: DataProtectionPolicy Reason: not supported by Pileus "
                       "yet");
    snprintf(arn, sizeof arn, "arn:aws:sns:%s:%s:%s", call->region, call->account, name);
    const json_t *present = store_get(call->store, topic_kind, call->region, arn);
    if ((present ? check_same(call, present, err) : create(call, arn, err)) < 0)
        return -1;
    return json_object_set_new(call->out, "TopicArn", json_string(arn));
}

int sns_DeleteTopic(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "TopicArn");
    struct err missing = {0};
    if (!topic_find(call, arn, &missing)) {
        if (!strcmp(missing.code, "NotFound")) /* who deletes twice has what was asked for */
            return 0;
        *err = missing;
        return -1;
    }
    subscriptions_delete_of_topic(call, arn);
    deliveries_delete(call, "TopicArn", arn);
    txn_delete(call->txn, topic_kind, call->region, arn);
    return 0;
}

int sns_ListTopics(struct call *call, struct err *err)
{
    static const struct paging paging = {NULL, "NextToken", "NextToken", "InvalidParameter",
                                         PAGE_SIZE};
    json_auto_t *all = json_array();
    store_each (cursor, call->store, topic_kind, call->region)
        json_array_append_new(all, json_pack("{s:s}", "TopicArn", cursor.id));
    return call_page(call, &paging, all, "Topics", err);
}

int sns_GetTopicAttributes(struct call *call, struct err *err)
{
    const json_t *topic = topic_find(call, doc_text(call->in, "TopicArn"), err);
    if (!topic)
        return -1;
    return json_object_set_new(call->out, "Attributes", topic_attributes_show(call, topic));
}

int sns_SetTopicAttributes(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AttributeName");
    const char *value = doc_text(call->in, "AttributeValue");
    json_t *topic = topic_edit(call, doc_text(call->in, "TopicArn"), err);
    if (!topic || topic_attribute_check(name, value, "AttributeName", err) < 0)
        return -1;
    json_t *attributes = json_object_get(topic, "_attributes");
    if (*value || !strcmp(name, "DisplayName"))
        json_object_set_new(attributes, name, json_string(value));
    else
        json_object_del(attributes, name);
    return 0;
}
