/* The operations on lifecycle hooks, and on the actions that wait for them. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/operations.h"

#include <string.h>

int autoscaling_PutLifecycleHook(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    if (!group_edit_staying(call, name, err) || hook_check(call->in, err) < 0)
        return -1;
    return hook_put(call, name, call->in, err);
}

/* The hook that the request names; ValidationError if there is none. */
static const json_t *find_hook(const struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const char *name = doc_text(call->in, "LifecycleHookName");
    if (!group_find(call, group, err))
        return NULL;
    json_auto_t *id = hook_id(group, name);
    const json_t *hook = store_get(call->store, hook_kind, call->region, json_string_value(id));
    if (!hook)
        err_aws(err, "ValidationError", "No Lifecycle Hook found with name: %s", name);
    return hook;
}

/* Instances that the hook holds go on with its default result. */
static void release_members(struct call *call, const json_t *hook)
{
    json_t *group =
        txn_edit(call->txn, group_kind, call->region, doc_text(hook, "AutoScalingGroupName"));
    size_t i, k;
    json_t *member;
    const json_t *action;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        json_auto_t *actions = json_deep_copy(json_object_get(member, "_actions"));
        json_array_foreach (actions, k, action)
            if (doc_is(action, "name", doc_text(hook, "LifecycleHookName")))
                hook_complete(member, doc_text(action, "token"), doc_text(hook, "DefaultResult"));
    }
}

int autoscaling_DeleteLifecycleHook(struct call *call, struct err *err)
{
    const json_t *hook = find_hook(call, err);
    if (!hook)
        return -1;
    json_auto_t *id =
        hook_id(doc_text(hook, "AutoScalingGroupName"), doc_text(hook, "LifecycleHookName"));
    release_members(call, hook);
    txn_delete(call->txn, hook_kind, call->region, json_string_value(id));
    return 0;
}

int autoscaling_DescribeLifecycleHooks(struct call *call, struct err *err)
{
    const char *group = doc_text(call->in, "AutoScalingGroupName");
    const json_t *names = json_object_get(call->in, "LifecycleHookNames");
    if (!group_find(call, group, err))
        return -1;
    json_t *found = json_array();
    json_object_set_new(call->out, "LifecycleHooks", found);
    store_each (cursor, call->store, hook_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group) &&
            (!json_array_size(names) ||
             doc_list_has(names, doc_text(cursor.doc, "LifecycleHookName"))))
            json_array_append(found, (json_t *)cursor.doc);
    return 0;
}

int autoscaling_DescribeLifecycleHookTypes(struct call *call, struct err *err)
{
    (void)err;
    return json_object_set_new(call->out, "LifecycleHookTypes",
                               json_pack("[s, s]", hook_launching, hook_terminating));
}

/* ---- actions ---- */

/* Whether the request means this action: by its token, or by its instance. */
static bool is_asked(const struct call *call, const json_t *member, const json_t *action)
{
    const char *token = doc_text(call->in, "LifecycleActionToken");
    const char *id = doc_text(call->in, "InstanceId");
    return doc_is(action, "name", doc_text(call->in, "LifecycleHookName")) &&
           (*token ? doc_is(action, "token", token) : doc_is(member, "InstanceId", id)) &&
           (!*id || doc_is(member, "InstanceId", id));
}

/* The waiting action that the request means, to be changed, and who waits; NULL and err if none. */
static json_t *edit_action(struct call *call, json_t **ret_member, struct err *err)
{
    const char *token = doc_text(call->in, "LifecycleActionToken");
    const char *id = doc_text(call->in, "InstanceId");
    if (!find_hook(call, err))
        return NULL;
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i, k;
    json_t *member, *action;
    if (!*token && !*id) {
        err_aws(err, "ValidationError",
                "Either LifecycleActionToken or InstanceId must be specified.");
        return NULL;
    }
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        json_array_foreach (json_object_get(member, "_actions"), k, action)
            if (is_asked(call, member, action)) {
                *ret_member = member;
                return action;
            }
    err_aws(err, "ValidationError", "No active Lifecycle Action found with %s %s",
            *token ? "token" : "instance ID", *token ? token : id);
    return NULL;
}

int autoscaling_CompleteLifecycleAction(struct call *call, struct err *err)
{
    const char *result = doc_text(call->in, "LifecycleActionResult");
    json_t *member;
    if (strcmp(result, "CONTINUE") && strcmp(result, "ABANDON"))
        return err_aws(err, "ValidationError",
                       "Lifecycle action result must be either CONTINUE or ABANDON.");
    json_auto_t *action = json_incref(edit_action(call, &member, err));
    if (!action)
        return -1;
    hook_complete(member, doc_text(action, "token"), result);
    return 0;
}

int autoscaling_RecordLifecycleActionHeartbeat(struct call *call, struct err *err)
{
    json_t *member;
    json_t *action = edit_action(call, &member, err);
    if (!action)
        return -1;
    int64_t until_ms = call->now_ms + doc_number(action, "heartbeat_ms");
    int64_t limit_ms = doc_number(action, "limit_ms");
    json_object_set_new(action, "until_ms",
                        json_integer(until_ms < limit_ms ? until_ms : limit_ms));
    return 0;
}
