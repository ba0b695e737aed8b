/* What other services have to say to a topic. */
#pragma once

#include "service/call.h"

#include <stdbool.h>

/* Whether an ARN can be that of a topic in the call's region; it need not exist. */
bool sns_is_topic_arn(const struct call *call, const char *arn);
/*
 * Publishes JSON (stolen) under a subject, in the call's transaction. Of the subject goes out what
 * a subject may be: 100 characters of ASCII.
 */
int sns_notify(struct call *call, const char *topic_arn, const char *subject, json_t *message,
               struct err *err);
