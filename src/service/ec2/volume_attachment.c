/* Attachments: AttachVolume, DetachVolume, and what happens to them with their instance. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/volume.h"
#include "service/ec2/volume_device.h"

#include <string.h>

enum { VOLUMES_PER_INSTANCE_MAX = 28 /* with the root volume */ };

static const char kind[] = "volume";

static json_t *attachment_of(const json_t *volume)
{
    return json_array_get(json_object_get(volume, "Attachments"), 0);
}

json_t *volume_mapping(const json_t *instance, const char *volume_id)
{
    size_t i;
    json_t *mapping;
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping)
        if (doc_is(json_object_get(mapping, "Ebs"), "VolumeId", volume_id))
            return mapping;
    return NULL;
}

/* ---- both sides ---- */

void volume_show_attached(const struct call *call, json_t *volume, json_t *instance,
                          const char *device, bool delete_on_termination, const char *state)
{
    json_t *volume_id = json_object_get(volume, "VolumeId");
    json_object_set_new(
        volume, "Attachments",
        json_pack("[{s:o, s:s, s:O, s:s, s:O, s:b}]", "AttachTime", call_now(call), "Device",
                  device, "InstanceId", json_object_get(instance, "InstanceId"), "State", state,
                  "VolumeId", volume_id, "DeleteOnTermination", delete_on_termination));
    json_object_set_new(volume, "State", json_string("in-use"));
    json_array_append_new(json_object_get(instance, "BlockDeviceMappings"),
                          json_pack("{s:s, s:{s:o, s:b, s:s, s:O}, s:b}", "DeviceName", device,
                                    "Ebs", "AttachTime", call_now(call), "DeleteOnTermination",
                                    delete_on_termination, "Status", state, "VolumeId", volume_id,
                                    "_made", doc_number(volume, "_made_gib") > 0));
}

void volume_set_attachment_state(json_t *volume, json_t *instance, const char *state)
{
    json_t *mapping = volume_mapping(instance, doc_text(volume, "VolumeId"));
    json_object_set_new(attachment_of(volume), "State", json_string(state));
    if (mapping)
        json_object_set_new(json_object_get(mapping, "Ebs"), "Status", json_string(state));
}

void volume_show_detached(json_t *volume, json_t *instance)
{
    json_t *mappings = json_object_get(instance, "BlockDeviceMappings");
    const json_t *mapping = volume_mapping(instance, doc_text(volume, "VolumeId"));
    for (size_t i = 0; mapping && i < json_array_size(mappings); i++)
        if (json_array_get(mappings, i) == mapping) {
            json_array_remove(mappings, i);
            break;
        }
    json_object_set_new(volume, "Attachments", json_array());
    json_object_del(volume, "_force_detach");
    json_object_set_new(volume, "State", json_string("available"));
}

void volumes_instance_started(struct call *call, json_t *instance)
{
    size_t i;
    const json_t *mapping;
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping) {
        const json_t *ebs = json_object_get(mapping, "Ebs");
        if (!doc_is(ebs, "Status", "attaching"))
            continue;
        json_t *volume = txn_edit(call->txn, kind, call->region, doc_text(ebs, "VolumeId"));
        if (volume)
            volume_set_attachment_state(volume, instance, "attached");
    }
}

void volumes_instance_terminated(struct call *call, json_t *instance)
{
    size_t i;
    const json_t *mapping;
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping) {
        const json_t *ebs = json_object_get(mapping, "Ebs");
        json_t *volume = txn_edit(call->txn, kind, call->region, doc_text(ebs, "VolumeId"));
        if (!volume)
            continue;
        volume_show_detached(volume, NULL);
        if (doc_flag(ebs, "DeleteOnTermination"))
            json_object_set_new(volume, "State", json_string("deleting"));
    }
    json_object_set_new(instance, "BlockDeviceMappings", json_array());
}

/* ---- AttachVolume ---- */

static int check_attachable(const json_t *volume, const json_t *instance, struct err *err)
{
    const char *id = doc_text(volume, "VolumeId"), *instance_id = doc_text(instance, "InstanceId");
    if (json_array_size(json_object_get(volume, "Attachments")) > 0)
        return err_aws(err, "VolumeInUse", "%s is already attached to an instance", id);
    if (!doc_is(volume, "State", "available"))
        return err_aws(err, "IncorrectState", "%s is not 'available'.", id);
    if (!instance_is(instance, "running") && !instance_is(instance, "stopped"))
        return err_aws(err, "IncorrectState", "Instance '%s' is not 'running'.", instance_id);
    if (!doc_is(json_object_get(instance, "Placement"), "AvailabilityZone",
                doc_text(volume, "AvailabilityZone")))
        return err_aws(err, "InvalidVolume.ZoneMismatch",
                       "The volume '%s' is not in the same availability zone as instance '%s'", id,
                       instance_id);
    if (json_array_size(json_object_get(instance, "BlockDeviceMappings")) >=
        VOLUMES_PER_INSTANCE_MAX)
        return err_aws(err, "AttachmentLimitExceeded",
                       "Instance %s has reached the limit of attached volumes.", instance_id);
    return 0;
}

static int check_device(const json_t *instance, const char *device, struct err *err)
{
    size_t i;
    const json_t *mapping;
    if (!volume_device_is_valid(device))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.60s) for parameter device is invalid. %.60s is not a valid EBS "
                       "device name.",
                       device, device);
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping)
        if (volume_device_is_same(doc_text(mapping, "DeviceName"), device))
            return err_aws(err, "InvalidParameterValue",
                           "Invalid value '%s' for unixDevice. Attachment point %s is already in "
                           "use",
                           device, device);
    return 0;
}

static void show(const struct call *call, const json_t *volume)
{
    json_object_update(call->out, attachment_of(volume));
}

int ec2_AttachVolume(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "VolumeId", err);
    const char *instance_id = id ? ec2_required(call, "InstanceId", err) : NULL;
    const char *device = instance_id ? ec2_required(call, "Device", err) : NULL;
    if (!device || call_accept(call->in, "VolumeId InstanceId Device", err) < 0)
        return -1;
    const json_t *known = ec2_find(call, kind, id, err);
    const json_t *target = known ? ec2_find(call, "instance", instance_id, err) : NULL;
    if (!target || check_attachable(known, target, err) < 0 ||
        check_device(target, device, err) < 0)
        return -1;
    json_t *volume = txn_edit(call->txn, kind, call->region, id);
    json_t *instance = txn_edit(call->txn, "instance", call->region, instance_id);
    volume_show_attached(call, volume, instance, device, false, "attaching");
    show(call, volume);
    return 0;
}

/* ---- DetachVolume ---- */

static int check_detachable(const struct call *call, const json_t *volume, struct err *err)
{
    const char *id = doc_text(volume, "VolumeId");
    const char *from = ec2_text(call->in, "InstanceId"), *device = ec2_text(call->in, "Device");
    const json_t *attachment = attachment_of(volume);
    const char *instance_id = doc_text(attachment, "InstanceId");
    if (!attachment)
        return err_aws(err, "IncorrectState", "Volume '%s' is in the '%s' state.", id,
                       doc_text(volume, "State"));
    if ((from && strcmp(from, instance_id) != 0) ||
        (device && !doc_is(attachment, "Device", device)))
        return err_aws(err, "InvalidAttachment.NotFound",
                       "The volume '%s' is not attached to instance '%.60s' as device '%.60s'.", id,
                       from ? from : instance_id, device ? device : "");
    const json_t *instance = store_get(call->store, "instance", call->region, instance_id);
    if (doc_is(attachment, "Device", doc_text(instance, "RootDeviceName")))
        return err_aws(err,
                       instance_is(instance, "stopped") ? "UnsupportedOperation"
                                                        : "OperationNotPermitted",
                       "Unable to detach root volume '%s' from instance '%s'", id, instance_id);
    if (doc_is(attachment, "State", "attaching"))
        return err_aws(err, "IncorrectState", "Volume '%s' is in the 'attaching' state.", id);
    return 0;
}

int ec2_DetachVolume(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "VolumeId", err);
    if (!id || call_accept(call->in, "VolumeId InstanceId Device Force", err) < 0)
        return -1;
    const json_t *known = ec2_find(call, kind, id, err);
    if (!known || check_detachable(call, known, err) < 0)
        return -1;
    json_t *volume = txn_edit(call->txn, kind, call->region, id);
    json_t *instance = txn_edit(call->txn, "instance", call->region,
                                doc_text(attachment_of(volume), "InstanceId"));
    volume_set_attachment_state(volume, instance, "detaching");
    if (doc_flag(call->in, "Force"))
        json_object_set_new(volume, "_force_detach", json_true());
    show(call, volume);
    return 0;
}
