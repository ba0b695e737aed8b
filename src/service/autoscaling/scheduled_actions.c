/* The operations on scheduled actions. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/scheduled_action.h"

#include <string.h>

enum { BATCH_MAX = 50 };

int autoscaling_PutScheduledUpdateGroupAction(struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    json_auto_t *in = json_copy((json_t *)call->in);
    if (!group_find(call, group, err))
        return -1;
    /* Time is what StartTime was called before. */
    if (json_object_get(in, "Time") && !json_object_get(in, "StartTime"))
        json_object_set(in, "StartTime", json_object_get(in, "Time"));
    return scheduled_action_put(call, group, in, err);
}

int autoscaling_DeleteScheduledAction(struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const json_t *action;
    if (!group_find(call, group, err))
        return -1;
    action = scheduled_action_find(call, group, doc_text(call->in, "ScheduledActionName"), err);
    if (!action)
        return -1;
    scheduled_action_delete(call, action);
    return 0;
}

/* ---- batches: what fails is told, the rest is done ---- */

static int check_batch(const struct call *call, const json_t *rows, struct err *err)
{
    if (!group_find(call, doc_text(call->in, "AutoScalingGroupName"), err))
        return -1;
    if (json_array_size(rows) > BATCH_MAX)
        return err_aws(err, "ValidationError",
                       "No more than %d scheduled actions can be specified.", BATCH_MAX);
    return 0;
}

static void add_failure(json_t *failures, const char *name, const struct err *err)
{
    json_array_append_new(failures, json_pack("{s:s, s:s, s:s}", "ScheduledActionName", name,
                                              "ErrorCode", err->code, "ErrorMessage", err->text));
}

int autoscaling_BatchPutScheduledUpdateGroupAction(struct call *call, struct err *err)
{
    const json_t *rows = json_object_get(call->in, "ScheduledUpdateGroupActions"), *row;
    json_t *failures = json_array();
    size_t i;
    json_object_set_new(call->out, "FailedScheduledUpdateGroupActions", failures);
    if (check_batch(call, rows, err) < 0)
        return -1;
    json_array_foreach (rows, i, row) {
        struct err failure = {0};
        if (scheduled_action_put(call, doc_text(call->in, "AutoScalingGroupName"), row, &failure) <
            0)
            add_failure(failures, doc_text(row, "ScheduledActionName"), &failure);
    }
    return 0;
}

int autoscaling_BatchDeleteScheduledAction(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "ScheduledActionNames"), *name;
    json_t *failures = json_array();
    size_t i;
    json_object_set_new(call->out, "FailedScheduledActions", failures);
    if (check_batch(call, names, err) < 0)
        return -1;
    json_array_foreach (names, i, name) {
        struct err failure = {0};
        const json_t *action = scheduled_action_find(
            call, doc_text(call->in, "AutoScalingGroupName"), json_string_value(name), &failure);
        if (action)
            scheduled_action_delete(call, action);
        else
            add_failure(failures, json_string_value(name), &failure);
    }
    return 0;
}

/* ---- DescribeScheduledActions ---- */

/* Names are asked for, or else a stretch of start times. */
static bool is_asked(const struct call *call, const json_t *action)
{
    const json_t *names = json_object_get(call->in, "ScheduledActionNames");
    const json_t *from = json_object_get(call->in, "StartTime");
    const json_t *until = json_object_get(call->in, "EndTime");
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    double start = json_number_value(json_object_get(action, "StartTime"));
    if (*group && !doc_is(action, "AutoScalingGroupName", group))
        return false;
    if (json_array_size(names))
        return doc_list_has(names, doc_text(action, "ScheduledActionName"));
    return (!from || start >= json_number_value(from)) &&
           (!until || start <= json_number_value(until));
}

int autoscaling_DescribeScheduledActions(struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    json_auto_t *found = json_array();
    if (*group && !group_find(call, group, err))
        return -1;
    store_each (cursor, call->store, scheduled_kind, call->region) {
        if (!is_asked(call, cursor.doc))
            continue;
        json_t *action = json_copy((json_t *)cursor.doc);
        json_object_set(action, "Time", json_object_get(action, "StartTime"));
        json_array_append_new(found, action);
    }
    return call_page(call, &autoscaling_paging, found, "ScheduledUpdateGroupActions", err);
}
