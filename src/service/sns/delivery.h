/*
 * What is on its way to a subscriber. Kind `delivery`, id a UUID: {SubscriptionArn, TopicArn,
 * MessageId, Type, Protocol, Endpoint}, `_body`, `_subject` and `_sender` (of mail),
 * `_content_type` (of HTTP), `_raw`; `_attempts` so far, and `_due_ms`, the cloud time of the next
 * one.
 */
#pragma once

#include "service/sns/message.h"

enum {
    DELIVERIES_MAX = 5000,                  /* of a region, */
    DELIVERIES_SIZE_MAX = 64 * 1024 * 1024, /* and what they hold together */
};

extern const char delivery_kind[];

/* Stores the delivery of a message to a subscription. Throttled when too many are on their way. */
int delivery_add(struct call *call, const json_t *topic, const json_t *subscription,
                 const struct sns_message *message, struct err *err);
/* Forgets those whose member `name` is this ARN. */
void deliveries_delete(struct call *call, const char *name, const char *arn);
/* Whether an answer with this status ends a delivery: 0 is none. */
enum delivery_outcome { DELIVERY_DONE, DELIVERY_AGAIN, DELIVERY_REFUSED };
enum delivery_outcome delivery_outcome(int status);
/*
 * After an attempt that failed: sets when the next one is due, or deletes the delivery when its
 * retries are used up. Whether it goes on.
 */
bool delivery_retry(struct call *call, const char *id);
