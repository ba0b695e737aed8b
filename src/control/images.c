/*
 * Images and snapshots: what the host keeps of volumes, deleted when nothing stands on it any more.
 * An image of an instance that has no volumes is kept by itself.
 */
#include "control/instances_impl.h"

#include "base/cleanup.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/ec2/instance_state.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "image", snapshot_kind[] = "snapshot";

bool image_pending_of(const struct store *store, const char *region, const char *instance_id,
                      bool at_rest)
{
    store_each (cursor, store, kind, region)
        if (doc_is(cursor.doc, "State", "pending") &&
            doc_is(cursor.doc, "SourceInstanceId", instance_id) &&
            (!at_rest || doc_flag(cursor.doc, "_at_rest")))
            return true;
    return false;
}

/* ---- what the host says ---- */

static void set_failed(json_t *image, const char *text)
{
    json_object_set_new(image, "State", json_string("failed"));
    json_object_set_new(image, "_state_text", json_string(text));
    json_object_set_new(image, "StateReason",
                        json_pack("{s:s, s:o}", "Code", "Server.InternalError", "Message",
                                  json_sprintf("Server.InternalError: %s", text)));
}

/* An image is there when all its snapshots are. */
static void finish_image(struct call *call, const char *id)
{
    size_t i;
    const json_t *mapping, *image = store_get(call->store, kind, call->region, id);
    const char *broken = NULL;
    json_array_foreach (json_object_get(image, "BlockDeviceMappings"), i, mapping) {
        const json_t *snapshot = store_get(call->store, snapshot_kind, call->region,
                                           doc_text(json_object_get(mapping, "Ebs"), "SnapshotId"));
        if (doc_is(snapshot, "State", "pending"))
            return;
        if (doc_is(snapshot, "State", "error"))
            broken = doc_text(snapshot, "StateMessage");
    }
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    if (broken)
        set_failed(edited, broken);
    else
        json_object_set_new(edited, "State", json_string("available"));
}

static void finish_images_of(struct call *call, const char *instance_id)
{
    json_auto_t *ids = scan_ids(call->store, kind, call->region);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *image = store_get(call->store, kind, call->region, json_string_value(id));
        if (doc_is(image, "State", "pending") && doc_is(image, "SourceInstanceId", instance_id))
            finish_image(call, json_string_value(id));
    }
}

static void snapshot_apply_report(struct call *call, const struct message_image_done *report)
{
    json_t *snapshot = txn_edit(call->txn, snapshot_kind, call->region, report->image);
    if (!doc_is(snapshot, "State", "pending"))
        return;
    json_object_set_new(snapshot, "State", json_string(report->failed ? "error" : "completed"));
    json_object_set_new(snapshot, "CompletionTime", call_now(call));
    if (report->failed)
        json_object_set_new(snapshot, "StateMessage", json_string(report->text));
    else
        json_object_set_new(snapshot, "Progress", json_string("100%"));
    finish_images_of(call, doc_text(snapshot, "_instance"));
}

void image_apply_report(struct control *control, struct txn *txn,
                        const struct message_image_done *report)
{
    char region[SCAN_REGION_SIZE];
    if (scan_find_region(control->store, snapshot_kind, report->image, region)) {
        struct call call = control_call(control, txn, region);
        snapshot_apply_report(&call, report);
        return;
    }
    if (!scan_find_region(control->store, kind, report->image, region))
        return;
    json_t *image = txn_edit(txn, kind, region, report->image);
    if (!doc_is(image, "State", "pending"))
        return;
    if (report->failed)
        set_failed(image, report->text);
    else
        json_object_set_new(image, "State", json_string("available"));
}

const char *image_source_of(const struct store *store, const char *region, const char *id)
{
    const json_t *snapshot = store_get(store, snapshot_kind, region, id);
    return snapshot ? doc_text(snapshot, "_instance")
                    : doc_text(store_get(store, kind, region, id), "SourceInstanceId");
}

/* ---- what the host is asked for ---- */

static void ask_for(struct control *control, const char *region, const char *id, const json_t *doc,
                    const char *source)
{
    struct map *told = &control->instances->images_told;
    const json_t *instance = store_get(control->store, "instance", region, source);
    if (map_find(told, id) || (doc_flag(doc, "_at_rest") && instance_is_up(instance)))
        return;
    struct message_image_create create = {0};
    snprintf(create.image, ID_SIZE, "%s", id);
    snprintf(create.instance, ID_SIZE, "%s", source);
    snprintf(create.volume, ID_SIZE, "%s", doc_text(doc, "VolumeId"));
    map_set(told, id, control);
    control->world->send(control->world->arg, MESSAGE_IMAGE_CREATE, &create, sizeof create, NULL,
                         0);
}

/* ---- what nobody needs any more ---- */

static bool is_used_by(const struct store *store, const char *of_kind, const char *region,
                       const char *layer)
{
    store_each (cursor, store, of_kind, region)
        if (strcmp(cursor.id, layer) != 0 && !doc_flag(cursor.doc, "_removed") &&
            doc_list_has(json_object_get(cursor.doc, "_layers"), layer))
            return true;
    return false;
}

/* A volume that is still being made of it. */
static bool is_being_restored(const struct store *store, const char *region, const char *id)
{
    store_each (cursor, store, "volume", region)
        if (doc_is(cursor.doc, "SnapshotId", id) && !doc_number(cursor.doc, "_made_gib"))
            return true;
    return false;
}

static bool is_used(const struct store *store, const char *region, const char *id)
{
    static const char *const kinds[] = {"instance", "volume", kind, snapshot_kind};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is_used_by(store, kinds[i], region, id))
            return true;
    return is_being_restored(store, region, id);
}

/* A deregistered image or a deleted snapshot that can go now; its id is copied to `out`. */
static bool find_unused(const struct store *store, const char *of_kind, const char *region,
                        char out[ID_SIZE])
{
    store_each (cursor, store, of_kind, region) {
        bool gone = doc_flag(cursor.doc, "_deregistered") || doc_flag(cursor.doc, "_deleted");
        if (!gone || doc_is(cursor.doc, "State", "pending") || is_used(store, region, cursor.id))
            continue;
        snprintf(out, ID_SIZE, "%s", cursor.id);
        return true;
    }
    return false;
}

/* The commit brings us back for the next one. */
static void delete_unused(struct control *control, const char *of_kind, const char *region)
{
    struct err err = {0};
    struct message_id gone = {0};
    if (!find_unused(control->store, of_kind, region, gone.id))
        return;
    auto_txn *txn = txn_begin(control->store);
    txn_delete(txn, of_kind, region, gone.id);
    control->world->send(control->world->arg, MESSAGE_IMAGE_DELETE, &gone, sizeof gone, NULL, 0);
    if (txn_commit(ptr_take(&txn), &err) < 0)
        control_log(control, "cannot forget an image or a snapshot", &err);
}

void images_tell(struct control *control, const char *region)
{
    store_each (cursor, control->store, kind, region)
        if (doc_is(cursor.doc, "State", "pending") &&
            !json_array_size(json_object_get(cursor.doc, "BlockDeviceMappings")))
            ask_for(control, region, cursor.id, cursor.doc,
                    doc_text(cursor.doc, "SourceInstanceId"));
    store_each (cursor, control->store, snapshot_kind, region)
        if (doc_is(cursor.doc, "State", "pending"))
            ask_for(control, region, cursor.id, cursor.doc, doc_text(cursor.doc, "_instance"));
    if (!control->instances->host_known)
        return;
    delete_unused(control, kind, region);
    delete_unused(control, snapshot_kind, region);
}
