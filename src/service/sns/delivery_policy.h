/*
 * When a delivery by HTTP is tried again, and with which Content-Type: the attribute DeliveryPolicy
 * of topics and subscriptions, both JSON texts. Pure.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { DELIVERY_CONTENT_TYPE_SIZE = 128 };

enum delivery_backoff {
    DELIVERY_ARITHMETIC,
    DELIVERY_EXPONENTIAL,
    DELIVERY_GEOMETRIC,
    DELIVERY_LINEAR
};

struct delivery_policy {
    int min_delay_s, max_delay_s;
    int retries; /* in all, of which: */
    int immediate_retries, min_delay_retries, max_delay_retries;
    enum delivery_backoff backoff; /* of the others, from the least to the greatest delay */
    int receives_per_second;       /* 0: no limit */
    bool is_final;                 /* of a topic: its subscriptions' policies do not count */
    char content_type[DELIVERY_CONTENT_TYPE_SIZE];
};

/* Reads a topic's, and a subscription's policy; what it does not say is AWS's default. */
int delivery_policy_read_topic(const char *text, struct delivery_policy *policy, struct err *err);
int delivery_policy_read_subscription(const char *text, struct delivery_policy *policy,
                                      struct err *err);
/* The policy that holds for a subscription (NULL: any) of a topic; both documents of the store. */
void delivery_policy_of(const json_t *topic, const json_t *subscription,
                        struct delivery_policy *policy);
/* How long to wait before retry `number`, from 1 on, in cloud time; -1: it is given up. */
int64_t delivery_policy_delay_ms(const struct delivery_policy *policy, int number);
/* The retries as AWS shows them. New reference. */
json_t *delivery_policy_show_retries(const struct delivery_policy *policy);
