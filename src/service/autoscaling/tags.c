#include "service/autoscaling/tags.h"

#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"

#include <string.h>

enum { TAGS_MAX = 50 };

/* The position of a tag in a group's Tags, or their number. */
static size_t find_tag(const json_t *tags, const char *key)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag)
        if (!strcmp(doc_text(tag, "Key"), key))
            return i;
    return json_array_size(tags);
}

/* The group that a tag names; AWS has words of its own for one that is not there. */
static json_t *group_of_tag(struct call *call, const json_t *tag, const char *only_group,
                            struct err *err)
{
    struct err ignored;
    const char *type = doc_text(tag, "ResourceType");
    const char *name = doc_text(tag, "ResourceId");
    if (*type && strcmp(type, "auto-scaling-group")) {
        err_aws(err, "ValidationError", "Invalid resource type: %s", type);
        return NULL;
    }
    if (only_group && *name && strcmp(name, only_group)) {
        err_aws(err, "ValidationError", "The tag's ResourceId %s is not the group %s.", name,
                only_group);
        return NULL;
    }
    if (only_group)
        name = only_group;
    json_t *group = group_edit(call, name, &ignored);
    if (!group)
        err_aws(err, "ValidationError",
                "AutoScalingGroup not found - AutoScaling Group %s not found", name);
    return group;
}

static int apply_tag(json_t *group, const json_t *tag, struct err *err)
{
    json_t *tags = json_object_get(group, "Tags");
    const char *key = doc_text(tag, "Key");
    size_t i = find_tag(tags, key);
    if (!strncasecmp(key, "aws:", 4))
        return err_aws(err, "ValidationError",
                       "The tag key '%s' is invalid: aws: prefixed tag key names are not allowed "
                       "for external use.",
                       key);
    if (i >= TAGS_MAX)
        return err_aws(err, "LimitExceeded", "The number of tags of a group must not exceed %d.",
                       TAGS_MAX);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:b}", "ResourceId",
                            doc_text(group, "AutoScalingGroupName"), "ResourceType",
                            "auto-scaling-group", "Key", key, "Value", doc_text(tag, "Value"),
                            "PropagateAtLaunch", doc_flag(tag, "PropagateAtLaunch"));
    if (i < json_array_size(tags))
        json_array_set_new(tags, i, row);
    else
        json_array_append_new(tags, row);
    return 0;
}

int tags_apply(struct call *call, const json_t *tags, const char *only_group, struct err *err)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag) {
        json_t *group = group_of_tag(call, tag, only_group, err);
        if (!group || apply_tag(group, tag, err) < 0)
            return -1;
    }
    return 0;
}

int autoscaling_CreateOrUpdateTags(struct call *call, struct err *err)
{
    return tags_apply(call, json_object_get(call->in, "Tags"), NULL, err);
}

int autoscaling_DeleteTags(struct call *call, struct err *err)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (json_object_get(call->in, "Tags"), i, tag) {
        json_t *group = group_of_tag(call, tag, NULL, err);
        if (!group)
            return -1;
        json_t *tags = json_object_get(group, "Tags");
        json_array_remove(tags, find_tag(tags, doc_text(tag, "Key")));
    }
    return 0;
}

/* The filters of DescribeTags. */
static int tag_passes(const json_t *tag, const json_t *filters, bool *ret_passes, struct err *err)
{
    static const struct {
        const char *filter, *member;
    } names[] = {{"auto-scaling-group", "ResourceId"}, {"key", "Key"}, {"value", "Value"}};
    size_t i;
    const json_t *filter;
    *ret_passes = true;
    json_array_foreach (filters, i, filter) {
        const char *name = doc_text(filter, "Name");
        const json_t *values = json_object_get(filter, "Values");
        const char *text = NULL;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (!strcmp(names[k].filter, name))
                text = doc_text(tag, names[k].member);
        if (!strcmp(name, "propagate-at-launch"))
            text = doc_flag(tag, "PropagateAtLaunch") ? "true" : "false";
        if (!text)
            return err_aws(err, "ValidationError", "Filter type %s is not correct.", name);
        *ret_passes &= doc_list_has(values, text);
    }
    return 0;
}

int autoscaling_DescribeTags(struct call *call, struct err *err)
{
    json_auto_t *all = json_array();
    json_auto_t *none = json_object();
    const json_t *filters = json_object_get(call->in, "Filters");
    bool passes;
    if (tag_passes(none, filters, &passes, err) < 0) /* also where there is no tag */
        return -1;
    store_each (cursor, call->store, group_kind, call->region) {
        size_t i;
        json_t *tag;
        json_array_foreach (json_object_get(cursor.doc, "Tags"), i, tag) {
            if (tag_passes(tag, filters, &passes, err) < 0)
                return -1;
            if (passes)
                json_array_append(all, tag);
        }
    }
    return call_page(call, &autoscaling_paging, all, "Tags", err);
}
