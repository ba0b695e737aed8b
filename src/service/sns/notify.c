#include "service/sns/notify.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

enum { SUBJECT_SIZE_MAX = 100 };

bool sns_is_topic_arn(const struct call *call, const char *arn)
{
    char prefix[96];
    snprintf(prefix, sizeof prefix, "arn:aws:sns:%s:%s:", call->region, call->account);
    size_t size = strlen(prefix);
    return !strncmp(arn, prefix, size) && arn[size] && !strchr(arn + size, ':');
}

int sns_notify(struct call *call, const char *topic_arn, const char *subject, json_t *message,
               struct err *err)
{
    char line[SUBJECT_SIZE_MAX + 1];
    snprintf(line, sizeof line, "%s", subject);
    for (char *at = line; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    auto_free char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    return service_call(call, "sns", "Publish",
                        json_pack("{s:s, s:s, s:s}", "TopicArn", topic_arn, "Subject", line,
                                  "Message", text ? text : "{}"),
                        NULL, err);
}
