#include "service/ec2/block_devices.h"

#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/volume.h"
#include "service/ec2/volume_device.h"

#include <string.h>

enum { VOLUMES_MAX = 28, ROOT_GIB_USUAL = 8 };

/* ---- image and request together ---- */

static json_t *find_device(const json_t *mappings, const char *device)
{
    size_t i;
    json_t *mapping;
    json_array_foreach (mappings, i, mapping)
        if (volume_device_is_same(doc_text(mapping, "DeviceName"), device))
            return mapping;
    return NULL;
}

/* An image may say nothing, as those that were imported do. */
static json_t *mappings_of_image(const json_t *image)
{
    const char *root = doc_text(image, "RootDeviceName");
    const json_t *own = json_object_get(image, "BlockDeviceMappings");
    json_t *mappings = own ? json_deep_copy(own) : json_array();
    if (!find_device(mappings, root))
        json_array_insert_new(mappings, 0,
                              json_pack("{s:s, s:{s:i, s:s, s:b}}", "DeviceName", root, "Ebs",
                                        "VolumeSize", ROOT_GIB_USUAL, "VolumeType", "gp3",
                                        "DeleteOnTermination", 1));
    return mappings;
}

/* Another type does not keep the figures of the image's. */
static void update_ebs(json_t *mapping, const json_t *requested)
{
    json_t *ebs = json_object_get(mapping, "Ebs"), *wanted = json_object_get(requested, "Ebs");
    const char *type = doc_text(wanted, "VolumeType");
    if (!ebs) {
        json_object_set_new(mapping, "Ebs", json_deep_copy(wanted));
        return;
    }
    if (type[0] && !doc_is(ebs, "VolumeType", type)) {
        json_object_del(ebs, "Iops");
        json_object_del(ebs, "Throughput");
    }
    json_object_update(ebs, wanted);
}

static void remove_mapping(json_t *mappings, const json_t *mapping)
{
    for (size_t i = 0; i < json_array_size(mappings); i++)
        if (json_array_get(mappings, i) == mapping)
            json_array_remove(mappings, i);
}

static int add_requested(json_t *mappings, const char *root, const json_t *requested,
                         struct err *err)
{
    const char *device = ec2_text(requested, "DeviceName");
    json_t *known = device ? find_device(mappings, device) : NULL;
    bool none = json_object_get(requested, "NoDevice") != NULL;
    if (!device || !volume_device_is_valid(device))
        return err_aws(err, "InvalidBlockDeviceMapping",
                       "The device '%.60s' is used in no valid "
                       "block device mapping",
                       device ? device : "");
    if (none && volume_device_is_same(device, root))
        return err_aws(err, "InvalidBlockDeviceMapping",
                       "The root device '%s' cannot be suppressed", root);
    if (none && known)
        remove_mapping(mappings, known);
    if (none)
        return 0;
    if (!json_object_get(requested, "Ebs"))
        return err_aws(err, "MissingParameter", "The request must contain the parameter ebs");
    if (known)
        update_ebs(known, requested);
    else
        json_array_append_new(mappings, json_deep_copy(requested));
    return 0;
}

static json_t *merge(const json_t *image, const json_t *requested, struct err *err)
{
    json_t *mappings = mappings_of_image(image);
    const char *root = doc_text(image, "RootDeviceName");
    size_t i, k;
    const json_t *mapping, *other;
    json_array_foreach (requested, i, mapping) {
        json_array_foreach (requested, k, other)
            if (k < i && volume_device_is_same(doc_text(mapping, "DeviceName"),
                                               doc_text(other, "DeviceName"))) {
                err_aws(err, "InvalidBlockDeviceMapping",
                        "The device '%s' is used in more than one block-device mapping",
                        doc_text(mapping, "DeviceName"));
                goto failed;
            }
        if (add_requested(mappings, root, mapping, err) < 0)
            goto failed;
    }
    if (json_array_size(mappings) <= VOLUMES_MAX)
        return mappings;
    err_aws(err, "InvalidBlockDeviceMapping", "An instance cannot have more than %d volumes",
            VOLUMES_MAX);
failed:
    json_decref(mappings);
    return NULL;
}

/* ---- checking ---- */

/* The root volume stands on the image's layers, whatever snapshot is named for it. */
static int complete(const struct call *call, const json_t *image, bool root, json_t *mapping,
                    struct err *err)
{
    json_t *ebs = json_object_get(mapping, "Ebs");
    const json_t *layers = root ? json_object_get(image, "_layers") : NULL;
    const json_t *of_image =
        find_device(json_object_get(image, "BlockDeviceMappings"), doc_text(mapping, "DeviceName"));
    const char *snapshot = ec2_text(ebs, "SnapshotId");
    int64_t size = doc_number(ebs, "VolumeSize");
    int64_t least = doc_number(json_object_get(of_image, "Ebs"), "VolumeSize");
    if (root && snapshot && !doc_is(json_object_get(of_image, "Ebs"), "SnapshotId", snapshot))
        return err_aws(err, "InvalidBlockDeviceMapping",
                       "snapshotId cannot be modified on root device");
    if (!root && snapshot && volume_check_snapshot(call, snapshot, &size, &layers, err) < 0)
        return -1;
    if (!root && !snapshot && !json_object_get(ebs, "VolumeSize"))
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter size or snapshotId");
    if (root && size < least)
        return err_aws(err, "InvalidBlockDeviceMapping",
                       "Volume of size %lldGB is smaller than snapshot '%s', expect size >= "
                       "%lldGB",
                       (long long)size, snapshot ? snapshot : "", (long long)least);
    const char *type = ec2_text(ebs, "VolumeType");
    struct volume_shape shape = {type ? type : "gp2", size, doc_number(ebs, "Iops"),
                                 doc_number(ebs, "Throughput")};
    if (volume_shape_complete(&shape, err) < 0)
        return -1;
    if (root && !volume_type_boots(shape.type))
        return err_aws(err, "InvalidParameterValue",
                       "Volume type %s cannot be used for the root device.", shape.type);
    json_object_set_new(ebs, "VolumeType", json_string(shape.type));
    json_object_set_new(ebs, "VolumeSize", json_integer(shape.size_gib));
    json_object_set_new(ebs, "Iops", json_integer(shape.iops));
    json_object_set_new(ebs, "Throughput", json_integer(shape.throughput));
    json_object_set_new(mapping, "_root", json_boolean(root));
    json_object_set(mapping, "_layers", (json_t *)(uintptr_t)layers);
    return 0;
}

json_t *block_devices_plan(const struct call *call, const json_t *image, const json_t *requested,
                           struct err *err)
{
    json_t *plan = merge(image, requested, err), *mapping;
    const char *root = doc_text(image, "RootDeviceName");
    size_t i;
    json_array_foreach (plan, i, mapping) {
        bool is_root = volume_device_is_same(doc_text(mapping, "DeviceName"), root);
        if (complete(call, image, is_root, mapping, err) < 0) {
            json_decref(plan);
            return NULL;
        }
    }
    return plan;
}

/* ---- making ---- */

void block_devices_make(struct call *call, const json_t *plan, const json_t *tags, json_t *instance)
{
    const char *zone = doc_text(json_object_get(instance, "Placement"), "AvailabilityZone");
    size_t i;
    const json_t *mapping;
    json_array_foreach (plan, i, mapping) {
        char id[32];
        const json_t *ebs = json_object_get(mapping, "Ebs");
        const json_t *keep = json_object_get(ebs, "DeleteOnTermination");
        struct volume_spec spec = {
            .shape = {doc_text(ebs, "VolumeType"), doc_number(ebs, "VolumeSize"),
                      doc_number(ebs, "Iops"), doc_number(ebs, "Throughput")},
            .zone = zone,
            .snapshot_id = ec2_text(ebs, "SnapshotId"),
            .layers = json_object_get(mapping, "_layers"),
            .tags = tags,
            .made = doc_flag(mapping, "_root"),
        };
        json_t *volume = volume_put(call, &spec, id);
        volume_show_attached(call, volume, instance, doc_text(mapping, "DeviceName"),
                             !keep || json_is_true(keep), "attaching");
        if (spec.made)
            json_object_set_new(instance, "_root_volume", json_string(id));
    }
}

json_t *block_devices_find(const json_t *instance, const char *device)
{
    return find_device(json_object_get(instance, "BlockDeviceMappings"), device);
}

/* ---- of CreateImage ---- */

bool block_devices_are_left_out(const json_t *mappings, const char *device)
{
    return find_device(mappings, device) != NULL;
}

int block_devices_check_left_out(const json_t *mappings, const char *root, struct err *err)
{
    size_t i;
    const json_t *mapping;
    json_array_foreach (mappings, i, mapping) {
        if (!json_object_get(mapping, "NoDevice"))
            return err_aws(err, "UnsupportedOperation",
                           "Block device mappings other than NoDevice are not supported by Pileus "
                           "yet when an image is created.");
        if (volume_device_is_same(doc_text(mapping, "DeviceName"), root))
            return err_aws(err, "InvalidBlockDeviceMapping",
                           "The root device '%s' cannot be suppressed", root);
    }
    return 0;
}
