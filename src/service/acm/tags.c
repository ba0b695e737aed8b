#include "service/acm/tags.h"

#include "service/acm/certificates.h"
#include "service/acm/operations.h"
#include "service/doc.h"
#include "service/tag_list.h"

static int check_tags(const json_t *tags, struct err *err)
{
    if (tag_list_reserves(tags))
        return err_aws(err, "InvalidTagException",
                       "aws: prefixed tag key names are not allowed for external use.");
    if (tag_list_repeats(tags))
        return err_aws(err, "InvalidParameterException", "Tag keys must be unique.");
    return 0;
}

static int merge_tags(json_t *into, const json_t *tags, struct err *err)
{
    if (tag_list_merge(into, tags))
        return 0;
    return err_aws(err, "TooManyTagsException", "A certificate can have at most %d tags.",
                   TAGS_MAX);
}

json_t *acm_tags_on_creation(const struct call *call, struct err *err)
{
    const json_t *asked = json_object_get(call->in, "Tags");
    json_t *tags = json_array();
    if (check_tags(asked, err) == 0 && merge_tags(tags, asked, err) == 0)
        return tags;
    json_decref(tags);
    return NULL;
}

int acm_AddTagsToCertificate(struct call *call, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    json_t *doc = acm_edit(call, doc_text(call->in, "CertificateArn"), err);
    if (!doc || check_tags(tags, err) < 0)
        return -1;
    return merge_tags(json_object_get(doc, "_tags"), tags, err);
}

/* A tag with a value is removed only if it has this value. */
static void remove_tag(json_t *tags, const json_t *asked)
{
    for (size_t i = json_array_size(tags); i > 0; i--) {
        const json_t *tag = json_array_get(tags, i - 1);
        if (doc_is(tag, "Key", doc_text(asked, "Key")) &&
            (!json_object_get(asked, "Value") || doc_is(tag, "Value", doc_text(asked, "Value"))))
            json_array_remove(tags, i - 1);
    }
}

int acm_RemoveTagsFromCertificate(struct call *call, struct err *err)
{
    json_t *doc = acm_edit(call, doc_text(call->in, "CertificateArn"), err);
    if (!doc)
        return -1;
    size_t i;
    const json_t *asked;
    json_array_foreach (json_object_get(call->in, "Tags"), i, asked)
        remove_tag(json_object_get(doc, "_tags"), asked);
    return 0;
}

int acm_ListTagsForCertificate(struct call *call, struct err *err)
{
    const json_t *doc = acm_find(call, doc_text(call->in, "CertificateArn"), err);
    if (!doc)
        return -1;
    return json_object_set(call->out, "Tags", json_object_get(doc, "_tags"));
}
