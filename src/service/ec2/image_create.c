/* CreateImage: snapshots of the volumes of an instance, and an image that names them. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/block_devices.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/snapshot.h"
#include "service/ec2/tags.h"

enum { LAYERS_MAX = 16 };

static const char kind[] = "image", taggable[] = "image snapshot";

static int check_source(const json_t *instance, struct err *err)
{
    const char *id = ec2_text(instance, "InstanceId");
    if (!instance_is(instance, "running") && !instance_is(instance, "stopped"))
        return err_aws(err, "IncorrectInstanceState",
                       "The instance '%s' is not in a state from which an image can be created.",
                       id);
    if (json_array_size(json_object_get(instance, "_layers")) >= LAYERS_MAX)
        return err_aws(err, "UnsupportedOperation",
                       "An image that is based on more than %d others is not supported by Pileus "
                       "yet.",
                       LAYERS_MAX - 2);
    return 0;
}

/* ---- what is kept ---- */

/* What the image says of one volume: its snapshot, and the volume's own figures. */
static json_t *snapshot_mapping(struct call *call, const json_t *mapping, const json_t *image,
                                const json_t *tags)
{
    char id[32];
    const json_t *ebs = json_object_get(mapping, "Ebs");
    const json_t *volume =
        store_get(call->store, "volume", call->region, doc_text(ebs, "VolumeId"));
    json_auto_t *description =
        json_sprintf("Created by CreateImage(%s) for %s", doc_text(image, "SourceInstanceId"),
                     doc_text(image, "ImageId"));
    snapshot_put(call, volume, json_string_value(description), tags, doc_flag(image, "_at_rest"),
                 id);
    return json_pack("{s:O, s:{s:O, s:s, s:O, s:O, s:O*, s:O*, s:b}}", "DeviceName",
                     json_object_get(mapping, "DeviceName"), "Ebs", "DeleteOnTermination",
                     json_object_get(ebs, "DeleteOnTermination"), "SnapshotId", id, "VolumeSize",
                     json_object_get(volume, "Size"), "VolumeType",
                     json_object_get(volume, "VolumeType"), "Iops", json_object_get(volume, "Iops"),
                     "Throughput", json_object_get(volume, "Throughput"), "Encrypted", 0);
}

static void keep_volumes(struct call *call, const json_t *instance, json_t *image,
                         const json_t *tags)
{
    size_t i;
    const json_t *mapping;
    json_t *kept = json_object_get(image, "BlockDeviceMappings");
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping)
        if (!block_devices_are_left_out(json_object_get(call->in, "BlockDeviceMappings"),
                                        doc_text(mapping, "DeviceName")))
            json_array_append_new(kept, snapshot_mapping(call, mapping, image, tags));
}

/* The layer that the image adds: its root volume's snapshot, or, of an instance that has no
 * volumes, one with its own name. */
static void add_layer(json_t *image, const json_t *instance)
{
    size_t i;
    const json_t *mapping;
    json_t *layers = json_deep_copy(json_object_get(instance, "_layers"));
    const json_t *layer = json_object_get(image, "ImageId");
    json_array_foreach (json_object_get(image, "BlockDeviceMappings"), i, mapping)
        if (doc_is(mapping, "DeviceName", doc_text(instance, "RootDeviceName")))
            layer = json_object_get(json_object_get(mapping, "Ebs"), "SnapshotId");
    json_array_append(layers, (json_t *)(uintptr_t)layer);
    json_object_set_new(image, "_layers", layers);
}

static int check_volumes(const struct call *call, const json_t *instance, struct err *err)
{
    size_t i;
    const json_t *mapping;
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping) {
        const char *id = doc_text(json_object_get(mapping, "Ebs"), "VolumeId");
        const json_t *volume = ec2_find(call, "volume", id, err);
        if (!volume || snapshot_check_volume(call, volume, err) < 0)
            return -1;
    }
    return block_devices_check_left_out(json_object_get(call->in, "BlockDeviceMappings"),
                                        doc_text(instance, "RootDeviceName"), err);
}

static int make(struct call *call, const json_t *instance, const char *name, struct err *err)
{
    char id[32];
    json_auto_t *tags = ec2_tags_on_creation(call, kind, taggable, err);
    if (!tags)
        return -1;
    json_auto_t *snapshot_tags = ec2_tags_on_creation(call, "snapshot", taggable, err);
    if (!snapshot_tags)
        return -1;
    call_make_id(call, "ami", id);
    json_t *image = image_make_document(call, instance, id, name);
    json_object_set(image, "Tags", tags);
    if (json_object_get(call->in, "Description"))
        json_object_set(image, "Description", json_object_get(call->in, "Description"));
    bool reboots = instance_is(instance, "running") && !doc_flag(call->in, "NoReboot");
    json_object_set_new(image, "_at_rest", json_boolean(reboots));
    keep_volumes(call, instance, image, snapshot_tags);
    add_layer(image, instance);
    txn_put(call->txn, kind, call->region, id, image);
    json_object_set_new(call->out, "ImageId", json_string(id));
    return reboots;
}

int ec2_CreateImage(struct call *call, struct err *err)
{
    const char *instance_id = ec2_required(call, "InstanceId", err);
    const char *name = instance_id ? ec2_required(call, "Name", err) : NULL;
    if (!name || call_accept(call->in,
                             "InstanceId Name Description NoReboot TagSpecifications "
                             "BlockDeviceMappings",
                             err) < 0)
        return -1;
    const json_t *instance = ec2_find(call, "instance", instance_id, err);
    if (!instance || image_check_name(call, name, err) < 0 || check_source(instance, err) < 0 ||
        check_volumes(call, instance, err) < 0)
        return -1;
    int reboots = make(call, instance, name, err);
    if (reboots > 0) {
        json_t *edited = txn_edit(call->txn, "instance", call->region, instance_id);
        json_object_set_new(edited, "_boot", json_integer(instance_number(edited, "_boot") + 1));
    }
    return reboots < 0 ? -1 : 0;
}
