/* Tags of alarms: the document's member `_tags`. */
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/operations.h"
#include "service/doc.h"
#include "service/tag_list.h"

#include <stdio.h>
#include <string.h>

/* The name of the alarm that the request's ResourceARN names, borrowed; NULL and err if none. */
static const char *find_alarm(const struct call *call, struct err *err)
{
    char prefix[128];
    const char *arn = doc_text(call->in, "ResourceARN");
    snprintf(prefix, sizeof prefix, "arn:aws:cloudwatch:%s:%s:alarm:", call->region, call->account);
    const char *name = arn + strlen(prefix);
    if (strncmp(arn, prefix, strlen(prefix)) == 0 &&
        store_get(call->store, alarm_kind, call->region, name))
        return name;
    err_aws(err, "ResourceNotFoundException", "The resource '%.300s' does not exist", arn);
    return NULL;
}

static json_t *edit_tags(const struct call *call, struct err *err)
{
    const char *name = find_alarm(call, err);
    return name ? json_object_get(txn_edit(call->txn, alarm_kind, call->region, name), "_tags")
                : NULL;
}

int cloudwatch_TagResource(struct call *call, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    json_t *into = edit_tags(call, err);
    if (!into)
        return -1;
    if (tag_list_reserves(tags))
        return err_aws(err, "InvalidParameterValue", "Tag keys must not begin with 'aws:'");
    if (tag_list_repeats(tags) || !tag_list_merge(into, tags))
        return err_aws(err, "InvalidParameterValue",
                       "A resource can have at most %d tags, each key once", TAGS_MAX);
    return 0;
}

int cloudwatch_UntagResource(struct call *call, struct err *err)
{
    json_t *tags = edit_tags(call, err);
    if (!tags)
        return -1;
    tag_list_remove(tags, json_object_get(call->in, "TagKeys"));
    return 0;
}

int cloudwatch_ListTagsForResource(struct call *call, struct err *err)
{
    const char *name = find_alarm(call, err);
    if (!name)
        return -1;
    const json_t *alarm = store_get(call->store, alarm_kind, call->region, name);
    json_object_set(call->out, "Tags", json_object_get(alarm, "_tags"));
    return 0;
}
