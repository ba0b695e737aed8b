#include "service/sns/tags.h"

#include "service/doc.h"
#include "service/sns/operations.h"
#include "service/sns/topic.h"
#include "service/tag_list.h"

#include <string.h>

static int add_tags(const struct call *call, json_t *into, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (tag_list_reserves(tags))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Tags Reason: aws: prefixed tag key names are not "
                       "allowed for external use.");
    if (tag_list_repeats(tags))
        return err_aws(err, "InvalidParameter",
                       "Invalid parameter: Tags Reason: Tag keys must be unique");
    if (!tag_list_merge(into, tags))
        return err_aws(err, "TagLimitExceeded",
                       "Could not complete request: tag quota of per resource exceeded");
    return 0;
}

json_t *sns_tags_on_creation(const struct call *call, struct err *err)
{
    json_t *tags = json_array();
    if (add_tags(call, tags, err) == 0)
        return tags;
    json_decref(tags);
    return NULL;
}

bool sns_tags_have(const json_t *tags, const json_t *tag)
{
    size_t i;
    const json_t *present;
    json_array_foreach (tags, i, present)
        if (json_equal(present, tag))
            return true;
    return false;
}

/* The topic's tags, to be changed. */
static json_t *edit_tags(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "ResourceArn");
    json_t *topic = txn_edit(call->txn, topic_kind, call->region, arn);
    if (!topic)
        err_aws(err, "ResourceNotFound", "Resource does not exist");
    return json_object_get(topic, "_tags");
}

int sns_TagResource(struct call *call, struct err *err)
{
    json_t *tags = edit_tags(call, err);
    return tags ? add_tags(call, tags, err) : -1;
}

int sns_UntagResource(struct call *call, struct err *err)
{
    json_t *tags = edit_tags(call, err);
    if (!tags)
        return -1;
    tag_list_remove(tags, json_object_get(call->in, "TagKeys"));
    return 0;
}

int sns_ListTagsForResource(struct call *call, struct err *err)
{
    const json_t *topic =
        store_get(call->store, topic_kind, call->region, doc_text(call->in, "ResourceArn"));
    if (!topic)
        return err_aws(err, "ResourceNotFound", "Resource does not exist");
    return json_object_set(call->out, "Tags", json_object_get(topic, "_tags"));
}
