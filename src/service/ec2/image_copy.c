/* CopyImage, within a region: another image on the same layers, which stay as long as one needs
 * them. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/tags.h"

#include <string.h>

static const char kind[] = "image";

/* Those of the request, and those of an own source if they shall be copied. */
static json_t *make_tags(const struct call *call, const json_t *source, struct err *err)
{
    json_t *tags = ec2_tags_on_creation(call, kind, "image snapshot", err);
    bool copies = doc_flag(call->in, "CopyImageTags") && doc_is(source, "OwnerId", call->account);
    if (!tags || !copies)
        return tags;
    json_t *merged = json_deep_copy(json_object_get(source, "Tags"));
    if (ec2_tags_merge(merged, tags, err) < 0) {
        json_decref(merged);
        merged = NULL;
    }
    json_decref(tags);
    return merged;
}

int ec2_CopyImage(struct call *call, struct err *err)
{
    char id[32];
    const char *name = ec2_required(call, "Name", err);
    const char *source_id = name ? ec2_required(call, "SourceImageId", err) : NULL;
    const char *region = source_id ? ec2_required(call, "SourceRegion", err) : NULL;
    if (!region || call_accept(call->in,
                               "Name SourceImageId SourceRegion Description CopyImageTags "
                               "TagSpecifications",
                               err) < 0)
        return -1;
    if (strcmp(region, call->region) != 0)
        return err_aws(err, "UnsupportedOperation",
                       "Copying an image from another region is not supported by Pileus yet.");
    json_auto_t *source = image_find_available(call, source_id, err);
    if (!source || image_check_name(call, name, err) < 0)
        return -1;
    json_auto_t *tags = make_tags(call, source, err);
    if (!tags)
        return -1;
    call_make_id(call, "ami", id);
    json_t *image = image_make_document(call, source, id, name);
    const char *description = ec2_text(call->in, "Description");
    json_object_set(image, "BlockDeviceMappings", json_object_get(source, "BlockDeviceMappings"));
    json_object_set(image, "ImdsSupport", json_object_get(source, "ImdsSupport"));
    json_object_set_new(image, "Description",
                        json_string(description ? description : doc_text(source, "Description")));
    json_object_set(image, "SourceImageId", json_object_get(source, "ImageId"));
    json_object_set_new(image, "SourceImageRegion", json_string(region));
    json_object_set_new(image, "State", json_string("available"));
    json_object_set(image, "Tags", tags);
    txn_put(call->txn, kind, call->region, id, image);
    return json_object_set_new(call->out, "ImageId", json_string(id));
}
