/* Images: made from instances by the host, and deleted when nobody starts from them any more. */
#include "control/instances_impl.h"

#include "base/cleanup.h"
#include "service/doc.h"
#include "service/ec2/instance_state.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "image";

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

struct region_search {
    const struct store *store;
    const char *id;
    char region[32]; /* "" until found */
};

static void look_in_region(void *arg, const char *region)
{
    struct region_search *search = arg;
    if (store_get(search->store, kind, region, search->id))
        snprintf(search->region, sizeof search->region, "%s", region);
}

void image_apply_report(struct call *call, const struct message_image_done *report)
{
    struct region_search search = {.store = call->store, .id = report->image};
    store_regions(call->store, kind, look_in_region, &search);
    json_t *image = txn_edit(call->txn, kind, search.region, report->image);
    if (!image || !doc_is(image, "State", "pending"))
        return;
    json_object_set_new(image, "State", json_string(report->failed ? "failed" : "available"));
    if (!report->failed)
        return;
    json_object_set_new(image, "_state_text", json_string(report->text));
    json_object_set_new(image, "StateReason",
                        json_pack("{s:s, s:o}", "Code", "Server.InternalError", "Message",
                                  json_sprintf("Server.InternalError: %s", report->text)));
}

static void ask_for(struct control *control, const char *region, const char *id, const json_t *doc)
{
    struct map *told = &control->instances->images_told;
    const char *source = doc_text(doc, "SourceInstanceId");
    const json_t *instance = store_get(control->store, "instance", region, source);
    if (map_find(told, id) || (doc_flag(doc, "_at_rest") && instance_is_up(instance)))
        return;
    struct message_image_create create = {0};
    snprintf(create.image, ID_SIZE, "%s", id);
    snprintf(create.instance, ID_SIZE, "%s", source);
    map_set(told, id, control);
    control->world->send(control->world->arg, MESSAGE_IMAGE_CREATE, &create, sizeof create, NULL,
                         0);
}

static bool layer_is_used(const struct store *store, const char *of_kind, const char *region,
                          const char *layer)
{
    store_each (cursor, store, of_kind, region)
        if (strcmp(cursor.id, layer) != 0 && !doc_flag(cursor.doc, "_removed") &&
            doc_list_has(json_object_get(cursor.doc, "_layers"), layer))
            return true;
    return false;
}

/* A deregistered image that can go now; its id is copied to `out`. */
static bool find_unused(const struct store *store, const char *region, char out[ID_SIZE])
{
    store_each (cursor, store, kind, region) {
        if (!doc_flag(cursor.doc, "_deregistered") || doc_is(cursor.doc, "State", "pending") ||
            layer_is_used(store, "instance", region, cursor.id) ||
            layer_is_used(store, kind, region, cursor.id))
            continue;
        snprintf(out, ID_SIZE, "%s", cursor.id);
        return true;
    }
    return false;
}

static void delete_image(struct control *control, const char *region,
                         const struct message_id *image)
{
    struct err err = {0};
    auto_txn *txn = txn_begin(control->store);
    txn_delete(txn, kind, region, image->id);
    control->world->send(control->world->arg, MESSAGE_IMAGE_DELETE, image, sizeof *image, NULL, 0);
    if (txn_commit(ptr_take(&txn), &err) < 0)
        control_log(control, "cannot forget an image", &err);
}

void images_tell(struct control *control, const char *region)
{
    struct message_id unused = {0};
    store_each (cursor, control->store, kind, region)
        if (doc_is(cursor.doc, "State", "pending"))
            ask_for(control, region, cursor.id, cursor.doc);
    if (control->instances->host_known && find_unused(control->store, region, unused.id))
        delete_image(control, region, &unused); /* the commit brings us back for the next one */
}
