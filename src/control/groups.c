/* The controller of Auto Scaling groups: the table row, and the order of the steps. */
#include "control/groups.h"

#include "control/scan.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

struct groups_control {
    bool dirty;        /* something that groups look at has changed */
    int64_t due_ms;    /* when to look again without a change */
    int64_t minute_ms; /* the minute that was measured last */
};

const json_t *groups_look(const struct groups_pass *pass)
{
    return store_get(pass->call.store, group_kind, pass->call.region, pass->name);
}

json_t *groups_edit(struct groups_pass *pass)
{
    return txn_edit(pass->call.txn, group_kind, pass->call.region, pass->name);
}

void groups_wake_at(struct groups_pass *pass, int64_t due_ms)
{
    if (due_ms < pass->due_ms)
        pass->due_ms = due_ms;
}

const json_t *groups_instance(const struct groups_pass *pass, const json_t *member)
{
    return store_get(pass->call.store, "instance", pass->call.region,
                     doc_text(member, "InstanceId"));
}

bool groups_instance_is(const struct groups_pass *pass, const json_t *member, const char *state)
{
    return doc_is(json_object_get(groups_instance(pass, member), "State"), "Name", state);
}

void groups_retry_at(struct groups_pass *pass, const char *instance_id, int64_t due_ms)
{
    json_t *member = group_instance(groups_edit(pass), instance_id);
    json_object_set_new(member, "_retry_ms", json_integer(due_ms));
    groups_wake_at(pass, due_ms);
}

bool groups_must_wait(struct groups_pass *pass, const json_t *member)
{
    int64_t retry_ms = doc_number(member, "_retry_ms");
    if (retry_ms <= pass->call.now_ms)
        return false;
    groups_wake_at(pass, retry_ms);
    return true;
}

static int create(struct control *control, struct err *err)
{
    control->groups = calloc(1, sizeof *control->groups);
    if (!control->groups)
        return err_set(err, "out of memory");
    control->groups->dirty = true;
    return 0;
}

static void destroy(struct control *control)
{
    free(control->groups);
}

static void changed(struct control *control, const char *kind, const char *region)
{
    static const char *const watched[] = {
        "auto-scaling-group",
        "instance",
        "target-group",
        "target-health",
        "launch-template",
        "launch-template-version",
        "subnet",
        "instance-refresh",
        "lifecycle-hook",
        "scheduled-action",
    };
    (void)region;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        control->groups->dirty |= !strcmp(kind, watched[i]);
}

/* Nothing holds the group any more: its deletion is done. */
static void finish_deletion(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    if (doc_flag(group, "_deleting") && !json_array_size(json_object_get(group, "Instances")))
        group_remove(&pass->call, group);
}

/* What the desired capacity changed for has been reached: the next activity has another cause. */
static void forget_change(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    if (!json_object_get(group, "_change") && !json_object_get(group, "_replacements"))
        return;
    if (group_active_count(group) != doc_number(group, "DesiredCapacity") ||
        json_object_get(group, "_surplus"))
        return;
    json_t *edited = groups_edit(pass);
    json_object_del(edited, "_change");
    json_object_del(edited, "_replacements");
}

static void run_steps(struct groups_pass *pass)
{
    static void (*const steps[])(struct groups_pass *) = {
        groups_wait,     groups_observe,   groups_replace,  groups_refresh,
        groups_maintain, groups_rebalance, groups_scale_in, groups_warm,
        groups_register, groups_set_aside, groups_depart,   finish_deletion,
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps && groups_look(pass); i++)
        steps[i](pass);
}

/* One transaction; it is written only if it changed something. */
static void run_pass(struct control *control, const char *region, const char *name,
                     void (*work)(struct groups_pass *))
{
    auto_txn *txn = txn_begin(control->store);
    struct err err;
    struct groups_pass pass = {
        .control = control,
        .call = control_call(control, txn, region),
        .name = name,
        .due_ms = INT64_MAX,
    };
    if (groups_look(&pass))
        work(&pass);
    if (pass.due_ms < control->groups->due_ms)
        control->groups->due_ms = pass.due_ms;
    if (!txn_dirty(txn))
        return;
    if (txn_commit(txn, &err) < 0)
        control_log(control, "cannot write an Auto Scaling group", &err);
    txn = NULL;
}

static void run_group(struct control *control, const char *region, const char *name)
{
    run_pass(control, region, name, run_steps);
    groups_launch(control, region, name, &control->groups->due_ms);
    groups_launch_into_pool(control, region, name, &control->groups->due_ms);
    run_pass(control, region, name, forget_change);
}

static void run_groups(struct control *control)
{
    json_auto_t *regions = scan_regions(control->store, group_kind);
    size_t i, k;
    const json_t *region, *name;
    json_array_foreach (regions, i, region) {
        json_auto_t *names = scan_ids(control->store, group_kind, json_string_value(region));
        groups_schedule(control, json_string_value(region), &control->groups->due_ms);
        json_array_foreach (names, k, name)
            run_group(control, json_string_value(region), json_string_value(name));
    }
}

/* Metrics of the minute that has ended are written when the next one begins. */
static void measure(struct control *control)
{
    struct groups_control *groups = control->groups;
    int64_t minute_ms = control_now(control) / MINUTE_MS * MINUTE_MS;
    if (minute_ms != groups->minute_ms) {
        groups->minute_ms = minute_ms;
        groups_measure(control, minute_ms);
    }
    control_wake_at(control, minute_ms + MINUTE_MS);
}

static void run(struct control *control)
{
    struct groups_control *groups = control->groups;
    if (groups->dirty || control_now(control) >= groups->due_ms) {
        groups->dirty = false;
        groups->due_ms = INT64_MAX;
        run_groups(control);
    }
    control_wake_at(control, groups->due_ms);
    measure(control);
}

const struct controller groups_controller = {
    .name = "groups",
    .create = create,
    .destroy = destroy,
    .changed = changed,
    .run = run,
};
