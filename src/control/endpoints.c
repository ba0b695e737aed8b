/*
 * The endpoints controller: where the APIs answer to instances. That is the cloud's internet, and
 * each network interface of an interface endpoint, which is available when its VPC's network is.
 */
#include "base/buf.h"
#include "control/control_impl.h"
#include "control/fabric.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kind[] = "vpc-endpoint";

static const uint32_t ports[] = {443, 80};

struct endpoints_control {
    uint32_t service_address; /* 0 until the host has said it */
    bool stale;               /* one was written, or waits for its network */
};

static int endpoints_create(struct control *control, struct err *err)
{
    control->endpoints = calloc(1, sizeof *control->endpoints);
    if (!control->endpoints)
        return err_set(err, "out of memory");
    control->endpoints->stale = true;
    return 0;
}

static void endpoints_destroy(struct control *control)
{
    free(control->endpoints);
    control->endpoints = NULL;
}

static void endpoints_changed(struct control *control, const char *changed_kind, const char *region)
{
    (void)region;
    if (!strcmp(changed_kind, kind) || !strcmp(changed_kind, "network-interface"))
        control->endpoints->stale = true;
}

static void endpoints_receive(struct control *control, enum message_type type, const void *payload,
                              size_t size)
{
    const struct message_hello *hello = payload;
    if (type != MESSAGE_HOST_HELLO || size < sizeof *hello)
        return;
    control->endpoints->service_address = hello->service_address;
    control->endpoints->stale = true;
}

/* ---- where ---- */

static void add_ports(struct buf *wanted, const char *vpc, uint32_t address)
{
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct message_endpoint row = {.address = address, .port = ports[i]};
        snprintf(row.vpc, sizeof row.vpc, "%s", vpc);
        buf_append(wanted, &row, sizeof row);
    }
}

static void add_interfaces(const struct store *store, const char *region, struct buf *wanted)
{
    store_each (cursor, store, "network-interface", region) {
        uint32_t address;
        if (doc_is(cursor.doc, "_kind", "endpoint") &&
            cidr_parse_address(doc_text(cursor.doc, "PrivateIpAddress"), &address))
            add_ports(wanted, doc_text(cursor.doc, "VpcId"), address);
    }
}

static void serve(struct control *control, const json_t *regions)
{
    auto_buf wanted = {0};
    size_t i;
    const json_t *region;
    if (control->endpoints->service_address)
        add_ports(&wanted, "", control->endpoints->service_address);
    json_array_foreach (regions, i, region)
        add_interfaces(control->store, json_string_value(region), &wanted);
    if (!wanted.failed && control->world->serve)
        control->world->serve(control->world->arg, (const void *)wanted.data,
                              wanted.size / sizeof(struct message_endpoint));
}

/* ---- states ---- */

static void advance_region(struct control *control, struct txn *txn, const char *region)
{
    json_auto_t *ids = scan_ids(control->store, kind, region);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *endpoint = store_get(control->store, kind, region, json_string_value(id));
        if (!doc_is(endpoint, "State", "pending"))
            continue;
        if (fabric_is_built(control, doc_text(endpoint, "VpcId")))
            json_object_set_new(txn_edit(txn, kind, region, json_string_value(id)), "State",
                                json_string("available"));
        else
            control->endpoints->stale = true;
    }
}

static void endpoints_run(struct control *control)
{
    struct err err;
    size_t i;
    const json_t *region;
    if (!control->endpoints->stale)
        return;
    control->endpoints->stale = false;
    json_auto_t *regions = scan_regions(control->store, kind);
    serve(control, regions);
    struct txn *txn = txn_begin(control->store);
    json_array_foreach (regions, i, region)
        advance_region(control, txn, json_string_value(region));
    if (!txn_dirty(txn)) {
        txn_rollback(txn);
    } else if (txn_commit(txn, &err) < 0) {
        control->endpoints->stale = true;
        control_log(control, "states of VPC endpoints", &err);
    }
}

const struct controller endpoints_controller = {
    .name = "endpoints",
    .create = endpoints_create,
    .destroy = endpoints_destroy,
    .changed = endpoints_changed,
    .receive = endpoints_receive,
    .run = endpoints_run,
};
