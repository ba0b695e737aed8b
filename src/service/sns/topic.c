#include "service/sns/topic.h"

#include "service/doc.h"

#include <stdio.h>
#include <string.h>

const char topic_kind[] = "topic";

static const char not_an_arn[] =
    "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not %d";

static int check_arn(const struct call *call, const char *arn, struct err *err)
{
    char prefix[96];
    int elements = 1;
    for (const char *at = arn; *at; at++)
        elements += *at == ':';
    if (elements < 6)
        return err_aws(err, "InvalidParameter", not_an_arn, elements);
    snprintf(prefix, sizeof prefix, "arn:aws:sns:%s:", call->region);
    if (elements > 6 || strncmp(arn, prefix, strlen(prefix)) != 0)
        return err_aws(err, "InvalidParameter", "Invalid parameter: TopicArn");
    return 0;
}

const json_t *topic_find(const struct call *call, const char *arn, struct err *err)
{
    if (check_arn(call, arn, err) < 0)
        return NULL;
    const json_t *found = store_get(call->store, topic_kind, call->region, arn);
    if (!found)
        err_aws(err, "NotFound", "Topic does not exist");
    return found;
}

json_t *topic_edit(const struct call *call, const char *arn, struct err *err)
{
    return topic_find(call, arn, err) ? txn_edit(call->txn, topic_kind, call->region, arn) : NULL;
}

const char *topic_attribute(const json_t *topic, const char *name)
{
    return json_string_value(json_object_get(json_object_get(topic, "_attributes"), name));
}

const char *topic_name(const json_t *topic)
{
    return strrchr(doc_text(topic, "TopicArn"), ':') + 1;
}
