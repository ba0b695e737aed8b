/* The operations on instance refreshes. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/refresh.h"
#include "service/ec2/launch_templates.h"

#include <stdio.h>
#include <string.h>

enum {
    REFRESHES_OF_GROUP_MAX = 100, /* older ones are forgotten */
    DELAY_MAX_S = 172800,         /* of checkpoints, and of baking */
    HEALTHY_MIN_DEFAULT = 90,
    HEALTHY_MAX_DEFAULT = 100,
    CHECKPOINT_DELAY_DEFAULT_S = 3600,
};

/* ---- StartInstanceRefresh ---- */

static int check_number(const json_t *preferences, const char *name, int64_t low, int64_t high,
                        struct err *err)
{
    const json_t *value = json_object_get(preferences, name);
    if (!value || (json_integer_value(value) >= low && json_integer_value(value) <= high))
        return 0;
    return err_aws(err, "ValidationError", "%s must be between %lld and %lld.", name,
                   (long long)low, (long long)high);
}

static int check_checkpoints(const json_t *preferences, struct err *err)
{
    json_int_t before = 0;
    size_t i;
    const json_t *percentage;
    json_array_foreach (json_object_get(preferences, "CheckpointPercentages"), i, percentage) {
        if (json_integer_value(percentage) <= before || json_integer_value(percentage) > 100)
            return err_aws(err, "ValidationError",
                           "CheckpointPercentages must be in ascending order, from 1 to 100.");
        before = json_integer_value(percentage);
    }
    return 0;
}

static int check_preferences(const json_t *refresh, struct err *err)
{
    const json_t *preferences = json_object_get(refresh, "Preferences");
    if (call_accept(preferences,
                    "MinHealthyPercentage MaxHealthyPercentage InstanceWarmup SkipMatching "
                    "AutoRollback CheckpointPercentages CheckpointDelay BakeTime "
                    "ScaleInProtectedInstances StandbyInstances AlarmSpecification",
                    err) < 0 ||
        check_number(preferences, "MinHealthyPercentage", 0, 100, err) < 0 ||
        check_number(preferences, "MaxHealthyPercentage", 100, 200, err) < 0 ||
        check_number(preferences, "CheckpointDelay", 0, DELAY_MAX_S, err) < 0 ||
        check_number(preferences, "BakeTime", 0, DELAY_MAX_S, err) < 0 ||
        check_number(preferences, "InstanceWarmup", 0, INT32_MAX, err) < 0 ||
        check_checkpoints(preferences, err) < 0)
        return -1;
    int64_t low = refresh_preference(refresh, "MinHealthyPercentage", HEALTHY_MIN_DEFAULT);
    int64_t high = refresh_preference(refresh, "MaxHealthyPercentage", HEALTHY_MAX_DEFAULT);
    if (high - low > HEALTHY_SPREAD_MAX)
        return err_aws(
            err, "ValidationError",
            "The difference between MinHealthyPercentage and MaxHealthyPercentage cannot "
            "be greater than %d.",
            HEALTHY_SPREAD_MAX);
    return 0;
}

static int check_alarms(const struct call *call, const json_t *refresh, struct err *err)
{
    const json_t *specification =
        json_object_get(json_object_get(refresh, "Preferences"), "AlarmSpecification");
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(specification, "Alarms"), i, name)
        if (!store_get(call->store, "alarm", call->region, json_string_value(name)))
            return err_aws(err, "ValidationError", "The alarm %s does not exist.",
                           json_string_value(name));
    return 0;
}

/* The desired configuration, as it is kept: with the template's name and id. */
static int apply_configuration(struct call *call, json_t *refresh, struct err *err)
{
    const json_t *configuration = json_object_get(call->in, "DesiredConfiguration");
    const json_t *asked = json_object_get(configuration, "LaunchTemplate");
    const char *version = doc_text(asked, "Version");
    struct err cause;
    if (!configuration)
        return 0;
    if (call_accept(configuration, "LaunchTemplate", err) < 0)
        return -1;
    const json_t *found = asked ? launch_template_resolve(call, asked, &cause) : NULL;
    if (!found)
        return err_aws(err, "ValidationError",
                       "You must use a valid fully-formed launch template. %s",
                       asked ? cause.text : "");
    json_object_set_new(refresh, "DesiredConfiguration",
                        json_pack("{s:{s:O, s:O, s:s}}", "LaunchTemplate", "LaunchTemplateId",
                                  json_object_get(found, "LaunchTemplateId"), "LaunchTemplateName",
                                  json_object_get(found, "LaunchTemplateName"), "Version",
                                  *version ? version : "$Default"));
    return 0;
}

/* The preferences as they are shown: with what AWS takes for those that are not named. */
static json_t *make_preferences(const json_t *group, const json_t *asked)
{
    json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    json_auto_t *defaults =
        json_pack("{s:i, s:i, s:b, s:b, s:s, s:s}", "MinHealthyPercentage", HEALTHY_MIN_DEFAULT,
                  "MaxHealthyPercentage", HEALTHY_MAX_DEFAULT, "SkipMatching", 0, "AutoRollback", 0,
                  "ScaleInProtectedInstances", "Wait", "StandbyInstances", "Wait");
    json_t *preferences = asked ? json_deep_copy(asked) : json_object();
    if (policy)
        json_object_update_missing(preferences, policy);
    json_object_update_missing(preferences, defaults);
    if (json_array_size(json_object_get(preferences, "CheckpointPercentages")) &&
        !json_object_get(preferences, "CheckpointDelay"))
        json_object_set_new(preferences, "CheckpointDelay",
                            json_integer(CHECKPOINT_DELAY_DEFAULT_S));
    return preferences;
}

/* Makes room for one more. */
static void forget_oldest(struct call *call, const char *group)
{
    int count = 0;
    char oldest[64] = "";
    store_each (cursor, call->store, refresh_kind, call->region) {
        if (!doc_is(cursor.doc, "AutoScalingGroupName", group))
            continue;
        if (count++ == 0)
            snprintf(oldest, sizeof oldest, "%s", cursor.id);
    }
    if (count >= REFRESHES_OF_GROUP_MAX)
        txn_delete(call->txn, refresh_kind, call->region, oldest);
}

int autoscaling_StartInstanceRefresh(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    const json_t *group = group_edit_staying(call, name, err);
    char id[37];
    if (!group ||
        call_accept(call->in,
                    "AutoScalingGroupName Strategy=Rolling DesiredConfiguration Preferences",
                    err) < 0)
        return -1;
    if (refresh_active(call, name))
        return err_aws(
            err, "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this "
            "Instance Refresh.");
    call_make_uuid(call, id);
    json_auto_t *refresh = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s}", "InstanceRefreshId", id, "AutoScalingGroupName", name,
        "Status", "Pending", "StartTime", call_now(call), "Preferences",
        make_preferences(group, json_object_get(call->in, "Preferences")), "Strategy", "Rolling");
    if (check_preferences(refresh, err) < 0 || check_alarms(call, refresh, err) < 0 ||
        apply_configuration(call, refresh, err) < 0)
        return -1;
    const char *irreversible = refresh_irreversible(group, refresh);
    if (doc_flag(json_object_get(refresh, "Preferences"), "AutoRollback") && irreversible)
        return err_aws(err, "ValidationError", "AutoRollback is not possible: %s.", irreversible);
    forget_oldest(call, name);
    txn_put(call->txn, refresh_kind, call->region, id, json_incref(refresh));
    return json_object_set_new(call->out, "InstanceRefreshId", json_string(id));
}

/* ---- the others ---- */

static json_t *edit_active(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    if (!group_find(call, name, err))
        return NULL;
    const json_t *refresh = refresh_active(call, name);
    if (!refresh || refresh_is(refresh, "Cancelling")) {
        err_aws(err, "ActiveInstanceRefreshNotFound",
                "No in progress or pending Instance Refresh found for Auto Scaling group %s", name);
        return NULL;
    }
    return txn_edit(call->txn, refresh_kind, call->region, doc_text(refresh, "InstanceRefreshId"));
}

int autoscaling_CancelInstanceRefresh(struct call *call, struct err *err)
{
    json_t *refresh = edit_active(call, err);
    if (!refresh)
        return -1;
    refresh_move(call, refresh, "Cancelling", "Cancelled by user.");
    if (json_is_false(json_object_get(call->in, "WaitForTransitioningInstances")))
        json_object_set_new(refresh, "_at_once", json_true());
    return json_object_set(call->out, "InstanceRefreshId",
                           json_object_get(refresh, "InstanceRefreshId"));
}

int autoscaling_RollbackInstanceRefresh(struct call *call, struct err *err)
{
    json_t *refresh = edit_active(call, err);
    if (!refresh)
        return -1;
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    const char *irreversible = refresh_irreversible(group, refresh);
    if (irreversible)
        return err_aws(err, "IrreversibleInstanceRefresh",
                       "The instance refresh cannot be rolled back: %s.", irreversible);
    if (!refresh_is(refresh, "InProgress") && !refresh_is(refresh, "Baking"))
        return err_aws(err, "ActiveInstanceRefreshNotFound",
                       "No in progress Instance Refresh found for Auto Scaling group %s",
                       doc_text(call->in, "AutoScalingGroupName"));
    refresh_roll_back(call, group, refresh, "Rolled back by user.");
    return json_object_set(call->out, "InstanceRefreshId",
                           json_object_get(refresh, "InstanceRefreshId"));
}

/* The newest first. */
int autoscaling_DescribeInstanceRefreshes(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    const json_t *ids = json_object_get(call->in, "InstanceRefreshIds");
    json_auto_t *found = json_array();
    if (!group_find(call, name, err))
        return -1;
    store_each (cursor, call->store, refresh_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", name) &&
            (!json_array_size(ids) || doc_list_has(ids, cursor.id)))
            json_array_insert(found, 0, (json_t *)cursor.doc);
    return call_page(call, &autoscaling_paging, found, "InstanceRefreshes", err);
}
