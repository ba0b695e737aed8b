#include "service/ec2/snapshot.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"

#include <string.h>

static const char kind[] = "snapshot";

enum { SNAPSHOTS_MAX = 10000, LAYERS_MAX = 16 };

const json_t *snapshot_find(const struct call *call, const char *id, struct err *err)
{
    const json_t *snapshot = ec2_find(call, kind, id, err);
    if (!snapshot || !doc_flag(snapshot, "_deleted"))
        return snapshot;
    ec2_id_not_found(kind, id, err);
    return NULL;
}

/* ---- CreateSnapshot ---- */

/* A root volume's snapshot is one more layer on those that the volume stands on. */
static json_t *layers_of(const json_t *volume, const char *id)
{
    const json_t *below = json_object_get(volume, "_layers");
    if (!below)
        return NULL;
    json_t *layers = json_deep_copy(below);
    json_array_append_new(layers, json_string(id));
    return layers;
}

json_t *snapshot_put(struct call *call, const json_t *volume, const char *description,
                     const json_t *tags, bool at_rest, char id[32])
{
    const json_t *attachment = json_array_get(json_object_get(volume, "Attachments"), 0);
    call_make_id(call, "snap", id);
    json_t *snapshot = json_pack(
        "{s:s, s:O, s:O, s:s, s:o, s:s, s:s, s:s, s:b, s:s, s:o*, s:b, s:O*}", "SnapshotId", id,
        "VolumeId", json_object_get(volume, "VolumeId"), "VolumeSize",
        json_object_get(volume, "Size"), "State", "pending", "StartTime", call_now(call),
        "Progress", "0%", "OwnerId", call->account, "Description", description ? description : "",
        "Encrypted", 0, "StorageTier", "standard", "_layers", layers_of(volume, id), "_at_rest",
        at_rest, "_instance", json_object_get(attachment, "InstanceId"));
    json_object_set_new(snapshot, "Tags", tags ? json_deep_copy(tags) : json_array());
    txn_put(call->txn, kind, call->region, id, snapshot);
    return snapshot;
}

int snapshot_check_volume(const struct call *call, const json_t *volume, struct err *err)
{
    const char *id = doc_text(volume, "VolumeId");
    if (!doc_is(volume, "State", "available") && !doc_is(volume, "State", "in-use"))
        return err_aws(err, "IncorrectState", "Volume '%s' is in the '%s' state.", id,
                       doc_text(volume, "State"));
    if (json_array_size(json_object_get(volume, "_layers")) >= LAYERS_MAX)
        return err_aws(err, "UnsupportedOperation",
                       "A snapshot that is based on more than %d others is not supported by "
                       "Pileus yet.",
                       LAYERS_MAX - 2);
    if (store_count(call->store, kind, call->region) >= SNAPSHOTS_MAX)
        return err_aws(err, "SnapshotLimitExceeded", "Maximum number of snapshots reached.");
    return 0;
}

int ec2_CreateSnapshot(struct call *call, struct err *err)
{
    char snapshot_id[32];
    const char *id = ec2_required(call, "VolumeId", err);
    if (!id || call_accept(call->in, "VolumeId Description TagSpecifications", err) < 0)
        return -1;
    const json_t *volume = ec2_find(call, "volume", id, err);
    if (!volume || snapshot_check_volume(call, volume, err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    json_object_update(call->out, snapshot_put(call, volume, ec2_text(call->in, "Description"),
                                               tags, false, snapshot_id));
    return 0;
}

/* ---- DeleteSnapshot ---- */

static const char *image_of(const struct call *call, const char *id)
{
    store_each (cursor, call->store, "image", call->region) {
        if (!doc_flag(cursor.doc, "_deregistered") &&
            ec2_path_has(cursor.doc, "BlockDeviceMappings.Ebs.SnapshotId", id))
            return cursor.id;
    }
    return NULL;
}

int ec2_DeleteSnapshot(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "SnapshotId", err);
    if (!id || call_accept(call->in, "SnapshotId", err) < 0 || !snapshot_find(call, id, err))
        return -1;
    const char *image = image_of(call, id);
    if (image)
        return err_aws(err, "InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s",
                       id, image);
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    return json_object_set_new(edited, "_deleted", json_true());
}

/* ---- DescribeSnapshots ---- */

static const struct ec2_filter filters[] = {
    {"description", "Description"},
    {"encrypted", "Encrypted"},
    {"owner-id", "OwnerId"},
    {"progress", "Progress"},
    {"snapshot-id", "SnapshotId"},
    {"start-time", "StartTime", true},
    {"status", "State"},
    {"storage-tier", "StorageTier"},
    {"volume-id", "VolumeId"},
    {"volume-size", "VolumeSize"},
    {NULL, NULL},
};

/* Every snapshot is the account's own, and nobody else's to restore. */
static bool is_wanted(const struct call *call)
{
    const json_t *owners = json_object_get(call->in, "OwnerIds");
    const json_t *users = json_object_get(call->in, "RestorableByUserIds");
    bool owned = json_array_size(owners) == 0 || doc_list_has(owners, "self") ||
                 doc_list_has(owners, call->account);
    return owned && (json_array_size(users) == 0 || doc_list_has(users, "self") ||
                     doc_list_has(users, call->account));
}

static json_t *show(const struct call *call, const json_t *snapshot)
{
    if (doc_flag(snapshot, "_deleted") || !is_wanted(call))
        return NULL;
    return json_incref((json_t *)(uintptr_t)snapshot);
}

int ec2_DescribeSnapshots(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "Snapshots",
        .selectors = {{"SnapshotIds", "SnapshotId", kind}},
        .filters = filters,
        .show = show,
    };
    return ec2_describe(call, &describe, err);
}
