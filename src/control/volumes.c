/*
 * The volumes controller: has the host make, grow, attach, detach and delete volumes, and writes
 * what came of it. A root volume is made by the first start of its instance, and an instance finds
 * the volumes that it has when it starts; only what changes while it runs is told here.
 */
#include "control/control_impl.h"
#include "control/instances_impl.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/volume.h"
#include "service/ec2/volume_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_RETRY_MS = 5000 };

static const char kind[] = "volume";

struct report_row {
    struct list link; /* of volumes_control.reports */
    struct message_volume_state state;
};

struct volumes_control {
    struct list reports;
    struct map told; /* ids of volumes that the host works on; the values mean nothing */
    struct map busy; /* of those, what it cannot detach yet: told again at `retry_ms` */
    bool stale;      /* there may be something to tell */
    bool waiting;    /* a volume waits for its instance to have booted or ended */
    bool host_known;
    int64_t retry_ms; /* INT64_MAX: none is busy */
};

/* ---- memory ---- */

static int volumes_create(struct control *control, struct err *err)
{
    control->volumes = calloc(1, sizeof *control->volumes);
    if (!control->volumes)
        return err_set(err, "out of memory");
    list_init(&control->volumes->reports);
    control->volumes->stale = true;
    control->volumes->retry_ms = INT64_MAX;
    return 0;
}

static void drop_reports(struct volumes_control *volumes)
{
    list_each_safe (row, &volumes->reports, struct report_row, link) {
        list_remove(&row->link);
        free(row);
    }
}

static void volumes_destroy(struct control *control)
{
    if (!control->volumes)
        return;
    drop_reports(control->volumes);
    map_finish(&control->volumes->told);
    map_finish(&control->volumes->busy);
    free(control->volumes);
    control->volumes = NULL;
}

static void volumes_changed(struct control *control, const char *changed_kind, const char *region)
{
    struct volumes_control *volumes = control->volumes;
    (void)region;
    if (!strcmp(changed_kind, kind) || !strcmp(changed_kind, "snapshot") ||
        (volumes->waiting && !strcmp(changed_kind, "instance")))
        volumes->stale = true;
}

static void volumes_receive(struct control *control, enum message_type type, const void *payload,
                            size_t size)
{
    struct volumes_control *volumes = control->volumes;
    (void)size;
    if (type == MESSAGE_HOST_HELLO) {
        volumes->host_known = volumes->stale = true;
        map_finish(&volumes->told);
        volumes->told = (struct map){0};
    }
    struct report_row *row = type == MESSAGE_VOLUME_STATE ? calloc(1, sizeof *row) : NULL;
    if (!row)
        return;
    row->state = *(const struct message_volume_state *)payload;
    list_append(&volumes->reports, &row->link);
}

/* ---- writing ---- */

static json_t *attachment_of(const json_t *volume)
{
    return json_array_get(json_object_get(volume, "Attachments"), 0);
}

static json_t *edit_instance(struct call *call, const json_t *volume)
{
    const char *id = doc_text(attachment_of(volume), "InstanceId");
    return id[0] ? txn_edit(call->txn, "instance", call->region, id) : NULL;
}

static void finish_modification(const struct call *call, json_t *volume, int64_t gib)
{
    json_t *change = json_object_get(volume, "_modification");
    if (!change || doc_number(change, "TargetSize") > gib ||
        !doc_is(change, "ModificationState", "modifying"))
        return;
    json_object_set_new(change, "ModificationState", json_string("completed"));
    json_object_set_new(change, "Progress", json_integer(100));
    json_object_set_new(change, "EndTime", call_now(call));
}

/* An instance that waits for its volumes to be there is looked at again, for its document changes.
 */
static void made(struct call *call, json_t *volume, int64_t gib)
{
    json_object_set_new(volume, "_made_gib", json_integer(gib));
    finish_modification(call, volume, gib);
    if (doc_is(volume, "State", "creating"))
        json_object_set_new(volume, "State", json_string("available"));
    json_t *instance = edit_instance(call, volume);
    json_t *mapping = volume_mapping(instance, doc_text(volume, "VolumeId"));
    if (mapping)
        json_object_set_new(mapping, "_made", json_true());
}

static void not_made(struct call *call, json_t *volume, const char *text)
{
    json_t *change = json_object_get(volume, "_modification");
    if (doc_number(volume, "_made_gib") > 0) {
        json_object_set(volume, "Size", json_object_get(volume, "_made_gib"));
        json_object_set_new(change, "ModificationState", json_string("failed"));
        json_object_set_new(change, "StatusMessage", json_string(text));
        return;
    }
    json_object_set_new(volume, "State", json_string("error"));
    const char *instance_id = doc_text(attachment_of(volume), "InstanceId");
    const json_t *instance = store_get(call->store, "instance", call->region, instance_id);
    struct message_instance_state failure = {
        .boot = (uint32_t)doc_number(instance, "_boot"),
        .report = INSTANCE_FAILED,
    };
    snprintf(failure.text, sizeof failure.text, "%.*s", (int)sizeof failure.text - 1, text);
    if (instance)
        instance_apply_report(call, instance_id, &failure);
}

static void apply(struct call *call, const struct message_volume_state *report)
{
    json_t *volume = txn_edit(call->txn, kind, call->region, report->volume);
    if (report->report == VOLUME_MADE) {
        made(call, volume, report->gib);
        return;
    }
    if (report->report == VOLUME_NOT_MADE) {
        not_made(call, volume, report->text);
        return;
    }
    const json_t *attachment = attachment_of(volume);
    if (!attachment || !doc_is(attachment, "InstanceId", report->instance))
        return;
    bool attaching = doc_is(attachment, "State", "attaching");
    json_t *instance = edit_instance(call, volume);
    if (report->report == VOLUME_ATTACHED && attaching)
        volume_set_attachment_state(volume, instance, "attached");
    else if (report->report == VOLUME_DETACHED || report->report == VOLUME_NOT_ATTACHED)
        volume_show_detached(volume, instance);
}

static void apply_report(struct control *control, struct txn *txn,
                         const struct message_volume_state *report)
{
    struct volumes_control *volumes = control->volumes;
    char region[SCAN_REGION_SIZE];
    map_remove(&volumes->told, report->volume);
    if (report->report == VOLUME_BUSY) {
        map_set(&volumes->told, report->volume, volumes);
        map_set(&volumes->busy, report->volume, volumes);
        int64_t retry_ms = control_now(control) + BUSY_RETRY_MS;
        volumes->retry_ms = retry_ms < volumes->retry_ms ? retry_ms : volumes->retry_ms;
        return;
    }
    volumes->stale = true;
    if (!scan_find_region(control->store, kind, report->volume, region))
        return;
    struct call call = control_call(control, txn, region);
    apply(&call, report);
    if (report->report == VOLUME_NOT_ATTACHED || report->report == VOLUME_NOT_MADE) {
        struct err why = {0};
        err_set(&why, "%s", report->text);
        control_log(control, report->volume, &why);
    }
}

static bool write_reports(struct control *control)
{
    struct err err = {0};
    struct volumes_control *volumes = control->volumes;
    struct txn *txn = txn_begin(control->store);
    list_each (row, &volumes->reports, struct report_row, link)
        apply_report(control, txn, &row->state);
    if (!txn_dirty(txn)) {
        txn_rollback(txn);
    } else if (txn_commit(txn, &err) < 0) {
        control_log(control, "states of volumes", &err);
        return false;
    }
    drop_reports(volumes);
    return true;
}

/* ---- telling ---- */

static void tell(struct control *control, enum message_type type, const json_t *doc)
{
    struct volumes_control *volumes = control->volumes;
    const json_t *attachment = attachment_of(doc), *layer;
    const char *device = volume_device_folder(doc_text(attachment, "Device"));
    struct message_volume message = {
        .limits = volume_limits_of(doc),
        .gib = (uint32_t)doc_number(doc, "Size"),
        .force = doc_flag(doc, "_force_detach"),
    };
    size_t i;
    snprintf(message.volume, ID_SIZE, "%s", doc_text(doc, "VolumeId"));
    if (map_find(&volumes->told, message.volume))
        return;
    snprintf(message.instance, ID_SIZE, "%s", doc_text(attachment, "InstanceId"));
    snprintf(message.device, DEVICE_SIZE, "%s", device);
    snprintf(message.snapshot, ID_SIZE, "%s", doc_text(doc, "SnapshotId"));
    json_array_foreach (json_object_get(doc, "_layers"), i, layer)
        if (message.layer_count < LAYERS_MAX)
            snprintf(message.layers[message.layer_count++], ID_SIZE, "%s",
                     json_string_value(layer));
    map_set(&volumes->told, message.volume, volumes);
    control->world->send(control->world->arg, type, &message, sizeof message, NULL, 0);
}

/* While it boots, what is to be attached or detached is not known yet: the host would say so of an
 * instance that is about to have the volume. */
static bool is_settled(const struct control *control, const char *region, const json_t *attachment)
{
    const json_t *instance =
        store_get(control->store, "instance", region, doc_text(attachment, "InstanceId"));
    return instance_is(instance, "stopped") ||
           (instance_is(instance, "running") &&
            doc_number(instance, "_running_boot") == doc_number(instance, "_boot") &&
            instance_is_up(instance));
}

static bool snapshot_pending_of(const struct control *control, const char *region, const char *id)
{
    store_each (cursor, control->store, "snapshot", region)
        if (doc_is(cursor.doc, "State", "pending") && doc_is(cursor.doc, "VolumeId", id))
            return true;
    return false;
}

/* True if the volume is to be forgotten: the host was told so. */
static bool tell_host(struct control *control, const char *region, const json_t *volume)
{
    struct message_id gone = {0};
    const json_t *attachment = attachment_of(volume);
    snprintf(gone.id, ID_SIZE, "%s", doc_text(volume, "VolumeId"));
    if (doc_is(volume, "State", "deleting")) {
        if (map_find(&control->volumes->told, gone.id) ||
            snapshot_pending_of(control, region, gone.id))
            return false;
        control->world->send(control->world->arg, MESSAGE_VOLUME_DELETE, &gone, sizeof gone, NULL,
                             0);
        return true;
    }
    if (doc_number(volume, "_made_gib") < doc_number(volume, "Size")) {
        if (!doc_is(volume, "State", "error"))
            tell(control, MESSAGE_VOLUME_MAKE, volume);
        return false;
    }
    bool attaching = doc_is(attachment, "State", "attaching");
    if (!attaching && !doc_is(attachment, "State", "detaching"))
        return false;
    if (is_settled(control, region, attachment))
        tell(control, attaching ? MESSAGE_VOLUME_ATTACH : MESSAGE_VOLUME_DETACH, volume);
    else
        control->volumes->waiting = true;
    return false;
}

static void tell_region(struct control *control, struct txn *txn, const char *region)
{
    json_auto_t *ids = scan_ids(control->store, kind, region);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *volume = store_get(control->store, kind, region, json_string_value(id));
        if (tell_host(control, region, volume))
            txn_delete(txn, kind, region, json_string_value(id));
    }
}

static void tell_all(struct control *control)
{
    struct err err = {0};
    struct txn *txn = txn_begin(control->store);
    json_auto_t *regions = scan_regions(control->store, kind);
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        tell_region(control, txn, json_string_value(region));
    if (!txn_dirty(txn)) {
        txn_rollback(txn);
    } else if (txn_commit(txn, &err) < 0) {
        control->volumes->stale = true;
        control_log(control, "cannot forget a volume", &err);
    }
}

/* ---- the run ---- */

static void try_busy_again(struct volumes_control *volumes)
{
    map_each (entry, &volumes->busy)
        map_remove(&volumes->told, entry->key);
    map_finish(&volumes->busy);
    volumes->busy = (struct map){0};
    volumes->retry_ms = INT64_MAX;
    volumes->stale = true;
}

static void volumes_run(struct control *control)
{
    struct volumes_control *volumes = control->volumes;
    if (!list_empty(&volumes->reports) && !write_reports(control))
        control_wake_at(control, control_now(control) + BUSY_RETRY_MS);
    if (volumes->retry_ms <= control_now(control))
        try_busy_again(volumes);
    if (volumes->stale && volumes->host_known) {
        volumes->stale = volumes->waiting = false;
        tell_all(control);
    }
    if (volumes->retry_ms != INT64_MAX)
        control_wake_at(control, volumes->retry_ms);
}

const struct controller volumes_controller = {
    .name = "volumes",
    .create = volumes_create,
    .destroy = volumes_destroy,
    .changed = volumes_changed,
    .receive = volumes_receive,
    .run = volumes_run,
};
