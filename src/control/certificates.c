/*
 * The certificates controller: renews what the cloud's own authority issued, before it ends and
 * while a listener uses it, as Certificate Manager does. A round renews one.
 */
#include "service/acm/certificates.h"
#include "control/control_impl.h"
#include "control/scan.h"
#include "service/acm/issue.h"
#include "service/elbv2/certificates.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 3600 * 1000 };

struct certificates_control {
    bool stale;     /* a certificate or listener was written */
    int64_t due_ms; /* of the first renewal; INT64_MAX: none */
};

static int certificates_create(struct control *control, struct err *err)
{
    control->certificates = calloc(1, sizeof *control->certificates);
    if (!control->certificates)
        return err_set(err, "out of memory");
    control->certificates->stale = true;
    control->certificates->due_ms = INT64_MAX;
    return 0;
}

static void certificates_destroy(struct control *control)
{
    free(control->certificates);
    control->certificates = NULL;
}

static void certificates_changed(struct control *control, const char *kind, const char *region)
{
    (void)region;
    if (strcmp(kind, acm_certificate_kind) == 0 || strcmp(kind, "listener") == 0)
        control->certificates->stale = true;
}

/* The first certificate of a region that is in use and due; its ARN is borrowed. NULL: none yet. */
static const char *find_due(struct control *control, const char *region)
{
    struct call call = control_call(control, NULL, region);
    store_each (cursor, control->store, acm_certificate_kind, region) {
        int64_t due_ms = acm_renewal_due_ms(cursor.doc);
        if (due_ms >= control->certificates->due_ms)
            continue;
        json_auto_t *users = elb_certificate_users(&call, cursor.id);
        if (json_array_size(users) == 0)
            continue;
        if (due_ms <= call.now_ms)
            return cursor.id;
        control->certificates->due_ms = due_ms;
    }
    return NULL;
}

static void renew(struct control *control, const char *region, const char *arn)
{
    struct err err;
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    int renewed = acm_renew(&call, arn, &err);
    if (renewed == 0) {
        renewed = txn_commit(txn, &err);
        txn = NULL;
    }
    if (renewed == 0)
        return;
    if (err.again) { /* its key is being made; a tick follows */
        control->certificates->stale = true;
        return;
    }
    control_log(control, "renewal of a certificate", &err);
    control->certificates->due_ms = call.now_ms + RETRY_MS;
}

static void certificates_run(struct control *control)
{
    struct certificates_control *certificates = control->certificates;
    if (!certificates->stale && certificates->due_ms > control_now(control))
        return;
    certificates->stale = false;
    certificates->due_ms = INT64_MAX;
    json_auto_t *regions = scan_regions(control->store, acm_certificate_kind);
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region) {
        const char *arn = find_due(control, json_string_value(region));
        if (!arn)
            continue;
        renew(control, json_string_value(region), arn);
        break;
    }
    if (certificates->due_ms != INT64_MAX)
        control_wake_at(control, certificates->due_ms);
}

const struct controller certificates_controller = {
    .name = "certificates",
    .create = certificates_create,
    .destroy = certificates_destroy,
    .changed = certificates_changed,
    .run = certificates_run,
};
