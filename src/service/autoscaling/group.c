#include "service/autoscaling/group.h"

#include "base/fsm.h"
#include "service/ec2/tags.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char group_kind[] = "auto-scaling-group";
const char activity_kind[] = "scaling-activity";
const char policy_kind[] = "scaling-policy";

static const char tag_of_group[] = "aws:autoscaling:groupName";

/*
 * Pending ──► InService ──► Terminating ──► (gone); hooks put :Wait and :Proceed behind the first
 * and the last. Aside: InService ──► EnteringStandby ──► Standby ──► Pending, and from InService
 * and Standby to Detaching ──► (alive, but not of the group). From each of them an instance may be
 * lost. The warm pool: Warmed:Pending ──► Warmed:Stopped or Warmed:Running ──► Pending, and from
 * InService back to Warmed:Pending.
 */
static const struct fsm_state member_states[] = {
    {"Pending", {"Pending:Wait", "InService", "Terminating"}},
    {"Pending:Wait", {"Pending:Proceed", "Terminating"}},
    {"Pending:Proceed", {"InService", "Terminating"}},
    {"InService", {"Terminating", "EnteringStandby", "Detaching", "Warmed:Pending"}},
    {"EnteringStandby", {"Standby", "Terminating"}},
    {"Standby", {"Pending", "Terminating", "Detaching"}},
    {"Detaching", {"Terminating"}},
    {"Terminating", {"Terminating:Wait"}},
    {"Terminating:Wait", {"Terminating:Proceed"}},
    {"Terminating:Proceed", {NULL}},
    {"Warmed:Pending",
     {"Warmed:Pending:Wait", "Warmed:Stopped", "Warmed:Running", "Warmed:Terminating"}},
    {"Warmed:Pending:Wait", {"Warmed:Pending:Proceed", "Warmed:Terminating"}},
    {"Warmed:Pending:Proceed", {"Warmed:Stopped", "Warmed:Running", "Warmed:Terminating"}},
    {"Warmed:Stopped", {"Pending", "Warmed:Terminating"}},
    {"Warmed:Running", {"Pending", "Warmed:Terminating"}},
    {"Warmed:Terminating", {"Warmed:Terminating:Wait"}},
    {"Warmed:Terminating:Wait", {"Warmed:Terminating:Proceed"}},
    {"Warmed:Terminating:Proceed", {NULL}},
};

static const struct fsm member_fsm = {
    "member of an Auto Scaling group",
    member_states,
    sizeof member_states / sizeof *member_states,
};

const json_t *group_find(const struct call *call, const char *name, struct err *err)
{
    const json_t *group = store_get(call->store, group_kind, call->region, name);
    if (!group)
        err_aws(err, "ValidationError",
                "AutoScalingGroup name not found - AutoScalingGroup '%s' not found", name);
    return group;
}

json_t *group_edit(struct call *call, const char *name, struct err *err)
{
    if (!group_find(call, name, err))
        return NULL;
    return txn_edit(call->txn, group_kind, call->region, name);
}

json_t *group_edit_staying(struct call *call, const char *name, struct err *err)
{
    json_t *group = group_edit(call, name, err);
    if (!group || !*doc_text(group, "Status"))
        return group;
    err_aws(err, "ScalingActivityInProgress",
            "You cannot update an AutoScalingGroup while it is being deleted.");
    return NULL;
}

bool group_suspends(const json_t *group, const char *process)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(group, "SuspendedProcesses"), i, row)
        if (!strcmp(doc_text(row, "ProcessName"), process))
            return true;
    return false;
}

json_t *group_instance(const json_t *group, const char *instance_id)
{
    size_t i;
    json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (!strcmp(doc_text(member, "InstanceId"), instance_id))
            return member;
    return NULL;
}

const json_t *group_of_instance(const struct call *call, const char *instance_id,
                                const json_t **ret_member)
{
    store_each (cursor, call->store, group_kind, call->region) {
        const json_t *member = group_instance(cursor.doc, instance_id);
        if (member) {
            if (ret_member)
                *ret_member = member;
            return cursor.doc;
        }
    }
    return NULL;
}

bool member_is(const json_t *member, const char *state)
{
    return doc_is(member, "LifecycleState", state);
}

/* "Pending", "Pending:Wait" ... */
static bool is_phase(const json_t *member, const char *phase)
{
    const char *state = doc_text(member, "LifecycleState");
    size_t size = strlen(phase);
    return !strncmp(state, phase, size) && (!state[size] || state[size] == ':');
}

bool member_is_pending(const json_t *member)
{
    return is_phase(member, "Pending");
}

bool member_is_terminating(const json_t *member)
{
    return is_phase(member, "Terminating") || is_phase(member, "Warmed:Terminating");
}

bool member_is_warm(const json_t *member)
{
    return is_phase(member, "Warmed");
}

bool member_is_active(const json_t *member)
{
    return member_is_pending(member) || member_is(member, "InService");
}

int group_active_count(const json_t *group)
{
    int count = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        count += member_is_active(member);
    return count;
}

void member_move(json_t *member, const char *state)
{
    const char *moved = fsm_move(&member_fsm, doc_text(member, "LifecycleState"), state);
    json_object_set_new(member, "LifecycleState", json_string(moved));
}

void member_move_to_step(json_t *member, const char *step)
{
    char state[40];
    const char *present = doc_text(member, "LifecycleState");
    const char *end = strstr(present, ":Wait");
    int size = end ? (int)(end - present) : (int)strlen(present);
    snprintf(state, sizeof state, "%.*s:%s", size, present, step);
    member_move(member, state);
}

int64_t group_warmup_seconds(const json_t *group, const json_t *policy)
{
    if (json_object_get(policy, "EstimatedInstanceWarmup"))
        return doc_number(policy, "EstimatedInstanceWarmup");
    if (json_object_get(group, "DefaultInstanceWarmup"))
        return doc_number(group, "DefaultInstanceWarmup");
    return doc_number(group, "DefaultCooldown");
}

void group_adopt(const json_t *group, json_t *instance)
{
    const char *name = doc_text(group, "AutoScalingGroupName");
    json_t *tags = json_object_get(instance, "Tags");
    if (!tags)
        json_object_set_new(instance, "Tags", tags = json_array());
    ec2_tags_set(tags, tag_of_group, name);
    json_object_set_new(instance, "_group", json_string(name));
}

void group_release(json_t *instance)
{
    json_object_del(instance, "_group");
    json_object_del(instance, "_pool");
    ec2_tags_remove(json_object_get(instance, "Tags"), tag_of_group);
}

void format_time(int64_t time_ms, char out[24])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

json_t *cause_append(const struct call *call, const json_t *cause, const char *format, ...)
{
    char sentence[1024], time[24];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    format_time(call->now_ms, time);
    const char *before = json_string_value(cause);
    bool first = !before || !*before;
    return json_sprintf("%s%sAt %s %s", first ? "" : before, first ? "" : "  ", time, sentence);
}

void group_set_desired(const struct call *call, json_t *group, int desired, const char *reason)
{
    int before = (int)doc_number(group, "DesiredCapacity");
    if (before == desired)
        return;
    json_object_set_new(group, "DesiredCapacity", json_integer(desired));
    json_object_set_new(group, "_change",
                        cause_append(call, NULL, "%s changing the desired capacity from %d to %d.",
                                     reason, before, desired));
}
