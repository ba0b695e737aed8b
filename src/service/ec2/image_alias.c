#include "service/ec2/image_alias.h"

#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/public_images.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "image-alias", host_layer[] = "host";
static const char amazon_folder[] = "/aws/service/ami-amazon-linux-latest/";

const json_t *image_alias_target(const struct call *call, const char *public_id)
{
    const json_t *alias = store_get(call->store, kind, call->region, public_id);
    return alias ? store_get(call->store, "image", call->region, doc_text(alias, "ImageId")) : NULL;
}

bool image_has_alias(const struct call *call, const char *image_id)
{
    store_each (cursor, call->store, kind, call->region)
        if (doc_is(cursor.doc, "ImageId", image_id))
            return true;
    return false;
}

/* Amazon's last parts say what they are ("al2023-ami-..."); others end in "amd64" or "ami-id". */
static bool is_named(const char *path, const char *name)
{
    size_t size = strlen(amazon_folder);
    return strcmp(path, name) == 0 ||
           (strncmp(path, amazon_folder, size) == 0 && strcmp(path + size, name) == 0);
}

/* Writes the id of the public image that is meant. */
static int find_public(const struct call *call, const char *name, char id[PUBLIC_IMAGE_ID_SIZE],
                       struct err *err)
{
    struct public_parameter parameter;
    for (size_t i = 0; public_parameter_at(call->region, i, &parameter); i++)
        if (is_named(parameter.path, name)) {
            memcpy(id, parameter.image_id, PUBLIC_IMAGE_ID_SIZE);
            return 0;
        }
    for (size_t i = 0;; i++) {
        json_auto_t *image = public_image_at(call->region, i);
        if (!image)
            return err_aws(err, "InvalidParameterValue",
                           "%.200s names no public image: it must be an id or a name that "
                           "describe-images shows, or an SSM parameter's path (of Amazon's, the "
                           "last part will do).",
                           name);
        if (!doc_is(image, "Name", name) && !doc_is(image, "ImageId", name))
            continue;
        snprintf(id, PUBLIC_IMAGE_ID_SIZE, "%s", doc_text(image, "ImageId"));
        return 0;
    }
}

/* Of the account's own; a public image would only lead on to another. */
static int check_target(const struct call *call, const char *image_id, struct err *err)
{
    const json_t *image = store_get(call->store, "image", call->region, image_id);
    if (!image || doc_flag(image, "_deregistered"))
        return err_aws(err, "InvalidAMIID.NotFound",
                       "%.64s is not one of your own images in %s (pileus image list).", image_id,
                       call->region);
    if (!doc_is(image, "State", "available"))
        return err_aws(err, "InvalidAMIID.Unavailable", "The image ID '%s' is not available",
                       image_id);
    return 0;
}

int image_alias_set(struct call *call, struct err *err)
{
    char public_id[PUBLIC_IMAGE_ID_SIZE];
    const char *name = ec2_required(call, "Name", err);
    const char *image_id = name ? ec2_required(call, "ImageId", err) : NULL;
    if (!image_id || find_public(call, name, public_id, err) < 0)
        return -1;
    json_object_set_new(call->out, "ImageId", json_string(public_id));
    if (strcmp(image_id, host_layer) == 0) {
        txn_delete(call->txn, kind, call->region, public_id);
        return 0;
    }
    if (check_target(call, image_id, err) < 0)
        return -1;
    txn_put(call->txn, kind, call->region, public_id,
            json_pack("{s:s, s:s}", "Name", name, "ImageId", image_id));
    return 0;
}
