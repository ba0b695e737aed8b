/* The metrics of topics, in the namespace AWS/SNS. */
#pragma once

#include "service/call.h"

enum sns_metric {
    SNS_PUBLISHED,    /* NumberOfMessagesPublished */
    SNS_PUBLISH_SIZE, /* PublishSize, in bytes */
    SNS_FILTERED_OUT, /* NumberOfNotificationsFilteredOut */
    SNS_DELIVERED,    /* NumberOfNotificationsDelivered */
    SNS_FAILED,       /* NumberOfNotificationsFailed: given up */
};

/* Adds a value. What no series has room for is not counted. */
void sns_measure(const struct call *call, const char *topic_arn, enum sns_metric metric,
                 double value);
