/* The operations on notifications. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/notification.h"
#include "service/autoscaling/operations.h"
#include "service/sns/notify.h"

#include <string.h>

static const char *const types[] = {
    "autoscaling:EC2_INSTANCE_LAUNCH",    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE", "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    "autoscaling:TEST_NOTIFICATION",
};

enum { TYPE_COUNT = sizeof types / sizeof *types };

static int check_types(const json_t *asked, struct err *err)
{
    size_t i;
    const json_t *type;
    if (!json_array_size(asked))
        return err_aws(err, "ValidationError", "At least one notification type is required.");
    json_array_foreach (asked, i, type) {
        int known = 0;
        for (int k = 0; k < TYPE_COUNT; k++)
            known += !strcmp(types[k], json_string_value(type));
        if (!known)
            return err_aws(err, "ValidationError", "\"%.100s\" is not a valid Notification Type.",
                           json_string_value(type));
    }
    return 0;
}

/* The id of the configuration that the request means. New reference. */
static json_t *id_of(const struct call *call)
{
    return json_sprintf("%s/%s", doc_text(call->in, "AutoScalingGroupName"),
                        doc_text(call->in, "TopicARN"));
}

static int count_topics(const struct call *call)
{
    int count = 0;
    store_each (cursor, call->store, notification_kind, call->region)
        count +=
            doc_is(cursor.doc, "AutoScalingGroupName", doc_text(call->in, "AutoScalingGroupName"));
    return count;
}

/* What was configured for the same topic is replaced. A test notification says that it works. */
int autoscaling_PutNotificationConfiguration(struct call *call, struct err *err)
{
    const char *topic = doc_text(call->in, "TopicARN");
    const json_t *asked = json_object_get(call->in, "NotificationTypes");
    const json_t *group = group_find(call, doc_text(call->in, "AutoScalingGroupName"), err);
    struct err why = {0};
    if (!group || check_types(asked, err) < 0)
        return -1;
    json_auto_t *id = id_of(call);
    if (!store_get(call->store, notification_kind, call->region, json_string_value(id)) &&
        count_topics(call) >= NOTIFICATION_TOPICS_MAX)
        return err_aws(err, "LimitExceeded", "A group can notify no more than %d topics.",
                       NOTIFICATION_TOPICS_MAX);
    if (!sns_is_topic_arn(call, topic) || notify_test(call, group, topic, &why) < 0)
        return err_aws(err, "ValidationError",
                       "Unable to publish test message to notification target %.300s. Please "
                       "check your target and try again. %.300s",
                       topic, why.text);
    txn_put(call->txn, notification_kind, call->region, json_string_value(id),
            json_pack("{s:O, s:O, s:o}", "AutoScalingGroupName",
                      json_object_get(call->in, "AutoScalingGroupName"), "TopicARN",
                      json_object_get(call->in, "TopicARN"), "NotificationTypes",
                      json_deep_copy(asked)));
    return 0;
}

int autoscaling_DeleteNotificationConfiguration(struct call *call, struct err *err)
{
    if (!group_find(call, doc_text(call->in, "AutoScalingGroupName"), err))
        return -1;
    json_auto_t *id = id_of(call);
    txn_delete(call->txn, notification_kind, call->region, json_string_value(id));
    return 0;
}

/* A row for each type. */
static void append_rows(json_t *all, const json_t *configuration)
{
    size_t i;
    json_t *type;
    json_array_foreach (json_object_get(configuration, "NotificationTypes"), i, type)
        json_array_append_new(all, json_pack("{s:O, s:O, s:O}", "AutoScalingGroupName",
                                             json_object_get(configuration, "AutoScalingGroupName"),
                                             "TopicARN", json_object_get(configuration, "TopicARN"),
                                             "NotificationType", type));
}

int autoscaling_DescribeNotificationConfigurations(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "AutoScalingGroupNames");
    json_auto_t *all = json_array();
    if (call_accept(call->in, "AutoScalingGroupNames MaxRecords NextToken", err) < 0)
        return -1;
    store_each (cursor, call->store, notification_kind, call->region)
        if (!json_array_size(names) ||
            doc_list_has(names, doc_text(cursor.doc, "AutoScalingGroupName")))
            append_rows(all, cursor.doc);
    return call_page(call, &autoscaling_paging, all, "NotificationConfigurations", err);
}

int autoscaling_DescribeAutoScalingNotificationTypes(struct call *call, struct err *err)
{
    json_t *all = json_array();
    (void)err;
    for (int i = 0; i < TYPE_COUNT; i++)
        json_array_append_new(all, json_string(types[i]));
    return json_object_set_new(call->out, "AutoScalingNotificationTypes", all);
}
