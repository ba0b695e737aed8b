/*
 * Instance refreshes: the members of a group are replaced a few at a time, so that enough of them
 * serve all the while. What is launched, registered and terminated is done by the other steps; here
 * is only decided who goes next, and what is told of it.
 */
#include "control/groups.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/refresh.h"
#include "service/autoscaling/warm_pool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STUCK_MS = 3600 * 1000 };

/* A group in the middle of a refresh. */
struct census {
    int desired;
    int active;            /* pending and in service */
    int ready;             /* in service, healthy and warm */
    int left;              /* still to be replaced */
    int left_warm;         /* the same in the warm pool */
    int renewed;           /* ready, and not to be replaced */
    const json_t *waiting; /* one that is not ready yet */
};

static const json_t *look(const struct groups_pass *pass)
{
    return refresh_active(&pass->call, pass->name);
}

static json_t *edit(struct groups_pass *pass)
{
    return txn_edit(pass->call.txn, refresh_kind, pass->call.region,
                    doc_text(look(pass), "InstanceRefreshId"));
}

static bool is_marked(const json_t *member)
{
    return json_object_get(member, "_refresh") != NULL;
}

/* ---- who is ready ---- */

static int64_t warmup_ms(const json_t *group, const json_t *refresh)
{
    const char *key = json_object_get(group, "DefaultInstanceWarmup") ? "DefaultInstanceWarmup"
                                                                      : "HealthCheckGracePeriod";
    return refresh_preference(refresh, "InstanceWarmup", doc_number(group, key)) * 1000;
}

static bool is_ready(struct groups_pass *pass, const json_t *group, const json_t *member,
                     int64_t warmup)
{
    if (strstr(doc_text(group, "HealthCheckType"), "ELB") && !groups_is_serving(pass, member))
        return false;
    return groups_is_warm(pass, member, is_marked(member) ? 0 : warmup);
}

static struct census take_census(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass), *member;
    int64_t warmup = warmup_ms(group, look(pass));
    struct census census = {.desired = (int)doc_number(group, "DesiredCapacity")};
    size_t i;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        bool stays = is_marked(member) && !member_is_terminating(member);
        census.left += stays && !member_is_warm(member);
        census.left_warm += stays && member_is_warm(member);
        if (!member_is_active(member))
            continue;
        bool ready = is_ready(pass, group, member, warmup);
        census.active++;
        census.ready += ready;
        census.renewed += ready && !is_marked(member);
        if (!ready)
            census.waiting = member;
    }
    return census;
}

/* ---- beginning and end ---- */

static void begin(struct groups_pass *pass)
{
    json_t *group = groups_edit(pass), *refresh = edit(pass);
    const json_t *configuration = json_object_get(refresh, "DesiredConfiguration");
    const json_t *preferences = json_object_get(refresh, "Preferences");
    if (configuration)
        json_object_set(group, "_refresh_template",
                        json_object_get(configuration, "LaunchTemplate"));
    refresh_move(&pass->call, refresh, "InProgress", NULL);
    refresh_mark(&pass->call, group, refresh, !doc_flag(preferences, "SkipMatching"));
}

static void end(struct groups_pass *pass, const char *status, const char *reason)
{
    json_t *group = groups_edit(pass);
    refresh_move(&pass->call, edit(pass), status, reason);
    refresh_forget(group);
}

/* The desired configuration is the group's from now on. */
static void succeed(struct groups_pass *pass)
{
    json_t *group = groups_edit(pass);
    json_t *template = json_object_get(group, "_refresh_template");
    bool rolls_back = refresh_is(look(pass), "RollbackInProgress");
    json_t *refresh = edit(pass);
    json_object_set_new(refresh, "PercentageComplete", json_integer(100));
    json_object_set_new(refresh, "InstancesToUpdate", json_integer(0));
    if (template) {
        json_object_set(group, "LaunchTemplate", template);
        json_object_del(group, "LaunchConfigurationName");
    }
    end(pass, rolls_back ? "RollbackSuccessful" : "Successful", NULL);
}

/* All are replaced: perhaps it is watched for a while. */
static void finish(struct groups_pass *pass)
{
    int64_t bake_ms = refresh_preference(look(pass), "BakeTime", 0) * 1000;
    if (bake_ms == 0 || refresh_is(look(pass), "RollbackInProgress")) {
        succeed(pass);
        return;
    }
    json_t *refresh = edit(pass);
    refresh_move(&pass->call, refresh, "Baking", NULL);
    json_object_set_new(refresh, "PercentageComplete", json_integer(100));
    json_object_set_new(refresh, "InstancesToUpdate", json_integer(0));
    json_object_set_new(refresh, "_baked_ms", json_integer(pass->call.now_ms + bake_ms));
    groups_wake_at(pass, pass->call.now_ms + bake_ms);
}

static void fail(struct groups_pass *pass, const char *reason)
{
    const json_t *preferences = json_object_get(look(pass), "Preferences");
    bool rolls_back = refresh_is(look(pass), "RollbackInProgress");
    if (doc_flag(preferences, "AutoRollback") && !rolls_back)
        refresh_roll_back(&pass->call, groups_edit(pass), edit(pass), reason);
    else
        end(pass, rolls_back ? "RollbackFailed" : "Failed", reason);
}

/* ---- what is told ---- */

static void show_reason(struct groups_pass *pass, const struct census *census)
{
    char reason[256] = "";
    const char *id = doc_text(census->waiting, "InstanceId");
    if (census->waiting && member_is(census->waiting, "InService"))
        snprintf(
            reason, sizeof reason,
            "Waiting for instances to warm up before continuing. For example: %s is warming up.",
            id);
    else if (census->waiting)
        snprintf(reason, sizeof reason,
                 "Waiting for instances to be in service before continuing. For example: %s is %s.",
                 id, doc_text(census->waiting, "LifecycleState"));
    if (strcmp(doc_text(look(pass), "StatusReason"), reason))
        json_object_set_new(edit(pass), "StatusReason", json_string(reason));
}

/* Percentage and reason, and since when nothing has changed. */
static void show_progress(struct groups_pass *pass, const struct census *census)
{
    char seen[64];
    int64_t total = doc_number(look(pass), "_total");
    int done = census->renewed < total ? census->renewed : (int)total;
    snprintf(seen, sizeof seen, "%d/%d/%d", census->left, census->renewed, census->desired);
    show_reason(pass, census);
    if (doc_is(look(pass), "_seen", seen))
        return;
    json_t *refresh = edit(pass);
    json_object_set_new(refresh, "_seen", json_string(seen));
    json_object_set_new(refresh, "_progress_ms", json_integer(pass->call.now_ms));
    json_object_set_new(refresh, "PercentageComplete",
                        json_integer(total ? 100 * done / total : 100));
    json_object_set_new(refresh, "InstancesToUpdate", json_integer(census->left));
}

/* ---- what stops it ---- */

/* An alarm that the preferences name and that is in ALARM, or NULL. */
static const char *ringing_alarm(const struct groups_pass *pass)
{
    const json_t *specification =
        json_object_get(json_object_get(look(pass), "Preferences"), "AlarmSpecification");
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(specification, "Alarms"), i, name) {
        const json_t *alarm =
            store_get(pass->call.store, "alarm", pass->call.region, json_string_value(name));
        if (doc_is(alarm, "StateValue", "ALARM"))
            return json_string_value(name);
    }
    return NULL;
}

static bool is_stopped(struct groups_pass *pass)
{
    char reason[512];
    const char *alarm = ringing_alarm(pass);
    if (!alarm || refresh_is(look(pass), "RollbackInProgress"))
        return false;
    snprintf(reason, sizeof reason, "The CloudWatch alarm %s went into ALARM state.", alarm);
    fail(pass, reason);
    return true;
}

static bool is_stuck(struct groups_pass *pass)
{
    int64_t stuck_ms = doc_number(look(pass), "_progress_ms") + STUCK_MS;
    if (pass->call.now_ms < stuck_ms) {
        groups_wake_at(pass, stuck_ms);
        return false;
    }
    fail(pass, "No instance could be replaced within an hour.");
    return true;
}

/*
 * Checkpoints: whether it pauses now. The last one ends the refresh when it is below 100 %, which
 * `ret_ends` then says.
 */
static bool pauses(struct groups_pass *pass, bool *ret_ends)
{
    const json_t *refresh = look(pass);
    const json_t *points =
        json_object_get(json_object_get(refresh, "Preferences"), "CheckpointPercentages");
    size_t next = (size_t)doc_number(refresh, "_checkpoint");
    int64_t point = json_integer_value(json_array_get(points, next));
    int64_t until_ms = doc_number(refresh, "_checkpoint_ms");
    *ret_ends = false;
    if (refresh_is(refresh, "RollbackInProgress") || next >= json_array_size(points) ||
        doc_number(refresh, "PercentageComplete") < point || point == 100)
        return false;
    if (!until_ms) {
        until_ms = pass->call.now_ms + refresh_preference(refresh, "CheckpointDelay", 0) * 1000;
        json_object_set_new(edit(pass), "_checkpoint_ms", json_integer(until_ms));
    }
    if (pass->call.now_ms < until_ms) {
        groups_wake_at(pass, until_ms);
        return true;
    }
    json_t *edited = edit(pass);
    json_object_set_new(edited, "_checkpoint", json_integer((json_int_t)next + 1));
    json_object_del(edited, "_checkpoint_ms");
    json_object_set_new(edited, "_progress_ms", json_integer(pass->call.now_ms));
    *ret_ends = next + 1 == json_array_size(points);
    return false;
}

/* ---- rolling ---- */

/* Whether a refresh takes the member now: what is protected or stands by may have to be waited for.
 */
static bool may_go(const struct groups_pass *pass, const json_t *member)
{
    const json_t *preferences = json_object_get(look(pass), "Preferences");
    if (!is_marked(member) || member_is_terminating(member) || member_is_warm(member))
        return false;
    if (!member_is_active(member))
        return doc_is(preferences, "StandbyInstances", "Terminate");
    return !doc_flag(member, "ProtectedFromScaleIn") ||
           doc_is(preferences, "ScaleInProtectedInstances", "Refresh");
}

static void take_out(struct groups_pass *pass, const char *id)
{
    json_t *group = groups_edit(pass);
    departure_begin(&pass->call, group, group_instance(group, id),
                    cause_append(&pass->call, NULL,
                                 "an instance was taken out of service in response to an instance "
                                 "refresh."));
}

static void roll(struct groups_pass *pass, const struct census *census)
{
    struct replacement replacement = {
        .desired = census->desired,
        .active = census->active,
        .serving = census->ready,
        .left = census->left,
        .least = refresh_preference(look(pass), "MinHealthyPercentage", 90),
        .most = refresh_preference(look(pass), "MaxHealthyPercentage", 100),
    };
    int64_t warmup = warmup_ms(groups_look(pass), look(pass));
    int spare = replacement_goers(&replacement, replacement_surplus(&replacement));
    for (;; replacement.left--) {
        const json_t *group = groups_look(pass);
        const json_t *chosen = groups_choose(pass, group, may_go);
        bool ready = chosen && is_ready(pass, group, chosen, warmup);
        if (!chosen || (ready && spare-- <= 0))
            break;
        take_out(pass, doc_text(chosen, "InstanceId"));
    }
    groups_set_surplus(pass, replacement_surplus(&replacement), NULL);
}

/* The warm pool comes last: nobody waits for what is in it. It is filled again at once. */
static void replace_pool(struct groups_pass *pass)
{
    json_auto_t *members = warm_pool_members(groups_look(pass), true);
    size_t i;
    const json_t *member;
    json_array_foreach (members, i, member)
        if (is_marked(member) && !member_is_terminating(member))
            take_out(pass, doc_text(member, "InstanceId"));
}

static void go_on(struct groups_pass *pass)
{
    struct census census = take_census(pass);
    bool ends;
    show_progress(pass, &census);
    if (is_stopped(pass) || pauses(pass, &ends))
        return;
    if (!census.left && census.left_warm)
        replace_pool(pass);
    else if (ends ||
             (!census.left && census.ready == census.active && census.active >= census.desired))
        finish(pass);
    else if (!is_stuck(pass))
        roll(pass, &census);
}

static void bake(struct groups_pass *pass)
{
    int64_t baked_ms = doc_number(look(pass), "_baked_ms");
    if (is_stopped(pass))
        return;
    if (pass->call.now_ms >= baked_ms)
        succeed(pass);
    else
        groups_wake_at(pass, baked_ms);
}

/* Instances that are on their way come to their end first, unless it was asked for at once. */
static void cancel(struct groups_pass *pass)
{
    const json_t *member;
    bool moves = false;
    size_t i;
    groups_set_surplus(pass, 0, NULL);
    json_array_foreach (json_object_get(groups_look(pass), "Instances"), i, member)
        moves |= member_is_pending(member) || (is_marked(member) && member_is_terminating(member));
    if (!moves || doc_flag(look(pass), "_at_once"))
        end(pass, "Cancelled", "Cancelled by user.");
}

void groups_refresh(struct groups_pass *pass)
{
    const json_t *refresh = look(pass);
    if (!refresh || group_suspends(groups_look(pass), "InstanceRefresh"))
        return;
    if (doc_flag(groups_look(pass), "_deleting")) {
        if (!refresh_is(refresh, "Cancelling"))
            refresh_move(&pass->call, edit(pass), "Cancelling", "The group is deleted.");
        end(pass, "Cancelled", "The group is deleted.");
    } else if (refresh_is(refresh, "Pending")) {
        begin(pass);
    } else if (refresh_is(refresh, "Baking")) {
        bake(pass);
    } else if (refresh_is(refresh, "Cancelling")) {
        cancel(pass);
    } else {
        go_on(pass);
    }
}
