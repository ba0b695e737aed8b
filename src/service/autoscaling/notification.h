/*
 * Who is told of what a group does. Kind `notification-configuration`, id "<group>/<topic ARN>":
 * {AutoScalingGroupName, TopicARN, NotificationTypes: []}. Nobody waits for it: when a topic is
 * gone, the group goes on, as on AWS.
 */
#pragma once

#include "service/call.h"

enum { NOTIFICATION_TOPICS_MAX = 10 /* of a group */ };

extern const char notification_kind[];

/* Tells that an activity of the group, which is being edited, came to an end. */
void notify_of_activity(struct call *call, const json_t *activity);
/* Tells the hook's target that an instance waits for an action of it. */
void notify_of_action(struct call *call, const json_t *hook, const json_t *member,
                      const char *token);
/* Publishes a test notification of the group to a topic. */
int notify_test(struct call *call, const json_t *group, const char *topic_arn, struct err *err);
/* Deletes the configurations of a group. */
void notifications_delete_of_group(struct call *call, const char *group);
