/*
 * The warm pool of a group: instances that were prepared, and wait to come into service.
 *
 *     launched ──► hooks ──► stop ──► Warmed:Stopped ──► start ──► Pending: as any launch
 *     in service ──► deregister ──► drain ──► hooks ──► stop ──► Warmed:Stopped
 *
 * Where the pool's state is Running, nothing is stopped or started.
 */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/warm_pool.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 15000 };

static bool call_instance(struct groups_pass *pass, const char *operation, const char *id)
{
    struct err err;
    json_t *in = json_pack("{s:[s]}", "InstanceIds", id);
    if (service_call(&pass->call, "ec2", operation, in, NULL, &err) == 0)
        return true;
    control_log(pass->control, operation, &err);
    groups_retry_at(pass, id, pass->call.now_ms + RETRY_MS);
    return false;
}

/* What the instance is told of where it belongs; NULL: into service. */
static void tell_pool(struct groups_pass *pass, const char *id, const char *state)
{
    json_t *instance = txn_edit(pass->call.txn, "instance", pass->call.region, id);
    if (state)
        json_object_set_new(instance, "_pool", json_string(state));
    else
        json_object_del(instance, "_pool");
}

/* ---- into the pool ---- */

void groups_warm_begin(struct groups_pass *pass, const char *id)
{
    tell_pool(pass, id, warm_pool_state(groups_look(pass)));
}

/* Whether the group is still in the member's zone. */
static bool has_zone(const json_t *group, const json_t *member)
{
    return doc_list_has(json_object_get(group, "AvailabilityZones"),
                        doc_text(member, "AvailabilityZone"));
}

static bool may_return(const struct groups_pass *pass, const json_t *member)
{
    const json_t *group = groups_look(pass);
    const json_t *reuse = json_object_get(warm_pool_of(group), "InstanceReusePolicy");
    return doc_flag(reuse, "ReuseOnScaleIn") && warm_pool_count(group) < warm_pool_wanted(group) &&
           member_is(member, "InService") && doc_is(member, "HealthStatus", "Healthy") &&
           !json_object_get(member, "_refresh") && !json_object_get(member, "_leaves") &&
           has_zone(group, member) && groups_instance_is(pass, member, "running");
}

bool groups_return(struct groups_pass *pass, const char *id, json_t *cause)
{
    char description[80];
    if (!may_return(pass, group_instance(groups_look(pass), id)))
        return false;
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    snprintf(description, sizeof description, "Returning EC2 instance to warm pool: %s", id);
    const char *activity =
        activity_begin(&pass->call, group, description, json_incref(cause),
                       doc_text(member, "AvailabilityZone"), doc_text(member, "_subnet"));
    json_object_set_new(member, "_activity", json_string(activity));
    json_object_set_new(member, "_returned", json_true());
    json_object_set_new(member, "ProtectedFromScaleIn", json_false());
    member_move(member, "Warmed:Pending");
    groups_warm_begin(pass, id);
    return true;
}

/* Whether load balancers still have requests of theirs at an instance that came out of service. */
static bool still_serves(struct groups_pass *pass, const char *id)
{
    if (json_array_size(json_object_get(group_instance(groups_look(pass), id), "_registered")))
        groups_deregister(pass, group_instance(groups_edit(pass), id));
    if (groups_is_draining(pass, group_instance(groups_look(pass), id)))
        return true;
    if (json_object_get(group_instance(groups_look(pass), id), "_draining"))
        json_object_del(group_instance(groups_edit(pass), id), "_draining");
    return false;
}

/* It is prepared: stopped, if the pool keeps its instances so, and then it waits. */
static void settle(struct groups_pass *pass, const char *id)
{
    const char *state = warm_pool_state(groups_look(pass));
    const json_t *member = group_instance(groups_look(pass), id);
    bool stops = !strcmp(state, "Warmed:Stopped");
    if (stops && groups_instance_is(pass, member, "running") && !groups_must_wait(pass, member))
        call_instance(pass, "StopInstances", id);
    member = group_instance(groups_look(pass), id);
    if (!groups_instance_is(pass, member, stops ? "stopped" : "running"))
        return;
    json_t *group = groups_edit(pass);
    json_t *edited = group_instance(group, id);
    activity_succeed(&pass->call, doc_text(edited, "_activity"));
    json_object_del(edited, "_activity");
    json_object_del(edited, "_passed_over");
    json_object_del(edited, "_returned");
    json_object_del(group, "_failures");
    member_move(edited, state);
    tell_pool(pass, id, state);
}

static void prepare(struct groups_pass *pass, const char *id)
{
    const json_t *member = group_instance(groups_look(pass), id);
    const char *transition = doc_flag(member, "_returned") ? hook_terminating : hook_launching;
    if (!doc_is(member, "HealthStatus", "Healthy"))
        return;
    if (member_is(member, "Warmed:Pending") && groups_instance_is(pass, member, "running") &&
        (still_serves(pass, id) || groups_hold(pass, id, transition)))
        return;
    if (!member_is(group_instance(groups_look(pass), id), "Warmed:Pending:Wait"))
        settle(pass, id);
}

static void prepare_all(struct groups_pass *pass)
{
    json_auto_t *members = warm_pool_members(groups_look(pass), true);
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member)
        if (!member_is_terminating(member) && json_object_get(member, "_activity"))
            prepare(pass, doc_text(member, "InstanceId"));
}

/* ---- out of the pool ---- */

static bool is_prepared(struct groups_pass *pass, const json_t *member)
{
    return (member_is(member, "Warmed:Stopped") || member_is(member, "Warmed:Running")) &&
           (groups_instance_is(pass, member, "stopped") ||
            groups_instance_is(pass, member, "running")) &&
           doc_is(member, "HealthStatus", "Healthy") && !json_object_get(member, "_refresh") &&
           groups_may_launch_in(groups_look(pass), doc_text(member, "AvailabilityZone")) &&
           !groups_must_wait(pass, member);
}

/* The one whose zone has the fewest instances in service; NULL if none is prepared. */
static const json_t *choose_prepared(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass), *chosen = NULL, *member;
    int fewest = 0;
    size_t i;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        int in_zone = groups_count_in_zone(group, doc_text(member, "AvailabilityZone"));
        if (!is_prepared(pass, member) || (chosen && in_zone >= fewest))
            continue;
        chosen = member;
        fewest = in_zone;
    }
    return chosen;
}

static void take(struct groups_pass *pass, const char *id, int active)
{
    char description[80];
    if (groups_instance_is(pass, group_instance(groups_look(pass), id), "stopped") &&
        !call_instance(pass, "StartInstances", id))
        return;
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    snprintf(description, sizeof description, "Launching a new EC2 instance from warm pool: %s",
             id);
    const char *activity = activity_begin(
        &pass->call, group, description, groups_launch_cause(&pass->call, group, active),
        doc_text(member, "AvailabilityZone"), doc_text(member, "_subnet"));
    json_object_set_new(member, "_activity", json_string(activity));
    groups_count_replacement(group);
    json_object_set_new(member, "_taken", json_true());
    member_move(member, "Pending");
    tell_pool(pass, id, NULL);
}

/* How many instances the group lacks. */
static int missing(const json_t *group)
{
    int lacking = (int)(doc_number(group, "DesiredCapacity") + doc_number(group, "_surplus")) -
                  group_active_count(group);
    return lacking > 0 ? lacking : 0;
}

static void take_missing(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    int active = group_active_count(group);
    if (group_suspends(group, "Launch") || warm_pool_is_deleted(group))
        return;
    for (int i = missing(group); i > 0; i--) {
        const json_t *chosen = choose_prepared(pass);
        json_auto_t *id = json_incref(json_object_get(chosen, "InstanceId"));
        if (!chosen)
            return;
        take(pass, json_string_value(id), active);
    }
}

/* ---- its size ---- */

static void end(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *cause = cause_append(&pass->call, NULL,
                                 "instance %s was taken out of the warm pool in response to a "
                                 "difference between its desired and actual size.",
                                 id);
    departure_begin(&pass->call, group, group_instance(group, id), cause);
}

/* What is in a zone that the group has left is of no use to it. */
static void leave_zones(struct groups_pass *pass)
{
    json_auto_t *members = warm_pool_members(groups_look(pass), true);
    size_t i;
    const json_t *member;
    if (group_suspends(groups_look(pass), "Terminate"))
        return;
    json_array_foreach (members, i, member)
        if (!member_is_terminating(member) && !has_zone(groups_look(pass), member))
            end(pass, doc_text(member, "InstanceId"));
}

/* Those that came last go first. What the group lacks may still be taken, so it is not too much. */
static void trim(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    bool is_deleted = warm_pool_is_deleted(group);
    int excess = warm_pool_count(group) - warm_pool_wanted(group);
    if (!is_deleted)
        excess -= missing(group);
    if (excess <= 0 || (group_suspends(group, "Terminate") && !is_deleted))
        return;
    json_auto_t *members = warm_pool_members(group, true);
    for (size_t i = json_array_size(members); i > 0 && excess > 0; i--) {
        const json_t *member = json_array_get(members, i - 1);
        if (member_is_terminating(member))
            continue;
        end(pass, doc_text(member, "InstanceId"));
        excess--;
    }
}

/* A pool that is deleted is forgotten when its last instance has gone. */
static void forget_pool(struct groups_pass *pass)
{
    json_auto_t *members = warm_pool_members(groups_look(pass), true);
    if (doc_is(warm_pool_of(groups_look(pass)), "Status", "PendingDelete") &&
        !json_array_size(members))
        json_object_del(groups_edit(pass), "WarmPoolConfiguration");
}

void groups_warm(struct groups_pass *pass)
{
    if (!warm_pool_of(groups_look(pass)))
        return;
    take_missing(pass);
    leave_zones(pass);
    trim(pass);
    prepare_all(pass);
    forget_pool(pass);
}
