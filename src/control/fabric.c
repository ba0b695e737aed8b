/*
 * Brings the network on the host to what the store says. Each VPC with interfaces is sent whole
 * whenever its composed message differs from the one sent last; the host works out the difference.
 */
#include "control/fabric.h"

#include "base/map.h"
#include "control/control_impl.h"
#include "control/fabric_compose.h"
#include "control/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30000 };

/* What the host was told about a VPC. */
struct vpc_state {
    struct buf sent;     /* the message; empty: the host must be told (again) */
    uint64_t generation; /* of that message */
    int failures;        /* in a row */
    int64_t retry_ms;    /* cloud time; 0: none is due */
    bool built;          /* the host has acknowledged it */
    bool alive;          /* seen in this run */
};

struct fabric_control {
    struct map vpcs;     /* VPC id to struct vpc_state */
    uint64_t generation; /* the last one that was used */
    bool stale;          /* documents changed since the last run */
    bool introduced;     /* the host was told of VPCs that need no network any more */
};

static int fabric_create(struct control *control, struct err *err)
{
    control->fabric = calloc(1, sizeof *control->fabric);
    if (!control->fabric)
        return err_set(err, "out of memory");
    control->fabric->stale = true;
    return 0;
}

static void free_state(struct vpc_state *state)
{
    buf_reset(&state->sent);
    free(state);
}

static void fabric_destroy(struct control *control)
{
    if (!control->fabric)
        return;
    map_each (entry, &control->fabric->vpcs)
        free_state(entry->value);
    map_finish(&control->fabric->vpcs);
    free(control->fabric);
    control->fabric = NULL;
}

static void fabric_changed(struct control *control, const char *kind, const char *region)
{
    static const char *const kinds[] = {
        "vpc",
        "subnet",
        "route-table",
        "network-acl",
        "vpc-peering-connection",
        "internet-gateway",
        "security-group",
        "security-group-rule",
        "prefix-list",
        "network-interface",
        "flow-log",
    };
    (void)region;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i], kind))
            control->fabric->stale = true;
}

/* A host that says hello may have lost anything: it is told everything. */
static void forget_sent(struct fabric_control *fabric)
{
    map_each (entry, &fabric->vpcs) {
        struct vpc_state *state = entry->value;
        buf_reset(&state->sent);
        state->failures = 0;
        state->retry_ms = 0;
    }
    fabric->introduced = false;
    fabric->stale = true;
}

/* ---- reports ---- */

static void on_failure(struct control *control, struct vpc_state *state,
                       const struct message_fabric_done *done)
{
    struct err err;
    int64_t delay_ms = (int64_t)RETRY_MIN_MS << (state->failures < 5 ? state->failures : 5);
    state->failures++;
    state->retry_ms = control_now(control) + (delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
    err_set(&err, "%.*s", (int)sizeof done->text, done->text);
    char what[64];
    snprintf(what, sizeof what, "fabric of %.*s", ID_SIZE, done->vpc);
    control_log(control, what, &err);
}

static void fabric_receive(struct control *control, enum message_type type, const void *payload,
                           size_t size)
{
    if (type == MESSAGE_HOST_HELLO)
        forget_sent(control->fabric);
    if (type != MESSAGE_FABRIC_DONE || size < sizeof(struct message_fabric_done))
        return;
    const struct message_fabric_done *done = payload;
    char vpc[ID_SIZE + 1];
    snprintf(vpc, sizeof vpc, "%.*s", ID_SIZE, done->vpc);
    struct vpc_state *state = map_get(&control->fabric->vpcs, vpc);
    if (!state || state->generation != done->generation)
        return;
    if (done->failed) {
        on_failure(control, state, done);
    } else {
        state->failures = 0;
        state->retry_ms = 0;
        state->built = true;
    }
}

bool fabric_is_built(const struct control *control, const char *vpc)
{
    const struct vpc_state *state = map_get(&control->fabric->vpcs, vpc);
    return state && state->built;
}

/* ---- run ---- */

static struct vpc_state *state_of(struct fabric_control *fabric, const char *vpc)
{
    struct vpc_state *state = map_get(&fabric->vpcs, vpc);
    if (state)
        return state;
    state = calloc(1, sizeof *state);
    if (state && map_set(&fabric->vpcs, vpc, state) < 0) {
        free(state);
        return NULL;
    }
    return state;
}

static void send_delete(struct control *control, const char *vpc)
{
    struct message_id message = {0};
    snprintf(message.id, sizeof message.id, "%s", vpc);
    control->world->send(control->world->arg, MESSAGE_FABRIC_DELETE, &message, sizeof message, NULL,
                         0);
}

static void send_fabric(struct control *control, struct vpc_state *state)
{
    struct fabric head;
    memcpy(&head, state->sent.data, sizeof head);
    head.generation = state->generation = ++control->fabric->generation;
    state->retry_ms = 0;
    state->built = false;
    control->world->send(control->world->arg, MESSAGE_FABRIC, &head, sizeof head,
                         state->sent.data + sizeof head, state->sent.size - sizeof head);
}

/* Sends the VPC if it is not what was sent last; takes over the contents of `wanted`. */
static void update(struct control *control, struct vpc_state *state, struct buf *wanted)
{
    if (state->sent.size == wanted->size && !memcmp(state->sent.data, wanted->data, wanted->size))
        return;
    buf_reset(&state->sent);
    state->sent = *wanted;
    *wanted = (struct buf){0};
    send_fabric(control, state);
}

static void run_vpc(struct control *control, const char *region, const json_t *vpc)
{
    auto_buf wanted = {0};
    const char *id = json_string_value(json_object_get(vpc, "VpcId"));
    uint32_t interface_count =
        fabric_compose(control->store, region, vpc, control->world->service->packet_log, &wanted);
    if (interface_count == 0) {
        if (!control->fabric->introduced && !map_get(&control->fabric->vpcs, id))
            send_delete(control, id);
        return;
    }
    struct vpc_state *state = state_of(control->fabric, id);
    if (!state || wanted.failed)
        return;
    state->alive = true;
    update(control, state, &wanted);
}

/* VPCs that have no interface any more, or are gone, need no network. */
static void delete_dead(struct control *control)
{
    struct fabric_control *fabric = control->fabric;
    for (struct map_entry *entry = fabric->vpcs.first, *next; entry; entry = next) {
        struct vpc_state *state = entry->value;
        next = entry->next;
        if (state->alive)
            continue;
        send_delete(control, entry->key);
        map_remove(&fabric->vpcs, entry->key);
        free_state(state);
    }
}

static void run_all(struct control *control)
{
    struct fabric_control *fabric = control->fabric;
    map_each (entry, &fabric->vpcs)
        ((struct vpc_state *)entry->value)->alive = false;
    json_auto_t *regions = scan_regions(control->store, "vpc");
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        store_each (cursor, control->store, "vpc", json_string_value(region))
            run_vpc(control, json_string_value(region), cursor.doc);
    delete_dead(control);
    fabric->introduced = true;
    fabric->stale = false;
}

static void fabric_run(struct control *control)
{
    if (control->fabric->stale)
        run_all(control);
    map_each (entry, &control->fabric->vpcs) {
        struct vpc_state *state = entry->value;
        if (!state->retry_ms)
            continue;
        if (state->retry_ms <= control_now(control))
            send_fabric(control, state);
        else
            control_wake_at(control, state->retry_ms);
    }
}

const struct controller fabric_controller = {
    .name = "fabric",
    .create = fabric_create,
    .destroy = fabric_destroy,
    .changed = fabric_changed,
    .receive = fabric_receive,
    .run = fabric_run,
};
