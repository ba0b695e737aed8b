#include "service/elbv2/tags.h"

#include "service/doc.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/tag_list.h"

static int check_tags(const json_t *tags, struct err *err)
{
    if (tag_list_reserves(tags))
        return err_aws(err, "ValidationError",
                       "Tag keys starting with 'aws:' are reserved for system use");
    if (tag_list_repeats(tags))
        return err_aws(err, "DuplicateTagKeys", "Tag keys specified are not unique");
    return 0;
}

static int merge_tags(json_t *into, const json_t *tags, struct err *err)
{
    if (tag_list_merge(into, tags))
        return 0;
    return err_aws(err, "TooManyTags", "The number of tags cannot exceed %d", TAGS_MAX);
}

json_t *elb_tags_on_creation(const struct call *call, struct err *err)
{
    const json_t *asked = json_object_get(call->in, "Tags");
    json_t *tags = json_array();
    if (check_tags(asked, err) == 0 && merge_tags(tags, asked, err) == 0)
        return tags;
    json_decref(tags);
    return NULL;
}

/* The document that an ARN of any resource names; NULL and err if there is none. */
static const json_t *find_any(const struct call *call, const json_t *arn, struct err *err)
{
    const char *text = json_string_value(arn);
    enum elb_resource resource = elb_resource_of_arn(text);
    if (resource != ELB_RESOURCES)
        return elb_find(call, resource, text, err);
    err_aws(err, "ValidationError", "'%.300s' is not a valid load balancer ARN", text);
    return NULL;
}

static json_t *edit_tags(const struct call *call, const json_t *arn, struct err *err)
{
    if (!find_any(call, arn, err))
        return NULL;
    const char *text = json_string_value(arn);
    json_t *doc = elb_edit(call, elb_resource_of_arn(text), text, err);
    return json_object_get(doc, "_tags");
}

int elb_AddTags(struct call *call, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (check_tags(tags, err) < 0)
        return -1;
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(call->in, "ResourceArns"), i, arn) {
        json_t *into = edit_tags(call, arn, err);
        if (!into || merge_tags(into, tags, err) < 0)
            return -1;
    }
    return 0;
}

int elb_RemoveTags(struct call *call, struct err *err)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(call->in, "ResourceArns"), i, arn) {
        json_t *tags = edit_tags(call, arn, err);
        if (!tags)
            return -1;
        tag_list_remove(tags, json_object_get(call->in, "TagKeys"));
    }
    return 0;
}

int elb_DescribeTags(struct call *call, struct err *err)
{
    json_t *descriptions = json_array();
    json_object_set_new(call->out, "TagDescriptions", descriptions);
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(call->in, "ResourceArns"), i, arn) {
        const json_t *doc = find_any(call, arn, err);
        if (!doc)
            return -1;
        json_array_append_new(descriptions, json_pack("{s:O, s:O}", "ResourceArn", (json_t *)arn,
                                                      "Tags", json_object_get(doc, "_tags")));
    }
    return 0;
}
