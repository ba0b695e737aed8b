#include "daemon/admin_images.h"

#include "service/call.h"
#include "service/doc.h"
#include "service/ec2/image_alias.h"
#include "service/ec2/image_register.h"
#include "service/ec2/public_images.h"
#include "service/ec2/zones.h"

#include <stdio.h>
#include <string.h>

static struct call make_call(const struct admin *admin, const char *region)
{
    return (struct call){.world = admin->world,
                         .store = admin->store,
                         .account = admin->account,
                         .region = region,
                         .now_ms = cloud_clock_now(admin->clock(admin->arg))};
}

static json_t *change(struct call *call, service_handler *handler, const json_t *body,
                      struct err *err)
{
    auto_txn *txn = txn_begin(call->store);
    json_auto_t *out = json_object();
    call->txn = txn;
    call->in = body;
    call->out = out;
    if (handler(call, err) < 0)
        return NULL;
    int committed = txn_commit(txn, err);
    txn = NULL;
    return committed < 0 ? NULL : json_incref(out);
}

static void add_row(json_t *list, const json_t *image, const char *backing)
{
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s, s:s}", "ImageId", doc_text(image, "ImageId"),
                                    "CreationDate", doc_text(image, "CreationDate"), "Name",
                                    doc_text(image, "Name"), "Backing", backing));
}

/* `Backing` is the image itself, the one that an alias points at, or "host". */
static json_t *list(const struct call *call)
{
    json_t *images = json_array();
    store_each (cursor, call->store, "image", call->region)
        if (!doc_flag(cursor.doc, "_deregistered"))
            add_row(images, cursor.doc, cursor.id);
    for (size_t i = 0;; i++) {
        json_auto_t *image = public_image_at(call->region, i);
        if (!image)
            return json_pack("{s:o}", "Images", images);
        const json_t *target = image_alias_target(call, doc_text(image, "ImageId"));
        add_row(images, image, target ? doc_text(target, "ImageId") : "host");
    }
}

json_t *admin_answer_images(const struct admin *admin, const char *path, const json_t *body,
                            struct err *err)
{
    char region[32] = "";
    size_t size = strcspn(path, "/");
    struct call call = make_call(admin, region);
    snprintf(region, sizeof region, "%.*s", (int)size, path);
    if (size >= sizeof region || !ec2_region_exists(region))
        err_set(err, "there is no region %.32s", path);
    else if (!path[size])
        return body ? change(&call, image_register, body, err) : list(&call);
    else if (strcmp(path + size, "/aliases") == 0 && body)
        return change(&call, image_alias_set, body, err);
    else
        err_set(err, "there is nothing here");
    err->http_status = 404;
    return NULL;
}
