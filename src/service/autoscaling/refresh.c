#include "service/autoscaling/refresh.h"

#include "base/fsm.h"
#include "service/autoscaling/group.h"
#include "service/ec2/launch_templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char refresh_kind[] = "instance-refresh";

/* Pending ──► InProgress ──► Baking ──► Successful; a rollback goes through all instances again. */
static const struct fsm_state states[] = {
    {"Pending", {"InProgress", "Cancelling", "Failed"}},
    {"InProgress", {"Baking", "Successful", "Failed", "Cancelling", "RollbackInProgress"}},
    {"Baking", {"Successful", "Failed", "Cancelling", "RollbackInProgress"}},
    {"RollbackInProgress", {"RollbackSuccessful", "RollbackFailed", "Cancelling"}},
    {"Cancelling", {"Cancelled"}},
    {"Successful", {NULL}},
    {"Failed", {NULL}},
    {"Cancelled", {NULL}},
    {"RollbackSuccessful", {NULL}},
    {"RollbackFailed", {NULL}},
};

static const struct fsm refresh_fsm = {"instance refresh", states, sizeof states / sizeof *states};

const json_t *refresh_active(const struct call *call, const char *group)
{
    store_each (cursor, call->store, refresh_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group) &&
            !json_object_get(cursor.doc, "EndTime"))
            return cursor.doc;
    return NULL;
}

bool refresh_is(const json_t *refresh, const char *status)
{
    return doc_is(refresh, "Status", status);
}

static bool is_end(const char *status)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (!strcmp(states[i].name, status))
            return !states[i].next[0];
    return false;
}

void refresh_move(const struct call *call, json_t *refresh, const char *status, const char *reason)
{
    const char *moved = fsm_move(&refresh_fsm, doc_text(refresh, "Status"), status);
    json_object_set_new(refresh, "Status", json_string(moved));
    if (reason)
        json_object_set_new(refresh, "StatusReason", json_string(reason));
    else
        json_object_del(refresh, "StatusReason");
    if (is_end(status))
        json_object_set_new(refresh, "EndTime", call_now(call));
}

int64_t refresh_preference(const json_t *refresh, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(json_object_get(refresh, "Preferences"), name);
    return value ? json_integer_value(value) : otherwise;
}

/* Whether it was launched from what `template` (a LaunchTemplateSpecification) means now. */
static bool matches(struct call *call, const json_t *member, const json_t *template)
{
    const json_t *own = json_object_get(member, "LaunchTemplate");
    struct err ignored;
    /* A specification names a template by its id or by its name. */
    json_auto_t *by_id =
        json_pack("{s:O*, s:O*}", "LaunchTemplateId", json_object_get(template, "LaunchTemplateId"),
                  "Version", json_object_get(template, "Version"));
    const json_t *version = launch_template_resolve(call, by_id, &ignored);
    return version && doc_is(own, "LaunchTemplateId", doc_text(version, "LaunchTemplateId")) &&
           strtoll(doc_text(own, "Version"), NULL, 10) == doc_number(version, "VersionNumber");
}

const char *refresh_irreversible(const json_t *group, const json_t *refresh)
{
    const json_t *template = json_object_get(group, "LaunchTemplate");
    if (!json_object_get(refresh, "DesiredConfiguration"))
        return "the instance refresh has no desired configuration";
    if (*doc_text(template, "Version") == '$')
        return "the group's launch template has the version $Latest or $Default";
    return NULL;
}

/* Whether the member takes part, as the preferences for what is protected or stands by say. */
static bool takes_part(const json_t *refresh, const json_t *member)
{
    const json_t *preferences = json_object_get(refresh, "Preferences");
    bool is_protected = doc_flag(member, "ProtectedFromScaleIn");
    bool stands_by = member_is(member, "Standby") || member_is(member, "EnteringStandby");
    if (member_is_warm(member))
        return !member_is_terminating(member);
    if (stands_by)
        return !doc_is(preferences, "StandbyInstances", "Ignore");
    return member_is_active(member) &&
           !(is_protected && doc_is(preferences, "ScaleInProtectedInstances", "Ignore"));
}

static void show_progress(json_t *refresh, int64_t total)
{
    json_object_set_new(refresh, "_total", json_integer(total));
    json_object_set_new(refresh, "InstancesToUpdate", json_integer(total));
    json_object_set_new(refresh, "PercentageComplete", json_integer(0));
}

/* Whether it was launched from what the group launches now, or what its refresh does. */
static bool is_current(struct call *call, const json_t *group, const json_t *member)
{
    const char *configuration = doc_text(group, "LaunchConfigurationName");
    const json_t *refreshed = json_object_get(group, "_refresh_template");
    if (*configuration && !refreshed)
        return doc_is(member, "LaunchConfigurationName", configuration);
    return matches(call, member, refreshed ? refreshed : json_object_get(group, "LaunchTemplate"));
}

void refresh_mark(struct call *call, json_t *group, json_t *refresh, bool even_matching)
{
    int64_t total = 0;
    size_t i;
    json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        json_object_del(member, "_refresh");
        if (!takes_part(refresh, member) || (!even_matching && is_current(call, group, member)))
            continue;
        json_object_set(member, "_refresh", json_object_get(refresh, "InstanceRefreshId"));
        total += !member_is_warm(member); /* the pool is not what users wait for */
    }
    show_progress(refresh, total);
    json_object_set_new(group, "_refreshing", json_true());
    json_object_set_new(refresh, "_progress_ms", json_integer(call->now_ms));
}

void refresh_roll_back(struct call *call, json_t *group, json_t *refresh, const char *reason)
{
    json_object_set_new(
        refresh, "RollbackDetails",
        json_pack("{s:s, s:o, s:O, s:O}", "RollbackReason", reason, "RollbackStartTime",
                  call_now(call), "PercentageCompleteOnRollback",
                  json_object_get(refresh, "PercentageComplete"), "InstancesToUpdateOnRollback",
                  json_object_get(refresh, "InstancesToUpdate")));
    refresh_move(call, refresh, "RollbackInProgress", NULL);
    json_object_del(refresh, "_checkpoint");
    json_object_del(refresh, "_checkpoint_ms");
    json_object_del(group, "_refresh_template");
    refresh_mark(call, group, refresh, false);
}

void refresh_forget(json_t *group)
{
    static const char *const members[] = {"_refreshing", "_surplus", "_refresh_template"};
    size_t i;
    json_t *member;
    for (size_t k = 0; k < sizeof members / sizeof *members; k++)
        json_object_del(group, members[k]);
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        json_object_del(member, "_refresh");
}

void refreshes_delete_of_group(struct call *call, const char *group)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *id;
    store_each (cursor, call->store, refresh_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, id)
        txn_delete(call->txn, refresh_kind, call->region, json_string_value(id));
}
