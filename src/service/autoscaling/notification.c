#include "service/autoscaling/notification.h"

#include "service/autoscaling/group.h"
#include "service/autoscaling/hook.h"
#include "service/sns/notify.h"

#include <stdio.h>
#include <string.h>

const char notification_kind[] = "notification-configuration";

enum { SUBJECT_SIZE = 400 };

/* ---- messages ---- */

static json_t *time_of(double seconds)
{
    char text[24];
    format_time((int64_t)(seconds * 1000), text);
    return json_sprintf("%.19s.%03dZ", text, (int)((int64_t)(seconds * 1000) % 1000));
}

/* What every message begins with. */
static json_t *begin(const struct call *call, const char *group, const char *request)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "AccountId", call->account, "RequestId", request,
                     "AutoScalingGroupName", group, "Service", "AWS Auto Scaling", "Time",
                     time_of((double)call->now_ms / 1000));
}

int notify_test(struct call *call, const json_t *group, const char *topic_arn, struct err *err)
{
    char subject[SUBJECT_SIZE], request[37];
    const char *name = doc_text(group, "AutoScalingGroupName");
    call_make_uuid(call, request);
    json_t *message = begin(call, name, request);
    json_object_set(message, "AutoScalingGroupARN", json_object_get(group, "AutoScalingGroupARN"));
    json_object_set_new(message, "Event", json_string("autoscaling:TEST_NOTIFICATION"));
    snprintf(subject, sizeof subject, "Auto Scaling: test notification for group \"%s\"", name);
    return sns_notify(call, topic_arn, subject, message, err);
}

/* ---- activities ---- */

/* Which activities are told, by what their descriptions begin with and how they ended. */
static const struct event {
    const char *description, *status, *type, *what;
} events[] = {
    {"Launching a new EC2 instance", "Successful", "autoscaling:EC2_INSTANCE_LAUNCH", "launch"},
    {"Launching a new EC2 instance", "Failed", "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
     "failed launch"},
    {"Terminating EC2 instance", "Successful", "autoscaling:EC2_INSTANCE_TERMINATE", "termination"},
    {"Terminating EC2 instance", "Failed", "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
     "failed termination"},
};

static const struct event *event_of(const json_t *activity)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (!strncmp(doc_text(activity, "Description"), events[i].description,
                     strlen(events[i].description)) &&
            doc_is(activity, "StatusCode", events[i].status))
            return &events[i];
    return NULL;
}

/* The instance that a description names; "" if it came to none. */
static json_t *instance_of(const char *description)
{
    const char *id = strstr(description, ": i-");
    return id ? json_stringn(id + 2, 2 + strspn(id + 4, "0123456789abcdef")) : json_string("");
}

/* Where an instance comes from, and where it goes. */
static const char out[] = "EC2", in_group[] = "AutoScalingGroup", in_pool[] = "WarmPool";

/* As AWS tells it: while the activity is half done, though it is over when this is said. */
static json_t *activity_message(const struct call *call, const json_t *activity,
                                const struct event *event)
{
    static const char *const members[] = {"ActivityId", "AutoScalingGroupARN", "Cause",
                                          "Description"};
    json_t *message =
        begin(call, doc_text(activity, "AutoScalingGroupName"), doc_text(activity, "ActivityId"));
    json_t *details = json_loads(doc_text(activity, "Details"), 0, NULL);
    bool launches = strstr(event->type, "LAUNCH"), failed = !strcmp(event->status, "Failed");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set(message, members[i], json_object_get(activity, members[i]));
    json_object_set_new(message, "Event", json_string(event->type));
    json_object_set_new(message, "EC2InstanceId", instance_of(doc_text(activity, "Description")));
    json_object_set_new(message, "Details", details ? details : json_object());
    json_object_set_new(message, "StartTime",
                        time_of(json_number_value(json_object_get(activity, "StartTime"))));
    json_object_set_new(message, "EndTime", time_of((double)call->now_ms / 1000));
    json_object_set_new(message, "Progress", json_integer(failed ? 100 : 50));
    json_object_set_new(message, "StatusCode", json_string(failed ? "Failed" : "InProgress"));
    json_object_set_new(message, "StatusMessage", json_string(doc_text(activity, "StatusMessage")));
    const char *description = doc_text(activity, "Description");
    const char *from = strstr(description, " from warm pool") ? in_pool : launches ? out : in_group;
    const char *to = strstr(description, " into warm pool") ? in_pool : launches ? in_group : out;
    json_object_set_new(message, "Origin", json_string(from));
    json_object_set_new(message, "Destination", json_string(to));
    return message;
}

void notify_of_activity(struct call *call, const json_t *activity)
{
    char subject[SUBJECT_SIZE];
    const struct event *event = event_of(activity);
    const char *group = doc_text(activity, "AutoScalingGroupName");
    struct err ignored;
    if (!event)
        return;
    snprintf(subject, sizeof subject, "Auto Scaling: %s for group \"%s\"", event->what, group);
    store_each (cursor, call->store, notification_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group) &&
            doc_list_has(json_object_get(cursor.doc, "NotificationTypes"), event->type))
            sns_notify(call, doc_text(cursor.doc, "TopicARN"), subject,
                       activity_message(call, activity, event), &ignored);
}

/* ---- lifecycle actions ---- */

static void tell_way(json_t *message, const json_t *member)
{
    bool warm = member_is_warm(member), ends = member_is_terminating(member);
    bool taken = doc_flag(member, "_taken"), returned = doc_flag(member, "_returned");
    const char *from = taken || (warm && ends) ? in_pool : ends || returned ? in_group : out;
    const char *to = ends ? out : warm ? in_pool : in_group;
    json_object_set_new(message, "Origin", json_string(from));
    json_object_set_new(message, "Destination", json_string(to));
}

void notify_of_action(struct call *call, const json_t *hook, const json_t *member,
                      const char *token)
{
    char subject[SUBJECT_SIZE], request[37];
    struct err ignored;
    const char *target = doc_text(hook, "NotificationTargetARN");
    bool launches = doc_is(hook, "LifecycleTransition", hook_launching);
    if (!*target)
        return;
    call_make_uuid(call, request);
    json_t *message = begin(call, doc_text(hook, "AutoScalingGroupName"), request);
    json_object_set(message, "LifecycleHookName", json_object_get(hook, "LifecycleHookName"));
    json_object_set(message, "LifecycleTransition", json_object_get(hook, "LifecycleTransition"));
    json_object_set(message, "NotificationMetadata", json_object_get(hook, "NotificationMetadata"));
    json_object_set_new(message, "LifecycleActionToken", json_string(token));
    json_object_set_new(message, "EC2InstanceId", json_string(doc_text(member, "InstanceId")));
    tell_way(message, member);
    snprintf(subject, sizeof subject,
             "Auto Scaling:  Lifecycle action '%s' for instance %s in progress.",
             launches ? "LAUNCHING" : "TERMINATING", doc_text(member, "InstanceId"));
    sns_notify(call, target, subject, message, &ignored);
}

void notifications_delete_of_group(struct call *call, const char *group)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *id;
    store_each (cursor, call->store, notification_kind, call->region)
        if (doc_is(cursor.doc, "AutoScalingGroupName", group))
            json_array_append_new(ids, json_string(cursor.id));
    json_array_foreach (ids, i, id)
        txn_delete(call->txn, notification_kind, call->region, json_string_value(id));
}
