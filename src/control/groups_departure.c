/*
 * What becomes of an instance that leaves:
 *
 *     deregister ──► drain (WaitingForELBConnectionDraining) ──► hooks ──► terminate ──► forget
 *
 * An instance that no longer runs, or whose group is deleted, waits neither for draining nor for
 * hooks. In a warm pool also one that is stopped waits for hooks, unless the pool is deleted.
 */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/warm_pool.h"

#include <stdio.h>

enum { RETRY_MS = 15000 };

static bool is_gone(const struct groups_pass *pass, const json_t *member)
{
    return !groups_instance(pass, member) || groups_instance_is(pass, member, "terminated");
}

static bool is_going(const struct groups_pass *pass, const json_t *member)
{
    return groups_instance_is(pass, member, "shutting-down");
}

/* The cooldown of simple scaling counts from the end of the last activity. */
static void prolong_cooldown(struct groups_pass *pass, json_t *group)
{
    int64_t now_ms = pass->call.now_ms;
    if (doc_number(group, "_cooldown_ms") > now_ms)
        json_object_set_new(group, "_cooldown_ms",
                            json_integer(now_ms + doc_number(group, "_cooldown_s") * 1000));
}

static void forget(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *members = json_object_get(group, "Instances");
    size_t i;
    json_t *member;
    json_array_foreach (members, i, member) {
        if (!doc_is(member, "InstanceId", id))
            continue;
        activity_succeed(&pass->call, doc_text(member, "_activity"));
        prolong_cooldown(pass, group);
        json_array_remove(members, i);
        return;
    }
}

static void show_draining(struct groups_pass *pass, const char *id)
{
    const json_t *member = group_instance(groups_look(pass), id);
    const char *activity = doc_text(member, "_activity");
    char description[120];
    if (doc_is(activity_find(&pass->call, activity), "StatusCode",
               "WaitingForELBConnectionDraining"))
        return;
    snprintf(description, sizeof description,
             "Terminating EC2 instance: %s - Waiting For ELB Connection Draining.", id);
    activity_progress(&pass->call, activity, "WaitingForELBConnectionDraining", 50, description);
}

static void terminate(struct groups_pass *pass, const char *id)
{
    struct err err;
    char description[80];
    const char *activity = doc_text(group_instance(groups_look(pass), id), "_activity");
    json_t *in = json_pack("{s:[s]}", "InstanceIds", id);
    if (service_call(&pass->call, "ec2", "TerminateInstances", in, NULL, &err) < 0) {
        control_log(pass->control, "TerminateInstances", &err);
        groups_retry_at(pass, id, pass->call.now_ms + RETRY_MS);
        return;
    }
    snprintf(description, sizeof description, "Terminating EC2 instance: %s", id);
    activity_progress(&pass->call, activity, "InProgress", 60, description);
}

/* Whether hooks hold it, or begin to. */
static bool must_hold(struct groups_pass *pass, const char *id)
{
    const json_t *member = group_instance(groups_look(pass), id);
    if (member_is(member, "Terminating") || member_is(member, "Warmed:Terminating"))
        return groups_hold(pass, id, hook_terminating);
    return json_object_get(member, "_actions") != NULL;
}

static void depart(struct groups_pass *pass, const char *id)
{
    const json_t *group = groups_look(pass);
    const json_t *member = group_instance(group, id);
    bool waits = member_is_warm(member)
                     ? !warm_pool_is_deleted(group)
                     : groups_instance_is(pass, member, "running") && !doc_flag(group, "_deleting");
    if (json_array_size(json_object_get(member, "_registered")))
        groups_deregister(pass, group_instance(groups_edit(pass), id));
    member = group_instance(groups_look(pass), id);
    if (is_gone(pass, member))
        forget(pass, id);
    else if (waits && groups_is_draining(pass, member))
        show_draining(pass, id);
    else if (is_going(pass, member) || (waits && must_hold(pass, id)))
        return;
    else if (!groups_must_wait(pass, group_instance(groups_look(pass), id)))
        terminate(pass, id);
}

void groups_depart(struct groups_pass *pass)
{
    json_auto_t *members = json_copy(json_object_get(groups_look(pass), "Instances"));
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member)
        if (member_is_terminating(member))
            depart(pass, doc_text(member, "InstanceId"));
}
