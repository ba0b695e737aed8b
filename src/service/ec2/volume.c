/* Volumes: made, deleted and described. */
#include "service/ec2/volume.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/snapshot.h"
#include "service/ec2/tags.h"
#include "service/ec2/zones.h"

#include <inttypes.h>
#include <string.h>

enum { VOLUMES_MAX = 5000 };

static const char kind[] = "volume";

json_t *volume_put(struct call *call, const struct volume_spec *spec, char id[32])
{
    char zone_id[32] = "";
    call_make_id(call, "vol", id);
    ec2_zone_id(call->region, spec->zone, zone_id);
    json_t *volume = json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:[], s:s, s:I, s:O*}", "VolumeId", id,
        "Size", (json_int_t)spec->shape.size_gib, "VolumeType", spec->shape.type,
        "AvailabilityZone", spec->zone, "AvailabilityZoneId", zone_id, "State", "creating",
        "CreateTime", call_now(call), "Encrypted", 0, "MultiAttachEnabled", 0, "Attachments",
        "SnapshotId", spec->snapshot_id ? spec->snapshot_id : "", "_made_gib",
        (json_int_t)(spec->made ? spec->shape.size_gib : 0), "_layers", spec->layers);
    if (spec->shape.iops)
        json_object_set_new(volume, "Iops", json_integer(spec->shape.iops));
    if (spec->shape.throughput)
        json_object_set_new(volume, "Throughput", json_integer(spec->shape.throughput));
    json_object_set_new(volume, "Tags", spec->tags ? json_deep_copy(spec->tags) : json_array());
    txn_put(call->txn, kind, call->region, id, volume);
    return volume;
}

int volume_check_snapshot(const struct call *call, const char *snapshot_id, int64_t *size_gib,
                          const json_t **ret_layers, struct err *err)
{
    const json_t *snapshot = snapshot_find(call, snapshot_id, err);
    if (!snapshot)
        return -1;
    int64_t least = doc_number(snapshot, "VolumeSize");
    if (!doc_is(snapshot, "State", "completed"))
        return err_aws(err, "IncorrectState", "Snapshot is in invalid state - %s",
                       doc_text(snapshot, "State"));
    if (!*size_gib)
        *size_gib = least;
    if (*size_gib < least)
        return err_aws(err, "InvalidParameterValue",
                       "Volume of size %" PRId64 "GB is smaller than snapshot '%s', expect size >= "
                       "%" PRId64 "GB",
                       *size_gib, snapshot_id, least);
    *ret_layers = json_object_get(snapshot, "_layers");
    return 0;
}

/* ---- CreateVolume ---- */

static int check_zone(const struct call *call, struct err *err)
{
    char zone_id[32];
    const char *zone = ec2_required(call, "AvailabilityZone", err);
    if (!zone)
        return -1;
    if (!ec2_zone_id(call->region, zone, zone_id))
        return err_aws(err, "InvalidZone.NotFound", "The zone '%.60s' does not exist.", zone);
    return 0;
}

/* Filled from the request as far as it goes. */
static int read_spec(const struct call *call, struct volume_spec *spec, struct err *err)
{
    const char *type = ec2_text(call->in, "VolumeType");
    int64_t size = doc_number(call->in, "Size");
    *spec = (struct volume_spec){
        .zone = ec2_text(call->in, "AvailabilityZone"),
        .snapshot_id = ec2_text(call->in, "SnapshotId"),
        .shape = {.type = type ? type : "gp2",
                  .iops = doc_number(call->in, "Iops"),
                  .throughput = doc_number(call->in, "Throughput")},
    };
    if (!spec->snapshot_id && !json_object_get(call->in, "Size"))
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter size or snapshotId");
    if (spec->snapshot_id &&
        volume_check_snapshot(call, spec->snapshot_id, &size, &spec->layers, err) < 0)
        return -1;
    spec->shape.size_gib = size;
    return volume_shape_complete(&spec->shape, err);
}

int ec2_CreateVolume(struct call *call, struct err *err)
{
    char id[32];
    struct volume_spec spec;
    if (call_accept(call->in,
                    "AvailabilityZone Size VolumeType Iops Throughput SnapshotId TagSpecifications",
                    err) < 0 ||
        check_zone(call, err) < 0 || read_spec(call, &spec, err) < 0)
        return -1;
    if (store_count(call->store, kind, call->region) >= VOLUMES_MAX)
        return err_aws(err, "VolumeLimitExceeded", "Maximum number of volumes reached.");
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    spec.tags = tags;
    json_object_update(call->out, volume_put(call, &spec, id));
    return 0;
}

/* ---- DeleteVolume ---- */

int ec2_DeleteVolume(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "VolumeId", err);
    if (!id || call_accept(call->in, "VolumeId", err) < 0)
        return -1;
    const json_t *volume = ec2_find(call, kind, id, err);
    if (!volume)
        return -1;
    const json_t *attachment = json_array_get(json_object_get(volume, "Attachments"), 0);
    if (attachment)
        return err_aws(err, "VolumeInUse", "Volume %s is currently attached to %s", id,
                       doc_text(attachment, "InstanceId"));
    if (doc_is(volume, "State", "creating"))
        return err_aws(err, "IncorrectState", "Volume '%s' is in the 'creating' state.", id);
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    return json_object_set_new(edited, "State", json_string("deleting"));
}

/* ---- describing ---- */

static const struct ec2_filter filters[] = {
    {"attachment.attach-time", "Attachments.AttachTime", true},
    {"attachment.delete-on-termination", "Attachments.DeleteOnTermination"},
    {"attachment.device", "Attachments.Device"},
    {"attachment.instance-id", "Attachments.InstanceId"},
    {"attachment.status", "Attachments.State"},
    {"availability-zone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"create-time", "CreateTime", true},
    {"encrypted", "Encrypted"},
    {"multi-attach-enabled", "MultiAttachEnabled"},
    {"size", "Size"},
    {"snapshot-id", "SnapshotId"},
    {"status", "State"},
    {"volume-id", "VolumeId"},
    {"volume-type", "VolumeType"},
    {NULL, NULL},
};

int ec2_DescribeVolumes(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "Volumes",
        .selectors = {{"VolumeIds", "VolumeId", kind}},
        .filters = filters,
        .results_min = 1,
    };
    return ec2_describe(call, &describe, err);
}

/* Nothing is known to be wrong with a volume that exists. */
static json_t *show_status(const struct call *call, const json_t *volume)
{
    (void)call;
    bool broken = doc_is(volume, "State", "error");
    return json_pack("{s:O, s:O, s:O, s:[], s:[], s:{s:s, s:[{s:s, s:s}, {s:s, s:s}]}}", "VolumeId",
                     json_object_get(volume, "VolumeId"), "AvailabilityZone",
                     json_object_get(volume, "AvailabilityZone"), "AvailabilityZoneId",
                     json_object_get(volume, "AvailabilityZoneId"), "Actions", "Events",
                     "VolumeStatus", "Status", broken ? "impaired" : "ok", "Details", "Name",
                     "io-enabled", "Status", broken ? "failed" : "passed", "Name", "io-performance",
                     "Status", "not-applicable");
}

int ec2_DescribeVolumeStatus(struct call *call, struct err *err)
{
    static const struct ec2_filter status_filters[] = {
        {"availability-zone", "AvailabilityZone"},
        {"volume-status.details-name", "VolumeStatus.Details.Name"},
        {"volume-status.details-status", "VolumeStatus.Details.Status"},
        {"volume-status.status", "VolumeStatus.Status"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "VolumeStatuses",
        .selectors = {{"VolumeIds", "VolumeId", kind}},
        .filters = status_filters,
        .show = show_status,
    };
    return ec2_describe(call, &describe, err);
}

int ec2_DescribeVolumeAttribute(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "VolumeId", err);
    const char *name = id ? ec2_required(call, "Attribute", err) : NULL;
    if (!name || !ec2_find(call, kind, id, err))
        return -1;
    json_object_set_new(call->out, "VolumeId", json_string(id));
    if (strcmp(name, "autoEnableIO") == 0)
        return json_object_set_new(call->out, "AutoEnableIO", json_pack("{s:b}", "Value", 0));
    return json_object_set_new(call->out, "ProductCodes", json_array());
}
