#include "service/acm/tags.h"

#include "service/acm/certificates.h"
#include "service/acm/operations.h"
#include "service/doc.h"
#include "service/tag_list.h"

/* The operations on certificates and those on resources say the same with other codes. */
static const struct codes {
    const char *reserved, *repeated, *too_many;
} certificate_codes = {"InvalidTagException", "InvalidParameterException", "TooManyTagsException"},
  resource_codes = {"ValidationException", "ValidationException", "ServiceQuotaExceededException"};

/* Adds the Tags of the request. */
static int add_tags(const struct call *call, json_t *into, const struct codes *codes,
                    struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (tag_list_reserves(tags))
        return err_aws(err, codes->reserved,
                       "aws: prefixed tag key names are not allowed for external use.");
    if (tag_list_repeats(tags))
        return err_aws(err, codes->repeated, "Tag keys must be unique.");
    if (!tag_list_merge(into, tags))
        return err_aws(err, codes->too_many, "A certificate can have at most %d tags.", TAGS_MAX);
    return 0;
}

json_t *acm_tags_on_creation(const struct call *call, struct err *err)
{
    json_t *tags = json_array();
    if (add_tags(call, tags, &certificate_codes, err) == 0)
        return tags;
    json_decref(tags);
    return NULL;
}

static int tag(struct call *call, const char *arn_member, const struct codes *codes,
               struct err *err)
{
    json_t *doc = acm_edit(call, doc_text(call->in, arn_member), err);
    return doc ? add_tags(call, json_object_get(doc, "_tags"), codes, err) : -1;
}

int acm_AddTagsToCertificate(struct call *call, struct err *err)
{
    return tag(call, "CertificateArn", &certificate_codes, err);
}

int acm_TagResource(struct call *call, struct err *err)
{
    return tag(call, "ResourceArn", &resource_codes, err);
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

int acm_UntagResource(struct call *call, struct err *err)
{
    json_t *doc = acm_edit(call, doc_text(call->in, "ResourceArn"), err);
    if (!doc)
        return -1;
    tag_list_remove(json_object_get(doc, "_tags"), json_object_get(call->in, "TagKeys"));
    return 0;
}

static int list_tags(struct call *call, const char *arn_member, struct err *err)
{
    const json_t *doc = acm_find(call, doc_text(call->in, arn_member), err);
    if (!doc)
        return -1;
    return json_object_set(call->out, "Tags", json_object_get(doc, "_tags"));
}

int acm_ListTagsForCertificate(struct call *call, struct err *err)
{
    return list_tags(call, "CertificateArn", err);
}

int acm_ListTagsForResource(struct call *call, struct err *err)
{
    return list_tags(call, "ResourceArn", err);
}
