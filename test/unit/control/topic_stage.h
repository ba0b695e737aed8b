/* A topic "t" with a subscriber in a simulated cloud, and what was published to it. */
#pragma once

#include "simulated_cloud.h"

#define TOPIC_ARN "arn:aws:sns:us-east-1:000000000000:t"

/* Creates it. Its subscriber is confirmed, and never answers, so that all messages stay. */
void topic_create(struct simulated_cloud *cloud);
/* How many messages there are. */
int topic_count(const struct simulated_cloud *cloud);
/*
 * What a message (counted from 0) says: a new reference to its text, which is JSON. Its subject is
 * copied to `subject`.
 */
json_t *topic_message(const struct simulated_cloud *cloud, int index, char subject[128]);
/* The same of the newest one. */
json_t *topic_newest(const struct simulated_cloud *cloud, char subject[128]);
