#include "history.h"

#include "operations.h"
#include "service/doc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static char broken[512];

/* ---- hooks ---- */

/* The names of a group's launching hooks. */
static json_t *launching_hooks(struct simulated_cloud *cloud, const char *group)
{
    json_t *hooks = json_array();
    store_each (cursor, cloud->store, "lifecycle-hook", cloud->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group) &&
            doc_is(cursor.doc, "LifecycleTransition", "autoscaling:EC2_INSTANCE_LAUNCHING"))
            json_array_append(hooks, json_object_get(cursor.doc, "LifecycleHookName"));
    return hooks;
}

static json_t *look(struct simulated_cloud *cloud)
{
    json_t *groups = json_object();
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        json_t *members = json_object();
        size_t i;
        const json_t *member;
        json_array_foreach (json_object_get(cursor.doc, "Instances"), i, member)
            json_object_set_new(members, doc_text(member, "InstanceId"),
                                json_deep_copy((json_t *)member));
        json_object_set_new(groups, cursor.id,
                            json_pack("{s:o, s:o}", "hooks", launching_hooks(cloud, cursor.id),
                                      "members", members));
    }
    return groups;
}

static bool has_hook(struct simulated_cloud *cloud, const char *group, const char *name)
{
    char id[64];
    snprintf(id, sizeof id, "%s:%s", group, name);
    return store_get(cloud->store, "lifecycle-hook", cloud->region, id);
}

/* An action that ends with ABANDON ends all: by the user, or by its default when its time is over.
 */
static bool is_abandoned(const struct simulated_cloud *cloud, const json_t *member)
{
    size_t i;
    const json_t *action;
    if (sim_has_abandoned(doc_text(member, "InstanceId")))
        return true;
    json_array_foreach (json_object_get(member, "_actions"), i, action)
        if (doc_is(action, "default", "ABANDON") && doc_number(action, "until_ms") <= cloud->now_ms)
            return true;
    return false;
}

/* Whether a launch came to its end, into service or into the warm pool. */
static bool was_launched(const json_t *before, const json_t *now)
{
    return doc_is(now, "LifecycleState", "InService") ||
           (!strncmp(doc_text(now, "LifecycleState"), "Warmed:", 7) &&
            !doc_flag(before, "_returned"));
}

/* Whether everything that held the member has let it go: the user, time, or the hook's end. */
static const char *check_released(struct simulated_cloud *cloud, const char *group,
                                  const json_t *before, const json_t *now)
{
    const char *id = doc_text(before, "InstanceId");
    size_t i;
    const json_t *action;
    if (is_abandoned(cloud, before) && !was_launched(before, now))
        return NULL;
    json_array_foreach (json_object_get(before, "_actions"), i, action) {
        const char *hook = doc_text(action, "name");
        bool expired = doc_number(action, "until_ms") <= cloud->now_ms;
        bool abandons = doc_is(action, "default", "ABANDON");
        if (sim_has_continued(id, hook) || !has_hook(cloud, group, hook))
            continue;
        if (expired && !(abandons && was_launched(before, now)))
            continue;
        snprintf(broken, sizeof broken, "%s is %s although hook %s holds it", id,
                 doc_text(now, "LifecycleState"), hook);
        return broken;
    }
    return NULL;
}

/* A launch that was in no hook's hands came into service while there was a hook all the time. */
static const char *check_held(const json_t *hooks_before, const json_t *hooks_now,
                              const json_t *before, const json_t *now)
{
    bool launched =
        before ? doc_is(before, "LifecycleState", "Pending") && !doc_flag(before, "_returns")
               : json_object_get(now, "LaunchTemplate") != NULL;
    size_t i;
    const json_t *name;
    if (!launched || !doc_is(now, "LifecycleState", "InService"))
        return NULL;
    json_array_foreach (hooks_before, i, name)
        if (doc_list_has(hooks_now, json_string_value(name))) {
            snprintf(broken, sizeof broken, "%s passed hook %s by", doc_text(now, "InstanceId"),
                     json_string_value(name));
            return broken;
        }
    return NULL;
}

static const char *check_member(struct simulated_cloud *cloud, const char *group,
                                const json_t *before, const json_t *now, const char *id)
{
    const json_t *old = json_object_get(json_object_get(before, "members"), id);
    const json_t *new = json_object_get(json_object_get(now, "members"), id);
    const char *text =
        check_held(json_object_get(before, "hooks"), json_object_get(now, "hooks"), old, new);
    bool was_held = strstr(doc_text(old, "LifecycleState"), ":Wait");
    bool goes_on = doc_is(new, "LifecycleState", "InService") ||
                   doc_is(new, "LifecycleState", "Warmed:Stopped") ||
                   doc_is(new, "LifecycleState", "Warmed:Running") ||
                   doc_is(new, "LifecycleState", "Terminating:Proceed");
    if (text || !was_held || !goes_on)
        return text;
    return check_released(cloud, group, old, new);
}

const char *history_step(struct history *history, struct simulated_cloud *cloud)
{
    json_t *now = look(cloud);
    const char *text = NULL, *name, *id;
    json_t *group, *member;
    json_object_foreach (now, name, group) {
        const json_t *before = json_object_get(history->groups, name);
        if (!before)
            continue;
        json_object_foreach (json_object_get(group, "members"), id, member)
            if (!text)
                text = check_member(cloud, name, before, group, id);
    }
    json_decref(history->groups);
    history->groups = now;
    return text;
}

void history_finish(struct history *history)
{
    json_decref(history->groups);
}

/* ---- activities ---- */

/* An instance is terminated once. */
static const char *nothing_is_terminated_twice(struct simulated_cloud *cloud)
{
    static const char begin[] = "Terminating EC2 instance: ";
    json_auto_t *seen = json_object();
    store_each (cursor, cloud->store, "scaling-activity", cloud->region) {
        const char *description = doc_text(cursor.doc, "Description");
        char id[32];
        if (strncmp(description, begin, sizeof begin - 1))
            continue;
        snprintf(id, sizeof id, "%.*s", (int)strcspn(description + sizeof begin - 1, " "),
                 description + sizeof begin - 1);
        if (json_object_get(seen, id)) {
            snprintf(broken, sizeof broken, "%s was terminated twice", id);
            return broken;
        }
        json_object_set_new(seen, id, json_true());
    }
    return NULL;
}

/*
 * When the policy ran that an activity's Cause tells of first: seconds since the epoch; 0: it tells
 * of none. "At <time> a monitor alarm A in state ALARM triggered policy simple changing ..."
 */
static int64_t policy_time(const char *cause, bool *ret_by_alarm)
{
    struct tm parts = {0};
    const char *policy = strstr(cause, " policy " SIM_SIMPLE_POLICY " changing");
    const char *end = strstr(cause, "  At ");
    *ret_by_alarm = strstr(cause, " a monitor alarm ") != NULL;
    if (!policy || (end && end < policy) || !strptime(cause, "At %Y-%m-%dT%H:%M:%SZ", &parts))
        return 0;
    return timegm(&parts);
}

/* Alarms do not run a simple policy again before the cooldown of its last run is over. */
static const char *cooldowns_are_kept(struct simulated_cloud *cloud)
{
    json_auto_t *last = json_object();
    store_each (cursor, cloud->store, "scaling-activity", cloud->region) {
        const char *group = doc_text(cursor.doc, "AutoScalingGroupARN");
        bool by_alarm;
        int64_t time_s = policy_time(doc_text(cursor.doc, "Cause"), &by_alarm);
        int64_t last_s = json_integer_value(json_object_get(last, group));
        if (!time_s || time_s == last_s)
            continue;
        if (by_alarm && last_s && time_s < last_s + SIM_COOLDOWN_S) {
            snprintf(broken, sizeof broken, "an alarm ran a policy again after %lld seconds: %s",
                     (long long)(time_s - last_s), doc_text(cursor.doc, "Cause"));
            return broken;
        }
        json_object_set_new(last, group, json_integer(time_s));
    }
    return NULL;
}

const char *history_end(struct simulated_cloud *cloud)
{
    const char *text = nothing_is_terminated_twice(cloud);
    return text ? text : cooldowns_are_kept(cloud);
}
