/* Members that leave the load balancers without being terminated: to stand by, or for good. */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"

/* The instance belongs to nobody any more. */
static void release(struct groups_pass *pass, const char *id)
{
    json_t *instance = txn_edit(pass->call.txn, "instance", pass->call.region, id);
    json_t *members = json_object_get(groups_edit(pass), "Instances");
    size_t i;
    const json_t *member;
    if (instance)
        group_release(instance);
    json_array_foreach (members, i, member)
        if (doc_is(member, "InstanceId", id)) {
            json_array_remove(members, i);
            return;
        }
}

static void step_aside(struct groups_pass *pass, const char *id)
{
    const json_t *member = group_instance(groups_look(pass), id);
    if (json_array_size(json_object_get(member, "_registered")))
        groups_deregister(pass, group_instance(groups_edit(pass), id));
    if (groups_is_draining(pass, group_instance(groups_look(pass), id)))
        return;
    json_t *edited = group_instance(groups_edit(pass), id);
    activity_succeed(&pass->call, doc_text(edited, "_activity"));
    json_object_del(edited, "_activity");
    json_object_del(edited, "_draining");
    if (member_is(edited, "Detaching"))
        release(pass, id);
    else
        member_move(edited, "Standby");
}

/* A group that is deleted takes along what stands by. */
static void take_along(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    json_t *cause = cause_append(&pass->call, json_object_get(group, "_change"),
                                 "instance %s was selected for termination.", id);
    departure_begin(&pass->call, group, group_instance(group, id), cause);
}

void groups_set_aside(struct groups_pass *pass)
{
    bool is_deleted = doc_flag(groups_look(pass), "_deleting");
    json_auto_t *members = json_copy(json_object_get(groups_look(pass), "Instances"));
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member) {
        bool stands_by = member_is(member, "Standby") || member_is(member, "EnteringStandby");
        if (is_deleted && stands_by)
            take_along(pass, doc_text(member, "InstanceId"));
        else if (member_is(member, "EnteringStandby") || member_is(member, "Detaching"))
            step_aside(pass, doc_text(member, "InstanceId"));
    }
}
