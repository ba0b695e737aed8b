/*
 * Subscriptions. Kind `subscription`, id and SubscriptionArn: its ARN, shape Subscription.
 * `_attributes` are those that were set; `_state` is "pending" until it is confirmed, then
 * "confirmed"; who ends it by a link in a message may come back by another, and until `_forget_ms`
 * it is "removed". `_token` is what confirms it.
 */
#pragma once

#include "service/call.h"

#include <stdbool.h>

extern const char subscription_kind[];

/* The document unless it was removed, borrowed; NULL and err (InvalidParameter, NotFound). */
const json_t *subscription_find(const struct call *call, const char *arn, struct err *err);
/* Whether its protocol is http or https, email or email-json. */
bool subscription_is_http(const json_t *subscription);
bool subscription_is_mail(const json_t *subscription);
/* An attribute that was set; NULL if it was not. */
const char *subscription_attribute(const json_t *subscription, const char *name);

struct subscription_counts {
    int confirmed, pending, removed;
};

/* Those of a topic. */
struct subscription_counts subscriptions_count(const struct call *call, const char *topic_arn);
void subscriptions_delete_of_topic(struct call *call, const char *topic_arn);
/*
 * Forgets those that nobody confirmed in time, and those that were removed; *ret_due_ms is when
 * the next one is due (cloud time), INT64_MAX: none.
 */
void subscriptions_forget(struct call *call, int64_t *ret_due_ms);

/* ---- subscription_attributes.c ---- */

/*
 * Sets an attribute of a document that may be changed, after checking it against the protocol and
 * the other attributes. `what` names the parameter in the error of an unknown one.
 */
int subscription_attribute_set(json_t *subscription, const char *name, const char *value,
                               const char *what, struct err *err);
/* All attributes as GetSubscriptionAttributes shows them. New reference. */
json_t *subscription_attributes_show(const struct call *call, const json_t *subscription);
