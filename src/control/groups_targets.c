/* The instances of a group as targets: the operations that users have, called for them. */
#include "control/groups.h"

#include <string.h>

enum { RETRY_MS = 60000 };

static int call_targets(struct groups_pass *pass, const char *operation, const char *arn,
                        const char *id)
{
    struct err err;
    json_t *in = json_pack("{s:s, s:[{s:s}]}", "TargetGroupArn", arn, "Targets", "Id", id);
    if (service_call(&pass->call, "elbv2", operation, in, NULL, &err) == 0)
        return 0;
    control_log(pass->control, operation, &err);
    return -1;
}

/* The instance's row in a target group; NULL if it is no target there. */
static const json_t *find_target(const struct groups_pass *pass, const char *arn, const char *id)
{
    const json_t *target_group =
        store_get(pass->call.store, "target-group", pass->call.region, arn);
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(target_group, "_targets"), i, target)
        if (doc_is(target, "Id", id))
            return target;
    return NULL;
}

/* A list of the member, made when it is not there. */
static json_t *list_of(json_t *member, const char *key)
{
    json_t *list = json_object_get(member, key);
    if (!list)
        json_object_set_new(member, key, list = json_array());
    return list;
}

/*
 * A member that a target group has not seen yet is registered once. While AddToLoadBalancer is
 * suspended it is passed over, for good: AWS does not add it on resumption either.
 */
static void register_member(struct groups_pass *pass, const char *id, const char *arn)
{
    const json_t *member = group_instance(groups_look(pass), id);
    bool passed_over = group_suspends(groups_look(pass), "AddToLoadBalancer");
    if (!member_is(member, "InService") || !groups_instance_is(pass, member, "running") ||
        doc_list_has(json_object_get(member, "_registered"), arn) ||
        doc_list_has(json_object_get(member, "_passed_over"), arn))
        return;
    if (!store_get(pass->call.store, "target-group", pass->call.region, arn))
        return;
    if (groups_must_wait(pass, member))
        return;
    if (!passed_over && call_targets(pass, "RegisterTargets", arn, id) < 0) {
        groups_retry_at(pass, id, pass->call.now_ms + RETRY_MS);
        return;
    }
    json_t *edited = group_instance(groups_edit(pass), id);
    json_array_append_new(list_of(edited, passed_over ? "_passed_over" : "_registered"),
                          json_string(arn));
}

/* Target groups that were detached from the group lose its instances. */
static void leave_detached(struct groups_pass *pass, const char *id)
{
    const json_t *group = groups_look(pass);
    json_auto_t *registered = json_copy(json_object_get(group_instance(group, id), "_registered"));
    size_t i;
    const json_t *arn;
    json_array_foreach (registered, i, arn) {
        const char *text = json_string_value(arn);
        if (doc_list_has(json_object_get(groups_look(pass), "TargetGroupARNs"), text))
            continue;
        if (find_target(pass, text, id))
            call_targets(pass, "DeregisterTargets", text, id);
        doc_list_remove(list_of(group_instance(groups_edit(pass), id), "_registered"), text);
    }
}

/* Whether an instance of the group is still a target there, be it one that drains. */
static bool has_targets(const struct groups_pass *pass, const char *arn)
{
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(groups_look(pass), "Instances"), i, member)
        if (find_target(pass, arn, doc_text(member, "InstanceId")))
            return true;
    return false;
}

/* A target group that was detached is forgotten when the last instance has left it. */
static void forget_detached(struct groups_pass *pass)
{
    json_auto_t *arns = json_copy(json_object_get(groups_look(pass), "_detaching"));
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn)
        if (!has_targets(pass, json_string_value(arn)))
            doc_list_remove(json_object_get(groups_edit(pass), "_detaching"),
                            json_string_value(arn));
}

void groups_register(struct groups_pass *pass)
{
    json_auto_t *members = json_copy(json_object_get(groups_look(pass), "Instances"));
    json_auto_t *arns = json_copy(json_object_get(groups_look(pass), "TargetGroupARNs"));
    size_t i, k;
    const json_t *member, *arn;
    json_array_foreach (members, i, member) {
        const char *id = doc_text(member, "InstanceId");
        json_array_foreach (arns, k, arn)
            register_member(pass, id, json_string_value(arn));
        if (member_is_active(member))
            leave_detached(pass, id);
    }
    forget_detached(pass);
}

void groups_deregister(struct groups_pass *pass, json_t *member)
{
    const char *id = doc_text(member, "InstanceId");
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(member, "_registered"), i, arn) {
        const char *text = json_string_value(arn);
        if (find_target(pass, text, id))
            call_targets(pass, "DeregisterTargets", text, id);
        json_array_append_new(list_of(member, "_draining"), json_string(text));
    }
    json_object_del(member, "_registered");
}

bool groups_is_draining(const struct groups_pass *pass, const json_t *member)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (json_object_get(member, "_draining"), i, arn)
        if (json_object_get(
                find_target(pass, json_string_value(arn), doc_text(member, "InstanceId")),
                "_draining_until_ms"))
            return true;
    return false;
}
