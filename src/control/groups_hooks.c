/* Members that lifecycle hooks hold: until all actions are completed, or their time is over. */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/hook.h"

#include <stdio.h>
#include <string.h>

bool groups_hold(struct groups_pass *pass, const char *id, const char *transition)
{
    if (!hooks_exist(&pass->call, groups_look(pass), transition))
        return false;
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    if (!hooks_begin(&pass->call, group, member, transition))
        return false;
    member_move_to_step(member, "Wait");
    activity_progress(&pass->call, doc_text(member, "_activity"), "MidLifecycleAction", 60, NULL);
    return true;
}

/* Actions whose heartbeat, or whose time in all, is over end with their default result. */
static void expire(struct groups_pass *pass, const char *id)
{
    json_auto_t *actions =
        json_deep_copy(json_object_get(group_instance(groups_look(pass), id), "_actions"));
    size_t i;
    const json_t *action;
    json_array_foreach (actions, i, action) {
        int64_t until_ms = doc_number(action, "until_ms");
        if (until_ms > pass->call.now_ms)
            groups_wake_at(pass, until_ms);
        else
            hook_complete(group_instance(groups_edit(pass), id), doc_text(action, "token"),
                          doc_text(action, "default"));
    }
}

/* A launch that was abandoned: the instance goes, and another one comes. */
static void abandon_launch(struct groups_pass *pass, const char *id, const char *token)
{
    char message[256];
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    snprintf(message, sizeof message,
             "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s "
             "was abandoned: Lifecycle Action Completed with ABANDON Result",
             token);
    activity_fail(&pass->call, doc_text(member, "_activity"), message);
    json_object_del(member, "_activity");
    hooks_forget(member);
    departure_begin(&pass->call, group, member,
                    cause_append(&pass->call, NULL,
                                 "an instance was taken out of service in response to a lifecycle "
                                 "action that was abandoned."));
}

static void go_on(struct groups_pass *pass, const char *id)
{
    json_t *member = group_instance(groups_edit(pass), id);
    json_auto_t *token = json_incref(json_object_get(member, "_abandoned"));
    bool launches = !member_is_terminating(member) && !doc_flag(member, "_returned");
    if (launches && token) {
        abandon_launch(pass, id, json_string_value(token));
        return;
    }
    hooks_forget(member);
    member_move_to_step(member, "Proceed");
}

void groups_wait(struct groups_pass *pass)
{
    json_auto_t *members = json_copy(json_object_get(groups_look(pass), "Instances"));
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member) {
        const char *id = doc_text(member, "InstanceId");
        if (!json_object_get(member, "_actions"))
            continue;
        expire(pass, id);
        if (!json_array_size(json_object_get(group_instance(groups_look(pass), id), "_actions")))
            go_on(pass, id);
    }
}
