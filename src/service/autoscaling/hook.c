#include "service/autoscaling/hook.h"

#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/notification.h"
#include "service/sns/notify.h"

#include <stdio.h>
#include <string.h>

const char hook_kind[] = "lifecycle-hook";
const char hook_launching[] = "autoscaling:EC2_INSTANCE_LAUNCHING";
const char hook_terminating[] = "autoscaling:EC2_INSTANCE_TERMINATING";

enum {
    HEARTBEAT_MIN_S = 30,
    HEARTBEAT_MAX_S = 7200,
    HEARTBEAT_DEFAULT_S = 3600,
    HEARTBEATS_MAX = 100, /* of an action in all, and no more than two days */
    GLOBAL_MAX_S = 48 * 3600,
};

static int64_t global_timeout_s(int64_t heartbeat_s)
{
    int64_t limit_s = heartbeat_s * HEARTBEATS_MAX;
    return limit_s < GLOBAL_MAX_S ? limit_s : GLOBAL_MAX_S;
}

int hook_check(const json_t *in, struct err *err)
{
    const char *transition = doc_text(in, "LifecycleTransition");
    const char *result = doc_text(in, "DefaultResult");
    const json_t *heartbeat = json_object_get(in, "HeartbeatTimeout");
    int64_t heartbeat_s = json_integer_value(heartbeat);
    if (call_accept(in,
                    "AutoScalingGroupName LifecycleHookName LifecycleTransition "
                    "NotificationTargetARN RoleARN NotificationMetadata HeartbeatTimeout "
                    "DefaultResult",
                    err) < 0)
        return -1;
    if (*transition && strcmp(transition, hook_launching) && strcmp(transition, hook_terminating))
        return err_aws(err, "ValidationError", "Lifecycle transition %s is not valid.", transition);
    if (*result && strcmp(result, "CONTINUE") && strcmp(result, "ABANDON"))
        return err_aws(err, "ValidationError",
                       "Lifecycle action result must be either CONTINUE or ABANDON.");
    if (heartbeat && (heartbeat_s < HEARTBEAT_MIN_S || heartbeat_s > HEARTBEAT_MAX_S))
        return err_aws(err, "ValidationError",
                       "Heartbeat Timeout must be between %d and %d seconds.", HEARTBEAT_MIN_S,
                       HEARTBEAT_MAX_S);
    return 0;
}

json_t *hook_id(const char *group, const char *name)
{
    return json_sprintf("%s:%s", group, name);
}

static int count_hooks(const struct call *call, const char *group)
{
    int count = 0;
    store_each (cursor, call->store, hook_kind, call->region)
        count += doc_is(cursor.doc, "AutoScalingGroupName", group);
    return count;
}

static json_t *make_hook(const char *group, const char *name)
{
    return json_pack("{s:s, s:s, s:i, s:s}", "LifecycleHookName", name, "AutoScalingGroupName",
                     group, "HeartbeatTimeout", HEARTBEAT_DEFAULT_S, "DefaultResult", "ABANDON");
}

/* A target gets a test notification, or the hook is not taken. Nobody's role is asked for. */
static int test_target(struct call *call, const char *group, const json_t *in, struct err *err)
{
    const char *target = doc_text(in, "NotificationTargetARN");
    struct err why = {0};
    if (!*target)
        return 0;
    if (!strncmp(target, "arn:aws:sqs:", 12))
        return err_aws(err, "ValidationError",
                       "The notification target %.200s is not supported by Pileus yet: SQS.",
                       target);
    if (sns_is_topic_arn(call, target) &&
        notify_test(call, store_get(call->store, group_kind, call->region, group), target, &why) ==
            0)
        return 0;
    return err_aws(err, "ValidationError",
                   "Unable to publish test message to notification target %.200s using IAM role "
                   "%.200s. Please check your target and role configuration and try to put "
                   "lifecycle hook again.",
                   target, doc_text(in, "RoleARN"));
}

int hook_put(struct call *call, const char *group, const json_t *in, struct err *err)
{
    static const char *const members[] = {"LifecycleTransition",   "NotificationMetadata",
                                          "HeartbeatTimeout",      "DefaultResult",
                                          "NotificationTargetARN", "RoleARN"};
    const char *name = doc_text(in, "LifecycleHookName");
    json_auto_t *id = hook_id(group, name);
    const json_t *before = store_get(call->store, hook_kind, call->region, json_string_value(id));
    if (!before && !*doc_text(in, "LifecycleTransition"))
        return err_aws(err, "ValidationError",
                       "LifecycleTransition must be specified when a lifecycle hook is created.");
    if (!before && count_hooks(call, group) >= HOOKS_OF_GROUP_MAX)
        return err_aws(err, "LimitExceeded", "A group can have no more than %d lifecycle hooks.",
                       HOOKS_OF_GROUP_MAX);
    if (test_target(call, group, in, err) < 0)
        return -1;
    json_t *hook = before ? json_deep_copy(before) : make_hook(group, name);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(in, members[i]))
            json_object_set(hook, members[i], json_object_get(in, members[i]));
    if (!*doc_text(hook, "NotificationTargetARN")) /* "" takes it away */
        json_object_del(hook, "NotificationTargetARN");
    json_object_set_new(hook, "GlobalTimeout",
                        json_integer(global_timeout_s(doc_number(hook, "HeartbeatTimeout"))));
    txn_put(call->txn, hook_kind, call->region, json_string_value(id), hook);
    return 0;
}

void hooks_delete_of_group(struct call *call, const char *group)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *id;
    store_each (cursor, call->store, hook_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, id)
        txn_delete(call->txn, hook_kind, call->region, json_string_value(id));
}

static bool is_for(const json_t *hook, const json_t *group, const char *transition)
{
    return doc_is(hook, "AutoScalingGroupName", doc_text(group, "AutoScalingGroupName")) &&
           doc_is(hook, "LifecycleTransition", transition);
}

bool hooks_exist(const struct call *call, const json_t *group, const char *transition)
{
    store_each (cursor, call->store, hook_kind, call->region)
        if (is_for(cursor.doc, group, transition))
            return true;
    return false;
}

bool hooks_begin(struct call *call, const json_t *group, json_t *member, const char *transition)
{
    json_t *actions = json_array();
    store_each (cursor, call->store, hook_kind, call->region) {
        const json_t *hook = cursor.doc;
        char token[37];
        if (!is_for(hook, group, transition))
            continue;
        int64_t heartbeat_ms = doc_number(hook, "HeartbeatTimeout") * 1000;
        int64_t until_ms = call->now_ms + heartbeat_ms;
        int64_t limit_ms = call->now_ms + doc_number(hook, "GlobalTimeout") * 1000;
        call_make_uuid(call, token);
        json_array_append_new(actions, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "name",
                                                 doc_text(hook, "LifecycleHookName"), "token",
                                                 token, "until_ms", (json_int_t)until_ms,
                                                 "limit_ms", (json_int_t)limit_ms, "heartbeat_ms",
                                                 (json_int_t)heartbeat_ms, "default",
                                                 doc_text(hook, "DefaultResult")));
        notify_of_action(call, hook, member, token);
    }
    bool holds = json_array_size(actions) > 0;
    if (holds)
        json_object_set(member, "_actions", actions);
    json_decref(actions);
    return holds;
}

void hook_complete(json_t *member, const char *token, const char *result)
{
    json_t *actions = json_object_get(member, "_actions");
    size_t i;
    const json_t *action;
    json_array_foreach (actions, i, action) {
        if (!doc_is(action, "token", token))
            continue;
        if (!strcmp(result, "ABANDON")) {
            json_object_set_new(member, "_abandoned", json_string(token));
            json_array_clear(actions);
        } else {
            json_array_remove(actions, i);
        }
        return;
    }
}

void hooks_forget(json_t *member)
{
    json_object_del(member, "_actions");
    json_object_del(member, "_abandoned");
}
