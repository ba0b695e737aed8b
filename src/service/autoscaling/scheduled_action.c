#include "service/autoscaling/scheduled_action.h"

#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/settings.h"
#include "wire/recurrence.h"

#include <stdio.h>
#include <string.h>

const char scheduled_kind[] = "scheduled-action";

static const char *const sizes[] = {"MinSize", "MaxSize", "DesiredCapacity"};
static const char *const size_names[] = {"min size", "max size", "desired capacity"};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- one action ---- */

static json_t *make_id(const char *group, const char *name)
{
    return json_sprintf("%s:%s", group, name);
}

const json_t *scheduled_action_find(const struct call *call, const char *group, const char *name,
                                    struct err *err)
{
    json_auto_t *id = make_id(group, name);
    const json_t *action =
        store_get(call->store, scheduled_kind, call->region, json_string_value(id));
    if (!action)
        err_aws(err, "ValidationError",
                "Scheduled action name not found - Scheduled action '%s' not found", name);
    return action;
}

void scheduled_action_delete(struct call *call, const json_t *action)
{
    json_auto_t *id =
        make_id(doc_text(action, "AutoScalingGroupName"), doc_text(action, "ScheduledActionName"));
    txn_delete(call->txn, scheduled_kind, call->region, json_string_value(id));
}

void scheduled_actions_delete_of_group(struct call *call, const char *group)
{
    json_auto_t *actions = json_array();
    size_t i;
    json_t *action;
    store_each (cursor, call->store, scheduled_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group))
            json_array_append(actions, (json_t *)cursor.doc);
    json_array_foreach (actions, i, action)
        scheduled_action_delete(call, action);
}

/* A time in milliseconds; INT64_MAX if there is none. */
static int64_t time_ms(const json_t *action, const char *key)
{
    const json_t *time = json_object_get(action, key);
    return time ? (int64_t)(json_number_value(time) * 1000) : INT64_MAX;
}

/* ---- recurrence ---- */

static int read_zone(const struct call *call, const char *name, struct time_zone *ret_zone)
{
    size_t size;
    const struct service_world *world = call->world;
    const void *bytes =
        *name && world->time_zone ? world->time_zone(world->arg, name, &size) : NULL;
    *ret_zone = (struct time_zone){0};
    if (bytes)
        return time_zone_read(ret_zone, bytes, size);
    return *name && strcmp(name, "UTC") && strcmp(name, "Etc/UTC") ? -1 : 0;
}

/* What was checked when it was stored; a zone that the tz database has lost since then is UTC. */
static bool read_recurrence(const struct call *call, const json_t *action, struct cron *cron,
                            struct time_zone *zone)
{
    read_zone(call, doc_text(action, "TimeZone"), zone);
    return cron_parse(doc_text(action, "Recurrence"), cron) == 0;
}

/* The next time after now; false if the action does not recur. */
static bool next_time(const struct call *call, const json_t *action, int64_t *ret_s)
{
    struct cron cron;
    struct time_zone zone;
    if (!read_recurrence(call, action, &cron, &zone))
        return false;
    *ret_s = recurrence_next(&cron, &zone, call->now_ms / 1000);
    return *ret_s != INT64_MAX;
}

/* ---- storing ---- */

static int check_sizes(const json_t *action, struct err *err)
{
    const json_t *values[SIZES];
    bool any = false;
    for (int i = 0; i < SIZES; i++) {
        values[i] = json_object_get(action, sizes[i]);
        any |= values[i] != NULL;
        if (json_integer_value(values[i]) < 0)
            return err_aws(err, "ValidationError", "%c%s must be non-negative",
                           size_names[i][0] + 'A' - 'a', size_names[i] + 1);
    }
    json_int_t min = json_integer_value(values[0]), max = json_integer_value(values[1]);
    json_int_t desired = json_integer_value(values[2]);
    if (!any)
        return err_aws(err, "ValidationError",
                       "At least one of max size, min size, or desired capacity must be specified");
    if (values[0] && values[1] && min > max)
        return err_aws(err, "ValidationError", "Min size must be less than or equal to max size");
    if (values[0] && values[2] && desired < min)
        return err_aws(err, "ValidationError",
                       "Desired capacity must be greater than or equal to min size");
    if (values[1] && values[2] && desired > max)
        return err_aws(err, "ValidationError",
                       "Desired capacity must be less than or equal to max size");
    return 0;
}

static int check_times(const struct call *call, const json_t *action, const json_t *in,
                       struct err *err)
{
    bool begins = json_object_get(in, "StartTime"), recurs = *doc_text(action, "Recurrence");
    if (begins && time_ms(in, "StartTime") < call->now_ms)
        return err_aws(err, "ValidationError", "Given start time is in the past");
    if (time_ms(in, "EndTime") < call->now_ms)
        return err_aws(err, "ValidationError", "Given end time is in the past");
    if (!json_object_get(action, "StartTime") && !recurs)
        return err_aws(err, "ValidationError",
                       "Scheduled start time must be specified for non-recurrent future group "
                       "action");
    if ((begins || !recurs) && json_object_get(action, "EndTime") &&
        time_ms(action, "EndTime") <= time_ms(action, "StartTime"))
        return err_aws(err, "ValidationError", "Given end time must be after start time");
    return 0;
}

static int check_recurrence(const struct call *call, const json_t *action, struct err *err)
{
    const char *text = doc_text(action, "Recurrence"), *name = doc_text(action, "TimeZone");
    struct cron cron;
    struct time_zone zone;
    if (*text && cron_parse(text, &cron) < 0)
        return err_aws(err, "ValidationError", "Given recurrence string: %s is invalid", text);
    if (read_zone(call, name, &zone) < 0)
        return err_aws(err, "ValidationError",
                       "Time zone specified does not conform to standardized time zones found in "
                       "IANA Time Zone Database");
    if (*name && !*text)
        return err_aws(err, "ValidationError",
                       "A time zone can only be specified for a recurring schedule");
    return 0;
}

/* No two actions of a group are due at the same time, and there are not too many. */
static int check_others(const struct call *call, const json_t *action, struct err *err)
{
    int count = 0;
    store_each (cursor, call->store, scheduled_kind, call->region) {
        if (!doc_is(cursor.doc, "AutoScalingGroupName", doc_text(action, "AutoScalingGroupName")) ||
            doc_is(cursor.doc, "ScheduledActionName", doc_text(action, "ScheduledActionName")))
            continue;
        if (time_ms(cursor.doc, "StartTime") == time_ms(action, "StartTime"))
            return err_aws(err, "AlreadyExists",
                           "Scheduled action with this scheduled start time already exists");
        count++;
    }
    if (count >= SCHEDULED_ACTIONS_OF_GROUP_MAX)
        return err_aws(err, "LimitExceeded",
                       "An Auto Scaling group can have no more than %d scheduled actions.",
                       SCHEDULED_ACTIONS_OF_GROUP_MAX);
    return 0;
}

static json_t *make_action(const struct call *call, const char *group, const char *name)
{
    char uuid[37];
    call_make_uuid(call, uuid);
    return json_pack("{s:s, s:s, s:o}", "AutoScalingGroupName", group, "ScheduledActionName", name,
                     "ScheduledActionARN",
                     json_sprintf("arn:aws:autoscaling:%s:%s:scheduledUpdateGroupAction:%s:"
                                  "autoScalingGroupName/%s:scheduledActionName/%s",
                                  call->region, call->account, uuid, group, name));
}

int scheduled_action_put(struct call *call, const char *group, const json_t *in, struct err *err)
{
    static const char *const members[] = {"StartTime", "EndTime", "Recurrence",     "TimeZone",
                                          "MinSize",   "MaxSize", "DesiredCapacity"};
    json_auto_t *id = make_id(group, doc_text(in, "ScheduledActionName"));
    const json_t *before =
        store_get(call->store, scheduled_kind, call->region, json_string_value(id));
    json_auto_t *action = before ? json_deep_copy(before)
                                 : make_action(call, group, doc_text(in, "ScheduledActionName"));
    bool recurs_anew = *doc_text(in, "Recurrence") || *doc_text(in, "TimeZone");
    int64_t next_s;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(in, members[i]))
            json_object_set(action, members[i], json_object_get(in, members[i]));
    if (check_sizes(action, err) < 0 || check_times(call, action, in, err) < 0 ||
        check_recurrence(call, action, err) < 0)
        return -1;
    if (recurs_anew && !json_object_get(in, "StartTime") && next_time(call, action, &next_s))
        json_object_set_new(action, "StartTime", json_integer(next_s));
    if (check_others(call, action, err) < 0)
        return -1;
    txn_put(call->txn, scheduled_kind, call->region, json_string_value(id), json_incref(action));
    return 0;
}

/* ---- running ---- */

int64_t scheduled_action_wake_ms(const json_t *action)
{
    int64_t start_ms = time_ms(action, "StartTime"), end_ms = time_ms(action, "EndTime");
    return start_ms < end_ms ? start_ms : end_ms;
}

int64_t scheduled_action_due_ms(const struct call *call, const json_t *action)
{
    int64_t start_ms = time_ms(action, "StartTime"), end_ms = time_ms(action, "EndTime");
    int64_t until_ms = call->now_ms < end_ms ? call->now_ms : end_ms;
    struct cron cron;
    struct time_zone zone;
    if (start_ms > until_ms)
        return end_ms;
    if (!read_recurrence(call, action, &cron, &zone))
        return start_ms;
    int64_t latest_s = recurrence_latest(&cron, &zone, start_ms / 1000, until_ms / 1000);
    return latest_s == INT64_MAX ? start_ms : latest_s * 1000;
}

/* "the scheduled action night executed. Setting min size from 1 to 0." */
static json_t *make_cause(const struct call *call, const json_t *action, const json_t *before,
                          const json_t *cause)
{
    char settings[256] = "";
    for (int i = 0; i < SIZES; i++) {
        const json_t *value = json_object_get(action, sizes[i]);
        size_t used = strlen(settings);
        if (value)
            snprintf(settings + used, sizeof settings - used, " Setting %s from %lld to %lld.",
                     size_names[i], (long long)doc_number(before, sizes[i]),
                     (long long)json_integer_value(value));
    }
    return cause_append(call, cause, "the scheduled action %s executed.%s",
                        doc_text(action, "ScheduledActionName"), settings);
}

static void execute(struct call *call, const json_t *action)
{
    json_t *group =
        txn_edit(call->txn, group_kind, call->region, doc_text(action, "AutoScalingGroupName"));
    json_auto_t *before = json_copy(group);
    json_auto_t *description =
        json_sprintf("Executing scheduled action %s", doc_text(action, "ScheduledActionName"));
    struct err err = {0};
    int resized = settings_resize(call, group, action, "a scheduled action", &err);
    if (doc_number(group, "DesiredCapacity") != doc_number(before, "DesiredCapacity"))
        json_object_set_new(group, "_change",
                            make_cause(call, action, before, json_object_get(group, "_change")));
    const char *activity = activity_begin(call, group, json_string_value(description),
                                          make_cause(call, action, before, NULL), "", "");
    if (resized < 0)
        activity_end(call, activity, "Failed", err.text, NULL);
    else
        activity_succeed(call, activity);
}

void scheduled_action_run(struct call *call, const json_t *action)
{
    json_auto_t *kept = json_deep_copy(action);
    const json_t *group =
        store_get(call->store, group_kind, call->region, doc_text(kept, "AutoScalingGroupName"));
    bool was_due = time_ms(kept, "StartTime") <= call->now_ms &&
                   time_ms(kept, "StartTime") <= time_ms(kept, "EndTime");
    int64_t next_s;
    if (group && was_due && !doc_flag(group, "_deleting") &&
        !group_suspends(group, "ScheduledActions"))
        execute(call, kept);
    if (time_ms(kept, "EndTime") <= call->now_ms || !next_time(call, kept, &next_s)) {
        scheduled_action_delete(call, kept);
        return;
    }
    json_object_set_new(kept, "StartTime", json_integer(next_s));
    json_auto_t *id =
        make_id(doc_text(kept, "AutoScalingGroupName"), doc_text(kept, "ScheduledActionName"));
    txn_put(call->txn, scheduled_kind, call->region, json_string_value(id), json_incref(kept));
}
