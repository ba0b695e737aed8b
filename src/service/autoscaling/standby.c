/* Instances that step aside, come back, leave a group alive, or join one. */
#include "service/accept.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"

#include <stdio.h>
#include <string.h>

enum { INSTANCES_OF_CALL_MAX = 20 };

/* What happens to each instance of a request, and how it is told. */
struct moving {
    const char *state;       /* that the member gets */
    const char *description; /* of the activity; %s: the instance */
    const char *sentence;    /* of its Cause; %s: the instance */
    const char *direction;   /* "shrinking" or "increasing": when the capacity changes */
    int change;              /* of the desired capacity for each instance */
};

static int check_ids(const struct call *call, struct err *err)
{
    const json_t *ids = json_object_get(call->in, "InstanceIds"), *id;
    json_auto_t *seen = json_object();
    size_t i, count = json_array_size(ids);
    if (count == 0)
        return err_aws(err, "ValidationError", "At least one instance ID must be specified.");
    if (count > INSTANCES_OF_CALL_MAX)
        return err_aws(err, "ValidationError", "No more than %d instance IDs can be specified.",
                       INSTANCES_OF_CALL_MAX);
    json_array_foreach (ids, i, id) {
        if (json_object_get(seen, json_string_value(id)))
            return err_aws(err, "ValidationError", "The instance %s is specified twice.",
                           json_string_value(id));
        json_object_set_new(seen, json_string_value(id), json_true());
    }
    return 0;
}

/* The members that the request names are in the group, in one of two states. */
static int check_members(const struct call *call, const json_t *group, const char *state,
                         const char *other, struct err *err)
{
    size_t i;
    const json_t *id;
    if (check_ids(call, err) < 0)
        return -1;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, id) {
        const json_t *member = group_instance(group, json_string_value(id));
        if (!member)
            return err_aws(err, "ValidationError",
                           "The instance %s is not part of Auto Scaling group %s.",
                           json_string_value(id), doc_text(group, "AutoScalingGroupName"));
        if (!member_is(member, state) && !member_is(member, other))
            return err_aws(err, "ValidationError", "The instance %s is not in %s%s%s.",
                           json_string_value(id), state, strcmp(state, other) ? " or " : "",
                           strcmp(state, other) ? other : "");
    }
    return 0;
}

static int check_capacity(const json_t *group, int64_t change, struct err *err)
{
    int64_t after = doc_number(group, "DesiredCapacity") + change;
    if (after < doc_number(group, "MinSize"))
        return err_aws(
            err, "ValidationError",
            "AutoScalingGroup %s has min-size=%lld, max-size=%lld, and desired-size=%lld. "
            "To place into standby or detach %lld instance%s, please update the "
            "AutoScalingGroup sizes appropriately.",
            doc_text(group, "AutoScalingGroupName"), (long long)doc_number(group, "MinSize"),
            (long long)doc_number(group, "MaxSize"),
            (long long)doc_number(group, "DesiredCapacity"), (long long)-change,
            change == -1 ? "" : "s");
    if (after > doc_number(group, "MaxSize"))
        return err_aws(
            err, "ValidationError",
            "AutoScalingGroup %s has min-size=%lld, max-size=%lld, and desired-size=%lld. "
            "To add %lld instance%s, please update the AutoScalingGroup sizes "
            "appropriately.",
            doc_text(group, "AutoScalingGroupName"), (long long)doc_number(group, "MinSize"),
            (long long)doc_number(group, "MaxSize"),
            (long long)doc_number(group, "DesiredCapacity"), (long long)change,
            change == 1 ? "" : "s");
    return 0;
}

/* Puts a number of instances on the desired capacity, without more being launched or ended. */
static void change_capacity(json_t *group, int change)
{
    json_object_set_new(group, "DesiredCapacity",
                        json_integer(doc_number(group, "DesiredCapacity") + change));
}

/* "... in response to a user request, shrinking the capacity from 3 to 2." */
static json_t *make_cause(const struct call *call, const json_t *group, const struct moving *moving,
                          const char *id)
{
    char sentence[256], capacity[80] = "";
    int64_t before = doc_number(group, "DesiredCapacity"), after = before + moving->change;
    if (moving->change)
        snprintf(capacity, sizeof capacity, ", %s the capacity from %lld to %lld",
                 moving->direction, (long long)before, (long long)after);
    snprintf(sentence, sizeof sentence, moving->sentence, id);
    return cause_append(call, NULL, "%s in response to a user request%s.", sentence, capacity);
}

/* One member moves; its activity is added to those that the answer lists. */
static void move(struct call *call, json_t *group, json_t *member, const struct moving *moving)
{
    char description[120];
    const char *id = doc_text(member, "InstanceId");
    snprintf(description, sizeof description, moving->description, id);
    const char *activity =
        activity_begin(call, group, description, make_cause(call, group, moving, id),
                       doc_text(member, "AvailabilityZone"), doc_text(member, "_subnet"));
    json_object_set_new(member, "_activity", json_string(activity));
    member_move(member, moving->state);
    change_capacity(group, moving->change);
    json_array_append(json_object_get(call->out, "Activities"),
                      (json_t *)activity_find(call, activity));
}

static void move_all(struct call *call, json_t *group, const struct moving *moving)
{
    size_t i;
    const json_t *id;
    json_object_set_new(call->out, "Activities", json_array());
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, id)
        move(call, group, group_instance(group, json_string_value(id)), moving);
}

static int leave(struct call *call, struct moving *moving, const char *from, const char *or_from,
                 struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    int64_t count = (int64_t)json_array_size(json_object_get(call->in, "InstanceIds"));
    if (!group || check_members(call, group, from, or_from, err) < 0)
        return -1;
    moving->change = doc_flag(call->in, "ShouldDecrementDesiredCapacity") ? -1 : 0;
    if (check_capacity(group, moving->change * count, err) < 0)
        return -1;
    move_all(call, group, moving);
    return 0;
}

int autoscaling_EnterStandby(struct call *call, struct err *err)
{
    struct moving moving = {"EnteringStandby", "Moving EC2 instance to Standby: %s",
                            "instance %s was moved to standby", "shrinking", 0};
    return leave(call, &moving, "InService", "InService", err);
}

/* What is in standby is not counted, so it cannot be taken off the desired capacity. */
static int check_standby_kept(const struct call *call, struct err *err)
{
    const json_t *group = store_get(call->store, group_kind, call->region,
                                    doc_text(call->in, "AutoScalingGroupName"));
    size_t i;
    const json_t *id;
    if (!doc_flag(call->in, "ShouldDecrementDesiredCapacity"))
        return 0;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, id)
        if (member_is(group_instance(group, json_string_value(id)), "Standby"))
            return err_aws(
                err, "ValidationError",
                "The instance %s is in Standby: the desired capacity cannot be decremented "
                "for it.",
                json_string_value(id));
    return 0;
}

int autoscaling_DetachInstances(struct call *call, struct err *err)
{
    struct moving moving = {"Detaching", "Detaching EC2 instance: %s", "instance %s was detached",
                            "shrinking", 0};
    if (check_standby_kept(call, err) < 0)
        return -1;
    return leave(call, &moving, "InService", "Standby", err);
}

int autoscaling_ExitStandby(struct call *call, struct err *err)
{
    struct moving moving = {"Pending", "Moving EC2 instance out of Standby: %s",
                            "instance %s was moved out of standby", "increasing", 1};
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    const json_t *id;
    if (!group || check_members(call, group, "Standby", "Standby", err) < 0 ||
        check_capacity(group, (int64_t)json_array_size(json_object_get(call->in, "InstanceIds")),
                       err) < 0)
        return -1;
    move_all(call, group, &moving);
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, id) {
        json_t *member = group_instance(group, json_string_value(id));
        json_object_set_new(member, "_returns", json_true());
        /* What it was before it stood by does not count; it is judged anew. */
        json_object_set_new(member, "HealthStatus", json_string("Healthy"));
        json_object_del(member, "_cause");
    }
    return 0;
}

/* ---- AttachInstances ---- */

static int check_attachable(const struct call *call, const json_t *group, const char *id,
                            struct err *err)
{
    const json_t *instance = store_get(call->store, "instance", call->region, id);
    const char *zone = doc_text(json_object_get(instance, "Placement"), "AvailabilityZone");
    const json_t *other = group_of_instance(call, id, NULL);
    if (!instance)
        return err_aws(err, "ValidationError", "Invalid Instance ID(s): [%s] specified", id);
    if (!doc_is(json_object_get(instance, "State"), "Name", "running"))
        return err_aws(err, "ValidationError", "The instance %s is not in the running state.", id);
    if (other)
        return err_aws(err, "ValidationError",
                       "The instance %s is already part of AutoScalingGroup:%s", id,
                       doc_text(other, "AutoScalingGroupName"));
    if (!doc_list_has(json_object_get(group, "AvailabilityZones"), zone))
        return err_aws(err, "ValidationError",
                       "The availability zone %s of the instance %s is not one of the group's.",
                       zone, id);
    return 0;
}

static void attach(struct call *call, json_t *group, const char *id)
{
    json_t *instance = txn_edit(call->txn, "instance", call->region, id);
    const char *zone = doc_text(json_object_get(instance, "Placement"), "AvailabilityZone");
    const char *subnet = doc_text(instance, "SubnetId");
    char description[80];
    group_adopt(group, instance);
    change_capacity(group, 1);
    snprintf(description, sizeof description, "Attaching an existing EC2 instance: %s", id);
    json_t *cause = cause_append(
        call, NULL,
        "an instance was added in response to user request. Keeping the capacity at the new %lld.",
        (long long)doc_number(group, "DesiredCapacity"));
    const char *activity = activity_begin(call, group, description, cause, zone, subnet);
    json_array_append_new(
        json_object_get(group, "Instances"),
        json_pack("{s:s, s:O, s:s, s:s, s:s, s:b, s:s, s:s, s:I, s:b}", "InstanceId", id,
                  "InstanceType", json_object_get(instance, "InstanceType"), "AvailabilityZone",
                  zone, "LifecycleState", "Pending", "HealthStatus", "Healthy",
                  "ProtectedFromScaleIn", 0, "_activity", activity, "_subnet", subnet,
                  "_launched_ms", (json_int_t)call->now_ms, "_returns", 1));
}

int autoscaling_AttachInstances(struct call *call, struct err *err)
{
    const json_t *ids = json_object_get(call->in, "InstanceIds");
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    const json_t *id;
    if (!group || check_ids(call, err) < 0 ||
        check_capacity(group, (int64_t)json_array_size(ids), err) < 0)
        return -1;
    json_array_foreach (ids, i, id)
        if (check_attachable(call, group, json_string_value(id), err) < 0)
            return -1;
    json_array_foreach (ids, i, id)
        attach(call, group, json_string_value(id));
    return 0;
}
