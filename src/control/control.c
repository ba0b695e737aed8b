/* The loop over the controllers: rounds until none of them has anything more to commit. */
#include "control/control_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* Controllers wake each other by commits; more rounds than this go on in the next tick. */
enum { ROUNDS_MAX = 16 };

static const int64_t never_ms = INT64_MAX;

/* clang-format off */
static const struct controller *const controllers[] = {
    &authority_controller,
    &fabric_controller,
    &nat_gateways_controller,
    &endpoints_controller,
    &volumes_controller,
    &instances_controller,
    &certificates_controller,
    &balancers_controller,
    &metrics_controller,
    &logs_controller,
    &flow_logs_controller,
    &alarms_controller,
    &groups_controller,
    &notifications_controller,
    &usage_controller,
    NULL,
};
/* clang-format on */

int64_t control_now(const struct control *control)
{
    return control->world->now_ms(control->world->arg);
}

void control_wake_at(struct control *control, int64_t due_ms)
{
    if (due_ms >= control->next_due_ms)
        return;
    control->next_due_ms = due_ms;
    if (!control->ticking)
        control->world->wake_at(control->world->arg, due_ms);
}

/* Something changed: a tick is due at once, or another round of the tick that runs. */
static void make_dirty(struct control *control)
{
    control->dirty = true;
    control_wake_at(control, control_now(control));
}

static void on_commit(void *arg, const char *kind, const char *region)
{
    struct control *control = arg;
    for (size_t i = 0; controllers[i]; i++)
        if (controllers[i]->changed)
            controllers[i]->changed(control, kind, region);
    make_dirty(control);
}

struct control *control_create(struct store *store, struct series_store *series,
                               const struct control_world *world, struct err *err)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control) {
        err_set(err, "out of memory");
        return NULL;
    }
    control->store = store;
    control->series = series;
    control->world = world;
    control->next_due_ms = never_ms;
    snprintf(control->user_arn, sizeof control->user_arn, "arn:aws:iam::%s:root", world->account);
    for (size_t i = 0; controllers[i]; i++) {
        if (controllers[i]->create && controllers[i]->create(control, err) < 0) {
            err_wrap(err, "cannot start controller %s", controllers[i]->name);
            control_destroy(control);
            return NULL;
        }
    }
    store_watch(store, on_commit, control);
    make_dirty(control);
    return control;
}

void control_destroy(struct control *control)
{
    if (!control)
        return;
    store_unwatch(control->store, on_commit, control);
    for (size_t i = 0; controllers[i]; i++)
        if (controllers[i]->destroy)
            controllers[i]->destroy(control);
    free(control);
}

static void run_round(struct control *control)
{
    control->dirty = false;
    for (size_t i = 0; controllers[i]; i++)
        if (controllers[i]->run)
            controllers[i]->run(control);
}

void control_tick(struct control *control)
{
    control->ticking = true;
    control->next_due_ms = never_ms;
    run_round(control);
    for (int round = 1; control->dirty && round < ROUNDS_MAX; round++) {
        control->next_due_ms = never_ms;
        run_round(control);
    }
    if (control->dirty)
        control_wake_at(control, control_now(control));
    control->ticking = false;
    if (control->next_due_ms != never_ms)
        control->world->wake_at(control->world->arg, control->next_due_ms);
}

void control_receive(struct control *control, enum message_type type, const void *payload,
                     size_t size)
{
    for (size_t i = 0; controllers[i]; i++)
        if (controllers[i]->receive)
            controllers[i]->receive(control, type, payload, size);
    make_dirty(control);
}

void control_peer_started(struct control *control, enum process process)
{
    for (size_t i = 0; controllers[i]; i++)
        if (controllers[i]->peer_started)
            controllers[i]->peer_started(control, process);
    make_dirty(control);
}

struct call control_call(struct control *control, struct txn *txn, const char *region)
{
    struct call call = {
        .world = control->world->service,
        .txn = txn,
        .store = control->store,
        .series = control->series,
        .account = control->world->account,
        .region = region,
        .user_arn = control->user_arn,
        .access_key = "",
        .request_id = "00000000-0000-4000-8000-000000000000",
        .now_ms = control_now(control),
    };
    return call;
}

void control_log(struct control *control, const char *what, const struct err *err)
{
    char text[ERR_TEXT_SIZE + 128];
    snprintf(text, sizeof text, "%s: %s%s%s", what, err->code, err->code[0] ? ": " : "", err->text);
    control->world->log(control->world->arg, text);
}
