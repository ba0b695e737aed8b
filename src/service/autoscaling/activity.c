#include "service/autoscaling/activity.h"

#include "service/autoscaling/group.h"
#include "service/autoscaling/notification.h"

#include <stdio.h>
#include <string.h>

enum { STATUS_MESSAGE_MAX = 255, CAUSE_MAX = 1023 };

const json_t *activity_find(const struct call *call, const char *id)
{
    return store_get(call->store, activity_kind, call->region, id);
}

/* Forgets the oldest activity if there are too many or it is too old. Returns whether it did. */
static bool forget_oldest(struct call *call)
{
    struct store_cursor first = store_first(call->store, activity_kind, call->region);
    if (!first.doc || !json_object_get(first.doc, "EndTime"))
        return false;
    double started = json_number_value(json_object_get(first.doc, "StartTime"));
    double age_s = (double)call->now_ms / 1000.0 - started;
    if (store_count(call->store, activity_kind, call->region) < ACTIVITIES_MAX &&
        age_s < ACTIVITIES_KEPT_S)
        return false;
    char id[64];
    snprintf(id, sizeof id, "%s", first.id);
    txn_delete(call->txn, activity_kind, call->region, id);
    return true;
}

static json_t *make_details(const char *zone, const char *subnet)
{
    json_auto_t *details = json_object();
    if (*subnet)
        json_object_set_new(details, "Subnet ID", json_string(subnet));
    if (*zone)
        json_object_set_new(details, "Availability Zone", json_string(zone));
    char *text = json_dumps(details, JSON_COMPACT);
    json_t *result = json_string(text);
    free(text);
    return result;
}

/* A cause that AWS would cut is cut too: the end of a long story. */
static json_t *limit_cause(json_t *cause)
{
    if (json_string_length(cause) <= CAUSE_MAX)
        return cause;
    json_t *cut = json_stringn_nocheck(json_string_value(cause), CAUSE_MAX);
    json_decref(cause);
    return cut;
}

const char *activity_begin(struct call *call, const json_t *group, const char *description,
                           json_t *cause, const char *zone, const char *subnet)
{
    char id[37];
    while (forget_oldest(call))
        continue;
    call_make_uuid(call, id);
    json_t *activity =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:i, s:o}", "ActivityId", id,
                  "AutoScalingGroupName", doc_text(group, "AutoScalingGroupName"),
                  "AutoScalingGroupARN", doc_text(group, "AutoScalingGroupARN"), "Description",
                  description, "Cause", limit_cause(cause), "StartTime", call_now(call),
                  "StatusCode", "InProgress", "Progress", 0, "Details", make_details(zone, subnet));
    txn_put(call->txn, activity_kind, call->region, id, activity);
    return doc_text(activity_find(call, id), "ActivityId");
}

void activity_progress(struct call *call, const char *id, const char *status, int progress,
                       const char *description)
{
    json_t *activity = txn_edit(call->txn, activity_kind, call->region, id);
    if (!activity)
        return;
    json_object_set_new(activity, "StatusCode", json_string(status));
    json_object_set_new(activity, "Progress", json_integer(progress));
    if (description)
        json_object_set_new(activity, "Description", json_string(description));
}

void activity_end(struct call *call, const char *id, const char *status, const char *message,
                  const char *description)
{
    activity_progress(call, id, status, 100, description);
    json_t *activity = txn_edit(call->txn, activity_kind, call->region, id);
    if (!activity)
        return;
    /* Whole seconds, as AWS has them; rounded up, so that nothing ends before it starts. */
    json_object_set_new(activity, "EndTime", json_integer((call->now_ms + 999) / 1000));
    if (message)
        json_object_set_new(activity, "StatusMessage",
                            json_stringn(message, strnlen(message, STATUS_MESSAGE_MAX)));
    notify_of_activity(call, activity);
}

void activity_succeed(struct call *call, const char *id)
{
    activity_end(call, id, "Successful", NULL, NULL);
}

void activity_fail(struct call *call, const char *id, const char *message)
{
    json_auto_t *description = json_sprintf(
        "%s.  Status Reason: %s", doc_text(activity_find(call, id), "Description"), message);
    activity_end(call, id, "Failed", message, json_string_value(description));
}

static bool is_of_group(const json_t *activity, const json_t *group)
{
    return !strcmp(doc_text(activity, "AutoScalingGroupARN"),
                   doc_text(group, "AutoScalingGroupARN"));
}

bool activity_running(const struct call *call, const json_t *group, const char **ret_id)
{
    store_each (cursor, call->store, activity_kind, call->region) {
        if (json_object_get(cursor.doc, "EndTime") || !is_of_group(cursor.doc, group))
            continue;
        if (ret_id)
            *ret_id = cursor.id;
        return true;
    }
    return false;
}

void activity_group_deleted(struct call *call, const json_t *group)
{
    json_auto_t *ids = json_array();
    store_each (cursor, call->store, activity_kind, call->region)
        if (is_of_group(cursor.doc, group))
            json_array_append_new(ids, json_string(cursor.id));
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        json_t *activity = txn_edit(call->txn, activity_kind, call->region, json_string_value(id));
        json_object_set_new(activity, "AutoScalingGroupState", json_string("Deleted"));
        if (!json_object_get(activity, "EndTime"))
            activity_end(call, json_string_value(id), "Cancelled", NULL, NULL);
    }
}
