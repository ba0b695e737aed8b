#include "service/sns/measure.h"

#include "store/series.h"

#include <string.h>

void sns_measure(const struct call *call, const char *topic_arn, enum sns_metric metric,
                 double value)
{
    static const struct {
        const char *name, *unit;
    } rows[] = {
        [SNS_PUBLISHED] = {"NumberOfMessagesPublished", "Count"},
        [SNS_PUBLISH_SIZE] = {"PublishSize", "Bytes"},
        [SNS_FILTERED_OUT] = {"NumberOfNotificationsFilteredOut", "Count"},
        [SNS_DELIVERED] = {"NumberOfNotificationsDelivered", "Count"},
        [SNS_FAILED] = {"NumberOfNotificationsFailed", "Count"},
    };
    struct err ignored;
    const struct series_dimension dimension = {"TopicName", strrchr(topic_arn, ':') + 1};
    const struct series_key key = {call->region, "AWS/SNS", rows[metric].name, &dimension, 1};
    const struct series_point point = {0, 1, value, value, value};
    series_add(call->series, &key, rows[metric].unit, call->now_ms, &point, &ignored);
}
