/*
 * The instances controller: brings the host's instances to what the documents desire.
 *
 * A run looks only at documents that changed since they were last acted on: it writes what follows
 * from reports, commits once, and then tells host and guest. Everything that was told is forgotten
 * when a peer starts again, and told again.
 */
#include "control/instances_impl.h"

#include "base/cleanup.h"
#include "service/doc.h"
#include "service/ec2/instance_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000 };

static const char kind[] = "instance";

/* ---- memory ---- */

static void mark_region(void *arg, const char *region)
{
    struct instances_control *instances = arg;
    map_set(&instances->regions, region, instances);
}

static void mark_all_regions(struct control *control)
{
    store_regions(control->store, kind, mark_region, control->instances);
    store_regions(control->store, "image", mark_region, control->instances);
    store_regions(control->store, "snapshot", mark_region, control->instances);
}

static int create(struct control *control, struct err *err)
{
    control->instances = calloc(1, sizeof *control->instances);
    if (!control->instances)
        return err_set(err, "out of memory");
    list_init(&control->instances->changed);
    list_init(&control->instances->reports);
    control->instances->next_forget_ms = INT64_MAX;
    control->instances->next_network_ms = INT64_MAX;
    mark_all_regions(control);
    return 0;
}

static void drop_entry(struct instances_control *instances, struct instance_entry *entry)
{
    map_remove(&instances->entries, entry->id);
    list_remove(&entry->link);
    json_decref(entry->seen);
    free(entry->metadata);
    buf_reset(&entry->network);
    free(entry);
}

static void drop_reports(struct instances_control *instances)
{
    list_each_safe (row, &instances->reports, struct instance_report_row, link) {
        list_remove(&row->link);
        free(row);
    }
}

static void destroy(struct control *control)
{
    struct instances_control *instances = control->instances;
    if (!instances)
        return;
    while (instances->entries.first)
        drop_entry(instances, instances->entries.first->value);
    drop_reports(instances);
    map_finish(&instances->entries);
    map_finish(&instances->regions);
    map_finish(&instances->images_told);
    free(instances);
    control->instances = NULL;
}

static void look_again(struct instance_entry *entry)
{
    json_decref(entry->seen);
    entry->seen = NULL;
}

/* What an instance is told of its VPC may be another now. */
static void look_again_at_all(struct instances_control *instances, const char *region)
{
    map_each (each, &instances->entries) {
        struct instance_entry *entry = each->value;
        if (strcmp(entry->region, region) == 0)
            look_again(entry);
    }
}

static void changed(struct control *control, const char *changed_kind, const char *region)
{
    bool is_vpc = strcmp(changed_kind, "vpc") == 0;
    if (is_vpc)
        look_again_at_all(control->instances, region);
    if (is_vpc || strcmp(changed_kind, kind) == 0 || strcmp(changed_kind, "image") == 0 ||
        strcmp(changed_kind, "snapshot") == 0 || strcmp(changed_kind, "volume") == 0)
        mark_region(control->instances, region);
}

static struct instance_entry *add_entry(struct instances_control *instances, const char *region,
                                        const char *id, const json_t *doc)
{
    struct instance_entry *entry = calloc(1, sizeof *entry);
    if (!entry || map_set(&instances->entries, id, entry) < 0) {
        free(entry);
        return NULL;
    }
    list_init(&entry->link);
    snprintf(entry->id, sizeof entry->id, "%s", id);
    snprintf(entry->region, sizeof entry->region, "%s", region);
    entry->unreachable = doc_number(doc, "_unreachable_ms") != 0;
    return entry;
}

/* ---- what peers say ---- */

static void queue_report(struct control *control, enum message_type type, const void *payload)
{
    struct instance_report_row *row = calloc(1, sizeof *row);
    if (!row)
        return; /* the host says it again when it is told again */
    row->type = type;
    if (type == MESSAGE_INSTANCE_STATE)
        row->instance = *(const struct message_instance_state *)payload;
    else
        row->image = *(const struct message_image_done *)payload;
    list_append(&control->instances->reports, &row->link);
}

/* A new host process: it knows nothing of what the last one was told. */
static void host_started(struct control *control)
{
    struct instances_control *instances = control->instances;
    instances->host_known = true;
    map_finish(&instances->images_told);
    instances->images_told = (struct map){0};
    map_each (each, &instances->entries) {
        struct instance_entry *entry = each->value;
        entry->told = TOLD_NOTHING;
        buf_reset(&entry->network);
        look_again(entry);
    }
    mark_all_regions(control);
}

static void queue_entry(struct instances_control *instances, struct instance_entry *entry)
{
    if (list_empty(&entry->link))
        list_append(&instances->changed, &entry->link);
}

/* Few of the reports of a second say anything new. */
static void take_usage(struct control *control, const struct message_usage *usage)
{
    const struct usage *rows = (const void *)(usage + 1);
    for (uint32_t i = 0; i < usage->count; i++) {
        char id[ID_SIZE + 1];
        snprintf(id, sizeof id, "%.*s", ID_SIZE, rows[i].instance);
        struct instance_entry *entry = map_get(&control->instances->entries, id);
        if (!entry || entry->unreachable == (rows[i].unreachable != 0))
            continue;
        entry->unreachable = rows[i].unreachable != 0;
        queue_entry(control->instances, entry);
    }
}

static void receive(struct control *control, enum message_type type, const void *payload,
                    size_t size)
{
    (void)size;
    if (type == MESSAGE_USAGE)
        take_usage(control, payload);
    if (type == MESSAGE_HOST_HELLO) {
        host_started(control);
    } else if (type == MESSAGE_INSTANCE_STATE || type == MESSAGE_IMAGE_DONE) {
        queue_report(control, type, payload);
    } else if (type == MESSAGE_INSTANCE_NETWORK_DONE) {
        struct instance_entry *entry = instance_network_report(control, payload);
        if (entry)
            queue_entry(control->instances, entry);
    }
}

static void peer_started(struct control *control, enum process process)
{
    if (process != PROCESS_GUEST)
        return;
    map_each (each, &control->instances->entries) {
        struct instance_entry *entry = each->value;
        free(ptr_take(&entry->metadata));
        look_again(entry);
    }
    mark_all_regions(control);
}

/* ---- finding what changed ---- */

static void find_changed_in(struct control *control, const char *region)
{
    struct instances_control *instances = control->instances;
    store_each (cursor, control->store, kind, region) {
        struct instance_entry *entry = map_get(&instances->entries, cursor.id);
        if (!entry)
            entry = add_entry(instances, region, cursor.id, cursor.doc);
        if (entry && entry->seen != cursor.doc)
            queue_entry(instances, entry);
    }
}

/* Terminated instances are shown for an hour. */
static void find_forgettable(struct control *control)
{
    struct instances_control *instances = control->instances;
    if (control_now(control) < instances->next_forget_ms)
        return;
    instances->next_forget_ms = INT64_MAX;
    map_each (each, &instances->entries) {
        struct instance_entry *entry = each->value;
        if (entry->forget_ms)
            queue_entry(instances, entry);
    }
}

/* What the host could not do is tried again after a while. */
static void find_failed_networks(struct control *control)
{
    struct instances_control *instances = control->instances;
    if (control_now(control) < instances->next_network_ms)
        return;
    instances->next_network_ms = INT64_MAX;
    map_each (each, &instances->entries) {
        struct instance_entry *entry = each->value;
        if (instance_network_is_due(control, entry))
            queue_entry(instances, entry);
        else if (entry->network_retry_ms && entry->network_retry_ms < instances->next_network_ms)
            instances->next_network_ms = entry->network_retry_ms;
    }
}

/* ---- writing ---- */

static void apply_reports(struct control *control, struct txn *txn)
{
    struct instances_control *instances = control->instances;
    list_each (row, &instances->reports, struct instance_report_row, link) {
        if (row->type == MESSAGE_IMAGE_DONE) {
            image_apply_report(control, txn, &row->image);
            continue;
        }
        struct instance_entry *entry = map_get(&instances->entries, row->instance.instance);
        if (!entry)
            continue;
        struct call call = control_call(control, txn, entry->region);
        instance_apply_report(&call, entry->id, &row->instance);
        queue_entry(instances, entry);
    }
}

static void advance(struct control *control, struct txn *txn, struct instance_entry *entry)
{
    const json_t *doc = store_get(control->store, kind, entry->region, entry->id);
    int64_t forget_ms = doc_number(doc, "_forget_ms");
    struct call call = control_call(control, txn, entry->region);
    if (forget_ms && forget_ms <= call.now_ms && doc_flag(doc, "_removed"))
        txn_delete(txn, kind, entry->region, entry->id);
    else if (doc) {
        instance_check(&call, entry->id, entry->unreachable);
        instance_advance(&call, entry->id,
                         instance_network_moves(doc) &&
                             instance_has_its_network(control, entry, doc));
    }
}

/* One transaction for everything that changed. False if it could not be written. */
static bool write_changes(struct control *control)
{
    struct err err = {0};
    auto_txn *txn = txn_begin(control->store);
    apply_reports(control, txn);
    list_each (entry, &control->instances->changed, struct instance_entry, link)
        advance(control, txn, entry);
    if (txn_dirty(txn) && txn_commit(ptr_take(&txn), &err) < 0) {
        control_log(control, "cannot write the state of instances", &err);
        return false;
    }
    return true;
}

/* ---- telling ---- */

static void send_message(struct control *control, enum message_type type, const void *payload,
                         size_t size)
{
    control->world->send(control->world->arg, type, payload, size, NULL, 0);
}

static void tell_stop(struct control *control, struct instance_entry *entry, bool force)
{
    struct message_instance_stop stop = {.force = force};
    enum told told = force ? TOLD_FORCE_STOP : TOLD_STOP;
    if (entry->told == told)
        return;
    entry->told = told;
    memcpy(stop.instance, entry->id, sizeof stop.instance);
    send_message(control, MESSAGE_INSTANCE_STOP, &stop, sizeof stop);
}

/* Some of its volumes are still being made; its document changes with each that is there. */
static bool lacks_volumes(const json_t *doc)
{
    size_t i;
    const json_t *mapping;
    json_array_foreach (json_object_get(doc, "BlockDeviceMappings"), i, mapping)
        if (!doc_flag(mapping, "_made"))
            return true;
    return false;
}

static void tell_start(struct control *control, struct instance_entry *entry, const json_t *doc)
{
    int64_t boot = doc_number(doc, "_boot");
    if ((entry->told == TOLD_START && entry->told_boot == boot) || lacks_volumes(doc) ||
        image_pending_of(control->store, entry->region, entry->id, true))
        return;
    entry->told = TOLD_START;
    entry->told_boot = boot;
    instance_send_start(control, entry->region, doc);
}

static void tell_remove(struct control *control, struct instance_entry *entry, const json_t *doc)
{
    struct message_id message = {0};
    if (entry->told == TOLD_REMOVE || doc_flag(doc, "_removed") ||
        image_pending_of(control->store, entry->region, entry->id, false))
        return;
    entry->told = TOLD_REMOVE;
    memcpy(message.id, entry->id, sizeof message.id);
    send_message(control, MESSAGE_INSTANCE_REMOVE, &message, sizeof message);
}

static void tell_host(struct control *control, struct instance_entry *entry, const json_t *doc)
{
    int64_t boot = doc_number(doc, "_boot"), exited = doc_number(doc, "_exited_boot");
    bool rebooting = instance_is_up(doc) && doc_number(doc, "_running_boot") < boot;
    if (instance_is(doc, "terminated")) {
        tell_remove(control, entry, doc);
    } else if (exited >= boot) {
        return;
    } else if (!doc_is(doc, "_desired", "running") || rebooting) {
        tell_stop(control, entry, doc_flag(doc, "_force_stop"));
    } else {
        instance_tell_network(control, entry, doc);
        tell_start(control, entry, doc);
    }
}

/* The guest is told before the host, so that the first question of a booting instance is answered.
 */
static void tell_guest(struct control *control, struct instance_entry *entry, const json_t *doc)
{
    struct message_id message = {0};
    memcpy(message.id, entry->id, sizeof message.id);
    if (instance_is(doc, "terminated")) {
        if (entry->metadata)
            send_message(control, MESSAGE_METADATA_DELETE, &message, sizeof message);
        free(ptr_take(&entry->metadata));
        return;
    }
    auto_free char *metadata = instance_metadata(control, entry->region, doc);
    if (!metadata || (entry->metadata && strcmp(metadata, entry->metadata) == 0))
        return;
    control->world->send(control->world->arg, MESSAGE_METADATA, &message, sizeof message, metadata,
                         strlen(metadata));
    free(entry->metadata);
    entry->metadata = ptr_take(&metadata);
}

static void tell(struct control *control, struct instance_entry *entry)
{
    struct instances_control *instances = control->instances;
    const json_t *doc = store_get(control->store, kind, entry->region, entry->id);
    if (!doc) {
        drop_entry(instances, entry);
        return;
    }
    json_decref(entry->seen);
    entry->seen = json_incref((json_t *)(uintptr_t)doc);
    entry->forget_ms = doc_number(doc, "_forget_ms");
    if (entry->forget_ms && entry->forget_ms < instances->next_forget_ms &&
        doc_flag(doc, "_removed"))
        instances->next_forget_ms = entry->forget_ms;
    tell_guest(control, entry, doc);
    tell_host(control, entry, doc);
}

/* An image that is done lets its instance go on. */
static void release_held(struct instances_control *instances, const struct store *store)
{
    list_each (row, &instances->reports, struct instance_report_row, link) {
        if (row->type != MESSAGE_IMAGE_DONE)
            continue;
        map_each (each, &instances->entries) {
            struct instance_entry *entry = each->value;
            if (!strcmp(image_source_of(store, entry->region, row->image.image), entry->id))
                queue_entry(instances, entry);
        }
    }
}

/*
 * Of a data folder that is gone while its instances ran on: this one took over its world, and no
 * document wants them.
 */
static void remove_unknown(struct control *control)
{
    struct instances_control *instances = control->instances;
    list_each (row, &instances->reports, struct instance_report_row, link) {
        struct message_id message = {0};
        if (row->type != MESSAGE_INSTANCE_STATE || row->instance.report == INSTANCE_REMOVED ||
            map_get(&instances->entries, row->instance.instance))
            continue;
        memcpy(message.id, row->instance.instance, sizeof message.id);
        send_message(control, MESSAGE_INSTANCE_REMOVE, &message, sizeof message);
    }
}

/* ---- the run ---- */

static void run(struct control *control)
{
    struct instances_control *instances = control->instances;
    struct map regions = instances->regions; /* what commits of this run change comes next time */
    instances->regions = (struct map){0};
    map_each (region, &regions)
        find_changed_in(control, region->key);
    find_forgettable(control);
    find_failed_networks(control);
    remove_unknown(control);
    bool written = list_empty(&instances->changed) && list_empty(&instances->reports);
    if (!written && write_changes(control)) {
        written = true;
        release_held(instances, control->store);
        drop_reports(instances);
    }
    if (written) {
        list_each_safe (entry, &instances->changed, struct instance_entry, link) {
            list_remove(&entry->link);
            tell(control, entry);
        }
        map_each (region, &regions)
            images_tell(control, region->key);
    } else {
        map_each (region, &regions)
            mark_region(instances, region->key);
        control_wake_at(control, control_now(control) + RETRY_MS);
    }
    map_finish(&regions);
    if (instances->next_forget_ms != INT64_MAX)
        control_wake_at(control, instances->next_forget_ms);
    if (instances->next_network_ms != INT64_MAX)
        control_wake_at(control, instances->next_network_ms);
}

const struct controller instances_controller = {
    .name = "instances",
    .create = create,
    .destroy = destroy,
    .changed = changed,
    .receive = receive,
    .peer_started = peer_started,
    .run = run,
};
