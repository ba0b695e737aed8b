/* The operations of Simple Notification Service that work: each X is a handler `sns_X`. */
#pragma once

#include "service/call.h"

/* Those that are links in messages, and need no signature, are the second list. */
#define SNS_OPERATIONS(X)                                                                          \
    X(CreateTopic)                                                                                 \
    X(DeleteTopic)                                                                                 \
    X(GetSubscriptionAttributes)                                                                   \
    X(GetTopicAttributes)                                                                          \
    X(ListSubscriptions)                                                                           \
    X(ListSubscriptionsByTopic)                                                                    \
    X(ListTagsForResource)                                                                         \
    X(ListTopics)                                                                                  \
    X(Publish)                                                                                     \
    X(PublishBatch)                                                                                \
    X(SetSubscriptionAttributes)                                                                   \
    X(SetTopicAttributes)                                                                          \
    X(Subscribe)                                                                                   \
    X(TagResource)                                                                                 \
    X(UntagResource)

#define SNS_OPEN_OPERATIONS(X)                                                                     \
    X(ConfirmSubscription)                                                                         \
    X(Unsubscribe)

#define X(name) service_handler sns_##name;
SNS_OPERATIONS(X)
SNS_OPEN_OPERATIONS(X)
#undef X
