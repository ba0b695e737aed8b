/* Scheduled actions whose time has come: each in a transaction of its own, in order of their times.
 */
#include "base/cleanup.h"
#include "control/groups.h"
#include "service/autoscaling/scheduled_action.h"

#include <stdlib.h>

enum { RETRY_MS = 1000 };

struct due_action {
    int64_t due_ms;
    size_t place; /* among the actions of the region: the older one first */
    json_t *id;
};

static int compare(const void *one, const void *other)
{
    const struct due_action *a = one, *b = other;
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* The actions that are due now, in their order; *ret_count of them, for free(). */
static struct due_action *find_due(struct control *control, const char *region, size_t *ret_count)
{
    const struct call call = control_call(control, NULL, region);
    size_t count = 0;
    struct due_action *due =
        calloc(store_count(control->store, scheduled_kind, region) + 1, sizeof *due);
    store_each (cursor, control->store, scheduled_kind, region)
        if (due && scheduled_action_wake_ms(cursor.doc) <= call.now_ms) {
            due[count] = (struct due_action){scheduled_action_due_ms(&call, cursor.doc), count,
                                             json_string(cursor.id)};
            count++;
        }
    if (count)
        qsort(due, count, sizeof *due, compare);
    *ret_count = count;
    return due;
}

static void run_action(struct control *control, const char *region, const char *id)
{
    auto_txn *txn = txn_begin(control->store);
    struct call call = control_call(control, txn, region);
    struct err err;
    scheduled_action_run(&call, store_get(control->store, scheduled_kind, region, id));
    if (txn_commit(ptr_take(&txn), &err) < 0)
        control_log(control, "cannot write a scheduled action", &err);
}

void groups_schedule(struct control *control, const char *region, int64_t *due_ms)
{
    size_t count;
    auto_free struct due_action *due = find_due(control, region, &count);
    for (size_t i = 0; i < count; i++) {
        run_action(control, region, json_string_value(due[i].id));
        json_decref(due[i].id);
    }
    store_each (cursor, control->store, scheduled_kind, region) {
        int64_t wake_ms = scheduled_action_wake_ms(cursor.doc);
        if (wake_ms <= control_now(control)) /* it could not be written */
            wake_ms = control_now(control) + RETRY_MS;
        *due_ms = wake_ms < *due_ms ? wake_ms : *due_ms;
    }
}
