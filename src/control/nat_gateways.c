/*
 * The NAT gateways controller: moves each through its states (service/ec2/nat_gateway.h). What the
 * host does with it follows from its interface, which the fabric controller tells of.
 */
#include "control/control_impl.h"
#include "control/fabric.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/ec2/nat_gateway.h"

#include <stdlib.h>
#include <string.h>

static const char kind[] = "nat-gateway";

struct nat_gateways_control {
    bool stale;     /* one was written, or waits for its network */
    int64_t due_ms; /* when one is forgotten; INT64_MAX: none */
};

static int nat_gateways_create(struct control *control, struct err *err)
{
    control->nat_gateways = calloc(1, sizeof *control->nat_gateways);
    if (!control->nat_gateways)
        return err_set(err, "out of memory");
    control->nat_gateways->stale = true;
    control->nat_gateways->due_ms = INT64_MAX;
    return 0;
}

static void nat_gateways_destroy(struct control *control)
{
    free(control->nat_gateways);
    control->nat_gateways = NULL;
}

static void nat_gateways_changed(struct control *control, const char *changed_kind,
                                 const char *region)
{
    (void)region;
    if (strcmp(changed_kind, kind) == 0)
        control->nat_gateways->stale = true;
}

static void advance_region(struct control *control, struct txn *txn, const char *region)
{
    struct nat_gateways_control *gateways = control->nat_gateways;
    struct call call = control_call(control, txn, region);
    json_auto_t *ids = scan_ids(control->store, kind, region);
    size_t i;
    const json_t *item;
    json_array_foreach (ids, i, item) {
        const char *id = json_string_value(item);
        const json_t *gateway = store_get(control->store, kind, region, id);
        bool waits = ec2_nat_gateway_awaits_network(&call, gateway);
        bool built = waits && fabric_is_built(control, doc_text(gateway, "VpcId"));
        int64_t due_ms = ec2_nat_gateway_advance(&call, id, built);
        gateways->stale = gateways->stale || (waits && !built);
        gateways->due_ms = due_ms < gateways->due_ms ? due_ms : gateways->due_ms;
    }
}

static void nat_gateways_run(struct control *control)
{
    struct err err;
    struct nat_gateways_control *gateways = control->nat_gateways;
    if (gateways->stale || gateways->due_ms <= control_now(control)) {
        gateways->stale = false;
        gateways->due_ms = INT64_MAX;
        struct txn *txn = txn_begin(control->store);
        json_auto_t *regions = scan_regions(control->store, kind);
        size_t i;
        const json_t *region;
        json_array_foreach (regions, i, region)
            advance_region(control, txn, json_string_value(region));
        if (!txn_dirty(txn)) {
            txn_rollback(txn);
        } else if (txn_commit(txn, &err) < 0) {
            gateways->stale = true;
            control_log(control, "states of NAT gateways", &err);
        }
    }
    if (gateways->due_ms != INT64_MAX)
        control_wake_at(control, gateways->due_ms);
}

const struct controller nat_gateways_controller = {
    .name = "nat-gateways",
    .create = nat_gateways_create,
    .destroy = nat_gateways_destroy,
    .changed = nat_gateways_changed,
    .run = nat_gateways_run,
};
