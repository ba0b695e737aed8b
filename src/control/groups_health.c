/* Health of the instances of a group: when they come into service, and when they must go. */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/warm_pool.h"

#include <stdio.h>
#include <string.h>

static const char cause_ec2[] = "an EC2 health check indicating it has been terminated or stopped";
static const char cause_impaired[] = "an EC2 instance status check failure";
static const char cause_elb[] = "an ELB system health check failure";

enum { RETRY_MS = 15000 };

static bool has_lost_instance(const struct groups_pass *pass, const json_t *member)
{
    return !groups_instance_is(pass, member, "pending") &&
           !groups_instance_is(pass, member, "running");
}

static void into_service(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    activity_succeed(&pass->call, doc_text(member, "_activity"));
    json_object_del(member, "_activity");
    member_move(member, "InService");
    json_object_del(member, "_returns");
    json_object_del(member, "_taken");
    json_object_set_new(member, "_in_service_ms", json_integer(pass->call.now_ms));
    json_object_set_new(member, "ProtectedFromScaleIn",
                        json_boolean(doc_flag(group, "NewInstancesProtectedFromScaleIn")));
    json_object_del(group, "_failures");
}

/* A member whose instance runs goes on: into service, unless hooks hold it first. */
static void advance(struct groups_pass *pass, const json_t *member, const char *id)
{
    bool held = member_is(member, "Pending") && !doc_flag(member, "_returns") &&
                groups_hold(pass, id, hook_launching);
    if (!held && !member_is(member, "Pending:Wait"))
        into_service(pass, id);
}

/* What is aside is not judged, but an instance that is gone leaves the group. */
static void lose_aside(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    json_t *cause = cause_append(
        &pass->call, NULL, "an instance was taken out of service in response to %s.", cause_ec2);
    departure_begin(&pass->call, group, member, cause);
}

/* An instance that never ran: its launch failed, and the next one waits a moment. */
static void failed_launch(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    const json_t *reason = json_object_get(groups_instance(pass, member), "StateReason");
    char message[256];
    snprintf(message, sizeof message,
             "Instance became unhealthy while waiting for instance to be in InService state. "
             "Termination Reason: %s",
             *doc_text(reason, "Message") ? doc_text(reason, "Message")
                                          : "Client.UserInitiatedShutdown");
    activity_fail(&pass->call, doc_text(member, "_activity"), message);
    json_object_del(member, "_activity");
    json_object_set_new(member, "HealthStatus", json_string("Unhealthy"));
    json_object_set_new(member, "_cause", json_string(cause_ec2));
    json_object_set_new(group, "_retry_ms", json_integer(pass->call.now_ms + RETRY_MS));
}

/* The member's row in a target group; NULL if it is no target there. */
static const json_t *find_target(const json_t *target_group, const json_t *member)
{
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(target_group, "_targets"), i, target)
        if (doc_is(target, "Id", doc_text(member, "InstanceId")))
            return target;
    return NULL;
}

/* Whether health checks of the target group have found the member to be in this state. */
static bool is_in_state(const struct groups_pass *pass, const json_t *member, const char *arn,
                        const char *state)
{
    const struct call *call = &pass->call;
    const json_t *target_group = store_get(call->store, "target-group", call->region, arn);
    const json_t *target = find_target(target_group, member);
    json_auto_t *key = json_sprintf("%s/%s:%lld", doc_text(target_group, "_dimension"),
                                    doc_text(target, "Id"), (long long)doc_number(target, "Port"));
    return doc_is(store_get(call->store, "target-health", call->region, json_string_value(key)),
                  "State", state);
}

/* Whether the target group, in which the member was registered, does not send it traffic. */
static bool is_refused_by(const struct groups_pass *pass, const json_t *member, const char *arn)
{
    const json_t *target_group =
        store_get(pass->call.store, "target-group", pass->call.region, arn);
    const json_t *target = find_target(target_group, member);
    if (!target_group)
        return false;
    return !target || json_object_get(target, "_draining_until_ms") ||
           is_in_state(pass, member, arn, "unhealthy");
}

static bool is_refused(const struct groups_pass *pass, const json_t *group, const json_t *member)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(member, "_registered"), i, arn) {
        const char *text = json_string_value(arn);
        if (doc_list_has(json_object_get(group, "TargetGroupARNs"), text) &&
            is_refused_by(pass, member, text))
            return true;
    }
    return false;
}

bool groups_is_serving(const struct groups_pass *pass, const json_t *member)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(groups_look(pass), "TargetGroupARNs"), i, arn) {
        const char *text = json_string_value(arn);
        if (doc_list_has(json_object_get(member, "_passed_over"), text))
            continue;
        if (!doc_list_has(json_object_get(member, "_registered"), text) ||
            !is_in_state(pass, member, text, "healthy"))
            return false;
    }
    return true;
}

/* Why a member in service is unhealthy now; NULL if it is not. */
static const char *judge(struct groups_pass *pass, const json_t *group, const json_t *member)
{
    bool impaired = doc_number(groups_instance(pass, member), "_unreachable_ms") != 0;
    bool refused =
        strstr(doc_text(group, "HealthCheckType"), "ELB") && is_refused(pass, group, member);
    if (has_lost_instance(pass, member))
        return cause_ec2;
    if (!impaired && !refused)
        return NULL;
    int64_t grace_end_ms =
        doc_number(member, "_in_service_ms") + doc_number(group, "HealthCheckGracePeriod") * 1000;
    if (pass->call.now_ms >= grace_end_ms)
        return impaired ? cause_impaired : cause_elb;
    groups_wake_at(pass, grace_end_ms);
    return NULL;
}

static void mark_unhealthy(struct groups_pass *pass, const char *id, const char *cause)
{
    json_t *member = group_instance(groups_edit(pass), id);
    json_object_set_new(member, "HealthStatus", json_string("Unhealthy"));
    json_object_set_new(member, "_cause", json_string(cause));
}

/* Whether EC2 has the instance of a warm member in a state that the pool does not explain. */
static bool has_lost_warm(const struct groups_pass *pass, const json_t *member)
{
    const char *state =
        member_is(member, "Warmed:Running") ? "Warmed:Running" : warm_pool_state(groups_look(pass));
    bool stops = member_is(member, "Warmed:Stopped") || !strcmp(state, "Warmed:Stopped");
    bool is_stopped =
        groups_instance_is(pass, member, "stopped") || groups_instance_is(pass, member, "stopping");
    return has_lost_instance(pass, member) && !(stops && is_stopped);
}

static void observe_warm(struct groups_pass *pass, const json_t *member, const char *id)
{
    bool impaired = member_is(member, "Warmed:Running") &&
                    doc_number(groups_instance(pass, member), "_unreachable_ms");
    bool launches = json_object_get(member, "_activity") && !doc_flag(member, "_returned");
    if (has_lost_warm(pass, member) && launches)
        failed_launch(pass, id);
    else if (has_lost_warm(pass, member))
        mark_unhealthy(pass, id, cause_ec2);
    else if (impaired && !group_suspends(groups_look(pass), "HealthCheck"))
        mark_unhealthy(pass, id, cause_impaired);
}

static void observe_member(struct groups_pass *pass, const char *id)
{
    const json_t *group = groups_look(pass);
    const json_t *member = group_instance(group, id);
    bool healthy = doc_is(member, "HealthStatus", "Healthy");
    if (member_is_warm(member)) {
        if (healthy && !member_is_terminating(member))
            observe_warm(pass, member, id);
    } else if (member_is_pending(member) && groups_instance_is(pass, member, "running")) {
        advance(pass, member, id);
    } else if (member_is_pending(member) && healthy && has_lost_instance(pass, member)) {
        failed_launch(pass, id);
    } else if (!member_is_active(member) && !member_is_terminating(member) &&
               (!groups_instance(pass, member) || groups_instance_is(pass, member, "terminated"))) {
        lose_aside(pass, id);
    } else if (member_is(member, "InService") && healthy && !group_suspends(group, "HealthCheck")) {
        const char *cause = judge(pass, group, member);
        if (cause)
            mark_unhealthy(pass, id, cause);
    }
}

/* The ids of a group's members, for loops that change them. */
static json_t *member_ids(const json_t *group)
{
    json_t *ids = json_array();
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        json_array_append(ids, json_object_get(member, "InstanceId"));
    return ids;
}

void groups_observe(struct groups_pass *pass)
{
    json_auto_t *ids = member_ids(groups_look(pass));
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id)
        observe_member(pass, json_string_value(id));
}

bool groups_is_warm(struct groups_pass *pass, const json_t *member, int64_t warmup_ms)
{
    int64_t warm_ms = doc_number(member, "_in_service_ms") + warmup_ms;
    if (!member_is(member, "InService") || !doc_is(member, "HealthStatus", "Healthy"))
        return false;
    if (pass->call.now_ms >= warm_ms)
        return true;
    groups_wake_at(pass, warm_ms);
    return false;
}

bool groups_may_wait(const struct groups_pass *pass, const json_t *member)
{
    return member_is_active(member) && doc_is(member, "HealthStatus", "Unhealthy") &&
           groups_instance_is(pass, member, "running") &&
           (doc_is(member, "_cause", cause_elb) ||
            json_object_get(groups_look(pass), "InstanceMaintenancePolicy"));
}

static void replace(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    json_t *cause =
        cause_append(&pass->call, NULL, "an instance was taken out of service in response to %s.",
                     doc_text(member, "_cause"));
    if (!member_is_warm(member))
        groups_push_replacement(group,
                                "an instance was launched in response to an unhealthy instance "
                                "needing to be replaced.");
    departure_begin(&pass->call, group, member, cause);
}

void groups_replace(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    if (group_suspends(group, "ReplaceUnhealthy") || group_suspends(group, "Terminate"))
        return;
    json_auto_t *ids = member_ids(group);
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *member = group_instance(groups_look(pass), json_string_value(id));
        bool stays = member_is_active(member) && groups_may_wait(pass, member);
        bool goes = member_is_active(member) || member_is_warm(member);
        if (goes && !stays && !member_is_terminating(member) &&
            doc_is(member, "HealthStatus", "Unhealthy"))
            replace(pass, json_string_value(id));
    }
}
