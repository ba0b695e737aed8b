/* What an alarm tells a topic. */
#pragma once

#include "service/call.h"

enum { ALARM_SUBJECT_SIZE = 512 };

/* `ALARM: "name" in US East (N. Virginia)` */
void alarm_message_subject(const struct call *call, const json_t *alarm,
                           char out[ALARM_SUBJECT_SIZE]);
/* The message of an alarm that was in the state `former`, as AWS sends it. New reference. */
json_t *alarm_message(const struct call *call, const json_t *alarm, const char *former);
