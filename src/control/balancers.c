/*
 * Brings the balancer to what the store says, and writes what it reports: the health of targets.
 * Also ends draining when its time has come, and takes instances that are gone out of their groups.
 */
#include "control/balancer_config.h"
#include "control/control_impl.h"
#include "control/dimensions.h"
#include "control/names.h"
#include "control/scan.h"
#include "service/doc.h"
#include "service/elbv2/health.h"
#include "service/elbv2/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct balancers_control {
    uint32_t host_address, service_address; /* 0 until the host has said them */
    bool balancer_up, guest_up;
    bool stale;               /* documents changed since the last run */
    bool names_stale;         /* the health of a target did, on which DNS depends */
    char *configured, *named; /* the JSON that was sent last; NULL: must be sent (again) */
    int64_t drained_ms;       /* the earliest end of draining; INT64_MAX: none */
};

/* ---- what is remembered ---- */

static int balancers_create(struct control *control, struct err *err)
{
    struct balancers_control *balancers = calloc(1, sizeof *balancers);
    if (!balancers)
        return err_set(err, "out of memory");
    balancers->stale = true;
    balancers->drained_ms = INT64_MAX;
    control->balancers = balancers;
    return 0;
}

static void forget(char **sent)
{
    free(*sent);
    *sent = NULL;
}

static void balancers_destroy(struct control *control)
{
    if (!control->balancers)
        return;
    forget(&control->balancers->configured);
    forget(&control->balancers->named);
    free(control->balancers);
    control->balancers = NULL;
}

static void balancers_changed(struct control *control, const char *kind, const char *region)
{
    static const char *const kinds[] = {"load-balancer",       "listener", "rule", "target-group",
                                        "security-group-rule", "instance", "vpc",  "certificate",
                                        "vpc-endpoint"};
    (void)region;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i], kind))
            control->balancers->stale = true;
    if (!strcmp(kind, elb_target_health_kind))
        control->balancers->names_stale = true;
}

static void balancers_peer_started(struct control *control, enum process process)
{
    struct balancers_control *balancers = control->balancers;
    if (process == PROCESS_BALANCER) {
        balancers->balancer_up = true;
        forget(&balancers->configured);
        balancers->stale = true;
    }
    if (process == PROCESS_GUEST) {
        balancers->guest_up = true;
        forget(&balancers->named);
        balancers->stale = true;
    }
}

/* ---- reports ---- */

/*
 * What was measured, as a TargetHealth with the texts of DescribeTargetHealth. NULL for any other
 * report: that a target drains or is unused follows from other documents.
 */
static json_t *health_of_report(const struct target_health *report)
{
    static const char *const states[] = {[TARGET_INITIAL] = "initial",
                                         [TARGET_HEALTHY] = "healthy",
                                         [TARGET_UNHEALTHY] = "unhealthy"};
    static const struct {
        const char *reason, *description;
    } reasons[] = {
        [REASON_NONE] = {NULL, NULL},
        [REASON_REGISTRATION_IN_PROGRESS] = {"Elb.RegistrationInProgress",
                                             "Target registration is in progress"},
        [REASON_INITIAL_HEALTH_CHECKING] = {"Elb.InitialHealthChecking",
                                            "Initial health checks in progress"},
        [REASON_RESPONSE_CODE_MISMATCH] = {"Target.ResponseCodeMismatch",
                                           "Health checks failed with these codes: "},
        [REASON_TIMEOUT] = {"Target.Timeout", "Request timed out"},
        [REASON_FAILED_HEALTH_CHECKS] = {"Target.FailedHealthChecks", "Health checks failed"},
        [REASON_INTERNAL_ERROR] = {"Elb.InternalError",
                                   "Health checks failed due to an internal error"},
    };
    if (report->state == 0 || report->state >= sizeof states / sizeof *states ||
        report->reason >= sizeof reasons / sizeof *reasons ||
        (report->reason != REASON_NONE && !reasons[report->reason].reason))
        return NULL;
    json_t *health = json_pack("{s:s, s:{s:s, s:s}}", "State", states[report->state], "_anomaly",
                               "Result", report->anomalous ? "anomalous" : "normal",
                               "MitigationInEffect", report->mitigated ? "yes" : "no");
    if (report->reason == REASON_NONE)
        return health;
    json_object_set_new(health, "Reason", json_string(reasons[report->reason].reason));
    const char *description = reasons[report->reason].description;
    json_object_set_new(health, "Description",
                        report->reason == REASON_RESPONSE_CODE_MISMATCH
                            ? json_sprintf("%s[%u]", description, (unsigned)report->detail)
                            : json_string(description));
    return health;
}

static bool has_target(const json_t *group, const char *id, int64_t port)
{
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(group, "_targets"), i, target)
        if (doc_is(target, "Id", id) && doc_number(target, "Port") == port)
            return true;
    return false;
}

/* Reports of targets that are gone by now are dropped. */
static void on_health(struct control *control, struct txn *txn, const struct target_health *report)
{
    char dimension[DIMENSION_SIZE + 1], target[sizeof report->target + 1], region[32];
    char id[ELB_TARGET_HEALTH_ID_SIZE];
    snprintf(dimension, sizeof dimension, "%.*s", DIMENSION_SIZE, report->target_group);
    snprintf(target, sizeof target, "%.*s", (int)sizeof report->target, report->target);
    const json_t *group =
        dimension_find(control->store, elb_kind(ELB_TARGET_GROUP), dimension, region);
    json_auto_t *health = health_of_report(report);
    if (!group || !has_target(group, target, report->port))
        return;
    elb_target_health_id(dimension, target, report->port, id);
    const json_t *known = store_get(control->store, elb_target_health_kind, region, id);
    if (known && !health)
        txn_delete(txn, elb_target_health_kind, region, id);
    if (health && !(known && json_equal(known, health)))
        txn_put(txn, elb_target_health_kind, region, id, json_incref(health));
}

/* Commits if anything changed. */
static void finish(struct control *control, struct txn *txn, const char *what)
{
    struct err err;
    if (!txn_dirty(txn))
        txn_rollback(txn);
    else if (txn_commit(txn, &err) < 0)
        control_log(control, what, &err);
}

static void balancers_receive(struct control *control, enum message_type type, const void *payload,
                              size_t size)
{
    if (type == MESSAGE_HOST_HELLO && size >= sizeof(struct message_hello)) {
        const struct message_hello *hello = payload;
        control->balancers->host_address = hello->host_address;
        control->balancers->service_address = hello->service_address;
        control->balancers->stale = true;
    }
    if (type != MESSAGE_TARGET_HEALTH || size < sizeof(struct message_rows))
        return;
    const struct message_rows *head = payload;
    const struct target_health *rows = (const void *)(head + 1);
    if (head->count > (size - sizeof *head) / sizeof *rows)
        return;
    struct txn *txn = txn_begin(control->store);
    for (uint32_t i = 0; i < head->count; i++)
        on_health(control, txn, &rows[i]);
    finish(control, txn, "health of targets");
}

/* ---- targets that leave ---- */

/* Whether a target is to be forgotten now: its draining is over, or its instance is gone. */
static bool has_left(struct control *control, const char *region, const json_t *target)
{
    const json_t *until = json_object_get(target, "_draining_until_ms");
    if (until && json_integer_value(until) <= control_now(control))
        return true;
    if (until && json_integer_value(until) < control->balancers->drained_ms)
        control->balancers->drained_ms = json_integer_value(until);
    if (strncmp(doc_text(target, "Id"), "i-", 2) != 0)
        return false;
    const json_t *instance = store_get(control->store, "instance", region, doc_text(target, "Id"));
    return !instance || doc_is(json_object_get(instance, "State"), "Name", "terminated");
}

static void remove_left(struct control *control, struct txn *txn, const char *region,
                        const char *arn)
{
    const json_t *group = store_get(control->store, elb_kind(ELB_TARGET_GROUP), region, arn);
    for (size_t i = json_array_size(json_object_get(group, "_targets")); i > 0; i--) {
        const json_t *target = json_array_get(json_object_get(group, "_targets"), i - 1);
        if (!has_left(control, region, target))
            continue;
        group = txn_edit(txn, elb_kind(ELB_TARGET_GROUP), region, arn);
        json_array_remove(json_object_get(group, "_targets"), i - 1);
    }
}

/* Whether some target of some group has this id of a health document. */
static bool is_health_of_target(struct control *control, const char *region, const char *health_id)
{
    char id[ELB_TARGET_HEALTH_ID_SIZE];
    size_t i;
    const json_t *target;
    store_each (cursor, control->store, elb_kind(ELB_TARGET_GROUP), region) {
        const char *dimension = doc_text(cursor.doc, "_dimension");
        if (strncmp(health_id, dimension, strlen(dimension)) != 0)
            continue;
        json_array_foreach (json_object_get(cursor.doc, "_targets"), i, target) {
            elb_target_health_id(dimension, doc_text(target, "Id"), doc_number(target, "Port"), id);
            if (!strcmp(id, health_id) && !json_object_get(target, "_draining_until_ms"))
                return true;
        }
    }
    return false;
}

/* What was measured of targets that have left, or are leaving, must not count when they return. */
static void forget_health(struct control *control, struct txn *txn, const char *region)
{
    json_auto_t *ids = scan_ids(control->store, elb_target_health_kind, region);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id)
        if (!is_health_of_target(control, region, json_string_value(id)))
            txn_delete(txn, elb_target_health_kind, region, json_string_value(id));
}

static void settle_targets(struct control *control)
{
    struct txn *txn = txn_begin(control->store);
    control->balancers->drained_ms = INT64_MAX;
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_TARGET_GROUP));
    size_t i, j;
    const json_t *region, *arn;
    json_array_foreach (regions, i, region) {
        json_auto_t *arns =
            scan_ids(control->store, elb_kind(ELB_TARGET_GROUP), json_string_value(region));
        json_array_foreach (arns, j, arn)
            remove_left(control, txn, json_string_value(region), json_string_value(arn));
    }
    json_auto_t *health_regions = scan_regions(control->store, elb_target_health_kind);
    json_array_foreach (health_regions, i, region)
        forget_health(control, txn, json_string_value(region));
    finish(control, txn, "targets that leave");
}

/* ---- what is sent ---- */

/* Sends a document if it is not what was sent last. */
static void send_changed(struct control *control, enum message_type type, json_t *document,
                         char **sent)
{
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    if (!text || (*sent && !strcmp(*sent, text))) {
        free(text);
        return;
    }
    forget(sent);
    *sent = text;
    struct message_empty empty = {0};
    control->world->send(control->world->arg, type, &empty, sizeof empty, text, strlen(text));
}

/* Load balancers that balancer knows are active. */
static void activate(struct control *control)
{
    struct txn *txn = txn_begin(control->store);
    json_auto_t *regions = scan_regions(control->store, elb_kind(ELB_LOAD_BALANCER));
    size_t i, j;
    const json_t *region, *arn;
    json_array_foreach (regions, i, region) {
        const char *name = json_string_value(region);
        json_auto_t *arns = scan_ids(control->store, elb_kind(ELB_LOAD_BALANCER), name);
        json_array_foreach (arns, j, arn) {
            const json_t *doc = store_get(control->store, elb_kind(ELB_LOAD_BALANCER), name,
                                          json_string_value(arn));
            if (!doc_is(json_object_get(doc, "State"), "Code", "provisioning"))
                continue;
            json_t *edited =
                txn_edit(txn, elb_kind(ELB_LOAD_BALANCER), name, json_string_value(arn));
            json_object_set_new(edited, "State", json_pack("{s:s}", "Code", "active"));
        }
    }
    finish(control, txn, "states of load balancers");
}

static void balancers_run(struct control *control)
{
    struct balancers_control *balancers = control->balancers;
    if (balancers->stale || balancers->drained_ms <= control_now(control))
        settle_targets(control);
    if (balancers->drained_ms != INT64_MAX)
        control_wake_at(control, balancers->drained_ms);
    if (balancers->guest_up && (balancers->stale || balancers->names_stale))
        send_changed(control, MESSAGE_NAMES,
                     names_compose(control->store, balancers->service_address), &balancers->named);
    balancers->names_stale = false;
    if (!balancers->stale)
        return;
    balancers->stale = false;
    if (!balancers->balancer_up || balancers->host_address == 0)
        return;
    send_changed(control, MESSAGE_CONFIGURE,
                 balancer_config(control->store, balancers->host_address), &balancers->configured);
    activate(control);
}

const struct controller balancers_controller = {
    .name = "balancers",
    .create = balancers_create,
    .destroy = balancers_destroy,
    .changed = balancers_changed,
    .receive = balancers_receive,
    .peer_started = balancers_peer_started,
    .run = balancers_run,
};
