#include "service/sns/topic.h"

#include "service/doc.h"

#include <stdio.h>
#include <string.h>

const char topic_kind[] = "topic";

int sns_check_arn(const struct call *call, const char *what, const char *arn, int elements,
                  struct err *err)
{
    char prefix[96];
    int count = 1;
    for (const char *at = arn; *at; at++)
        count += *at == ':';
    if (count < 6)
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: %s Reason: An ARN must have at least 6 elements, not %d",
                       what, count);
    snprintf(prefix, sizeof prefix, "arn:aws:sns:%s:", call->region);
    if (count != elements || strncmp(arn, prefix, strlen(prefix)) != 0)
        return err_aws(err, "InvalidParameter", "Invalid parameter: %s", what);
    return 0;
}

bool sns_is_name(const char *text, size_t size_max)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_-";
    size_t size = strlen(text);
    return size > 0 && size <= size_max && strspn(text, allowed) == size;
}

const json_t *topic_find(const struct call *call, const char *arn, struct err *err)
{
    if (sns_check_arn(call, "TopicArn", arn, 6, err) < 0)
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
