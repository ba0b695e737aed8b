#include "service/ec2/images.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/image_alias.h"
#include "service/ec2/public_images.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { IMAGES_MAX = 5000, NAME_SIZE_MIN = 3, NAME_SIZE_MAX = 128 };

static const char kind[] = "image";
static const char resolve_prefix[] = "resolve:ssm:";

/* ---- finding ---- */

/* A public image, standing on the layers of the image that an alias points it at, if one does. */
static json_t *find_public(const struct call *call, const char *image_id)
{
    json_t *image = public_image_find(call->region, image_id);
    const json_t *target = image ? image_alias_target(call, image_id) : NULL;
    if (target)
        json_object_set(image, "_layers", json_object_get(target, "_layers"));
    return image;
}

static json_t *find_by_parameter(const struct call *call, const char *path, struct err *err)
{
    struct public_parameter parameter;
    if (public_parameter_find(call->region, path, &parameter))
        return find_public(call, parameter.image_id);
    err_aws(err, "InvalidParameterValue",
            "Unable to resolve the SSM parameter '%.255s': it does not exist.", path);
    return NULL;
}

json_t *image_find(const struct call *call, const char *image_id, struct err *err)
{
    if (strncmp(image_id, resolve_prefix, strlen(resolve_prefix)) == 0)
        return find_by_parameter(call, image_id + strlen(resolve_prefix), err);
    if (ec2_id_check(kind, image_id, err) < 0)
        return NULL;
    const json_t *doc = store_get(call->store, kind, call->region, image_id);
    if (doc && !doc_flag(doc, "_deregistered"))
        return json_incref((json_t *)(uintptr_t)doc);
    json_t *image = find_public(call, image_id);
    if (!image)
        ec2_id_not_found(kind, image_id, err);
    return image;
}

json_t *image_find_available(const struct call *call, const char *image_id, struct err *err)
{
    json_t *image = image_find(call, image_id, err);
    if (!image || doc_is(image, "State", "available"))
        return image;
    err_aws(err, "InvalidAMIID.Unavailable", "The image ID '%s' is not available", image_id);
    json_decref(image);
    return NULL;
}

/* ---- DescribeImages ---- */

static const struct ec2_filter filters[] = {
    {"architecture", "Architecture"},
    {"block-device-mapping.delete-on-termination", "BlockDeviceMappings.Ebs.DeleteOnTermination"},
    {"block-device-mapping.device-name", "BlockDeviceMappings.DeviceName"},
    {"block-device-mapping.snapshot-id", "BlockDeviceMappings.Ebs.SnapshotId"},
    {"block-device-mapping.volume-size", "BlockDeviceMappings.Ebs.VolumeSize"},
    {"block-device-mapping.volume-type", "BlockDeviceMappings.Ebs.VolumeType"},
    {"block-device-mapping.encrypted", "BlockDeviceMappings.Ebs.Encrypted"},
    {"creation-date", "CreationDate"},
    {"description", "Description"},
    {"ena-support", "EnaSupport"},
    {"hypervisor", "Hypervisor"},
    {"image-id", "ImageId"},
    {"image-type", "ImageType"},
    {"is-public", "Public"},
    {"manifest-location", "ImageLocation"},
    {"name", "Name"},
    {"owner-alias", "ImageOwnerAlias"},
    {"owner-id", "OwnerId"},
    {"platform", "Platform"},
    {"root-device-name", "RootDeviceName"},
    {"root-device-type", "RootDeviceType"},
    {"source-instance-id", "SourceInstanceId"},
    {"state", "State"},
    {"state-reason-code", "StateReason.Code"},
    {"sriov-net-support", "SriovNetSupport"},
    {"virtualization-type", "VirtualizationType"},
    {"image-allowed", "ImageAllowed"},
    {"kernel-id", "KernelId"},
    {"product-code", "ProductCodes.ProductCodeId"},
    {"product-code.type", "ProductCodes.ProductCodeType"},
    {"ramdisk-id", "RamdiskId"},
    {"source-image-id", "SourceImageId"},
    {"source-image-region", "SourceImageRegion"},
    {"state-reason-message", "StateReason.Message"},
    {NULL, NULL},
};

static const struct ec2_describe describe_images = {
    .list = "Images",
    .filters = filters,
    .results_min = 1,
};

/* Owners are account ids, "self", or an alias such as "amazon". */
static bool has_owner(const struct call *call, const json_t *image)
{
    const json_t *owners = json_object_get(call->in, "Owners");
    if (json_array_size(owners) == 0 || doc_list_has(owners, doc_text(image, "OwnerId")) ||
        doc_list_has(owners, doc_text(image, "ImageOwnerAlias")))
        return true;
    return doc_list_has(owners, "self") && doc_is(image, "OwnerId", call->account);
}

/* "self" has explicit permission for its own images only; "all" means public ones. */
static bool is_executable(const struct call *call, const json_t *image)
{
    const json_t *users = json_object_get(call->in, "ExecutableUsers");
    if (json_array_size(users) == 0)
        return true;
    bool is_public = doc_flag(image, "Public");
    return is_public ? doc_list_has(users, "all") : doc_list_has(users, "self");
}

static void add_if_wanted(const struct call *call, json_t *image, json_t *into)
{
    if (has_owner(call, image) && is_executable(call, image) &&
        ec2_filters_match(json_object_get(call->in, "Filters"), filters, image))
        json_array_append(into, image);
}

static int select_named(const struct call *call, const json_t *ids, json_t *into, struct err *err)
{
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        json_auto_t *image = image_find(call, json_string_value(id), err);
        if (!image)
            return -1;
        add_if_wanted(call, image, into);
    }
    return 0;
}

static void select_all(const struct call *call, json_t *into)
{
    store_each (cursor, call->store, kind, call->region)
        if (!doc_flag(cursor.doc, "_deregistered"))
            add_if_wanted(call, (json_t *)(uintptr_t)cursor.doc, into);
    for (size_t i = 0;; i++) {
        json_auto_t *image = public_image_at(call->region, i);
        if (!image)
            return;
        add_if_wanted(call, image, into);
    }
}

int ec2_DescribeImages(struct call *call, struct err *err)
{
    const json_t *ids = json_object_get(call->in, "ImageIds");
    json_auto_t *found = json_array();
    if (ec2_filters_check(json_object_get(call->in, "Filters"), filters, err) < 0)
        return -1;
    if (json_array_size(ids) == 0)
        select_all(call, found);
    else if (select_named(call, ids, found, err) < 0)
        return -1;
    return ec2_paginate(call, &describe_images, found, err);
}

static json_t *launch_permissions(const json_t *image)
{
    json_t *given = json_object_get(image, "_launch_permissions");
    if (given)
        return json_incref(given);
    return doc_flag(image, "Public") ? json_pack("[{s:s}]", "Group", "all") : json_array();
}

int ec2_DescribeImageAttribute(struct call *call, struct err *err)
{
    const char *attribute = ec2_required(call, "Attribute", err);
    const char *id = attribute ? ec2_required(call, "ImageId", err) : NULL;
    json_auto_t *image = id ? image_find(call, id, err) : NULL;
    if (!image)
        return -1;
    json_object_set_new(call->out, "ImageId", json_string(id));
    if (strcmp(attribute, "description") == 0)
        return json_object_set_new(call->out, "Description",
                                   json_pack("{s:s}", "Value", doc_text(image, "Description")));
    if (strcmp(attribute, "blockDeviceMapping") == 0)
        return json_object_set(call->out, "BlockDeviceMappings",
                               json_object_get(image, "BlockDeviceMappings"));
    if (strcmp(attribute, "launchPermission") == 0)
        return json_object_set_new(call->out, "LaunchPermissions", launch_permissions(image));
    return err_aws(err, "UnsupportedOperation",
                   "The attribute '%s' is not supported by Pileus yet.", attribute);
}

/* ---- making and ending ---- */

int image_check_name(const struct call *call, const char *name, struct err *err)
{
    size_t size = strlen(name);
    if (size < NAME_SIZE_MIN || size > NAME_SIZE_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ()[]./-'@_") !=
            size)
        return err_aws(err, "InvalidAMIName.Malformed",
                       "AMI names must be between 3 and 128 characters long, and may contain "
                       "letters, numbers, '(', ')', '.', '-', '/' and '_'");
    store_each (cursor, call->store, kind, call->region)
        if (doc_is(cursor.doc, "Name", name) && !doc_flag(cursor.doc, "_deregistered"))
            return err_aws(err, "InvalidAMIName.Duplicate",
                           "AMI name %s is already in use by AMI %s", name, cursor.id);
    if (store_count(call->store, kind, call->region) >= IMAGES_MAX)
        return err_aws(err, "ResourceLimitExceeded",
                       "You have reached the maximum number of images.");
    return 0;
}

json_t *image_make_document(const struct call *call, const json_t *source, const char *id,
                            const char *name)
{
    char created[32], location[192];
    time_t seconds = call->now_ms / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
    snprintf(location, sizeof location, "%s/%s", call->account, name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s,"
                     " s:b, s:s, s:[], s:O, s:O*}",
                     "ImageId", id, "ImageLocation", location, "Name", name, "OwnerId",
                     call->account, "State", "pending", "Public", 0, "CreationDate", created,
                     "Architecture", ec2_text(source, "Architecture"), "ImageType", "machine",
                     "PlatformDetails", "Linux/UNIX", "UsageOperation", "RunInstances",
                     "Hypervisor", "xen", "RootDeviceName", ec2_text(source, "RootDeviceName"),
                     "RootDeviceType", "ebs", "VirtualizationType", "hvm", "EnaSupport", 1,
                     "SriovNetSupport", "simple", "BlockDeviceMappings", "_layers",
                     json_object_get(source, "_layers"), "SourceInstanceId",
                     json_object_get(source, "InstanceId"));
}

int ec2_DeregisterImage(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "ImageId", err);
    if (!id || call_accept(call->in, "ImageId", err) < 0)
        return -1;
    json_auto_t *image = image_find(call, id, err);
    if (!image)
        return -1;
    if (!doc_is(image, "OwnerId", call->account))
        return err_aws(err, "AuthFailure", "Not authorized for image:%s", id);
    if (image_has_alias(call, id))
        return err_aws(err, "OperationNotPermitted",
                       "An alias points at the image '%s'. Point it elsewhere first "
                       "(pileus image alias NAME host).",
                       id);
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(edited, "_deregistered", json_true());
    return json_object_set_new(call->out, "Return", json_true());
}
