/*
 * Topics. Kind `topic`, id and TopicArn: its ARN. `_attributes` are those that were set (name to
 * text), `_tags` its tags.
 */
#pragma once

#include "service/call.h"

#include <stdbool.h>
#include <stddef.h>

enum { SNS_ARN_SIZE = 512 };

extern const char topic_kind[];

/*
 * Checks that an ARN is one of SNS in the call's region, with so many elements. `what` names the
 * parameter in the error.
 */
int sns_check_arn(const struct call *call, const char *what, const char *arn, int elements,
                  struct err *err);
/* Whether a text is a name: letters, digits, hyphens and underscores, at most `size_max`. */
bool sns_is_name(const char *text, size_t size_max);

/* The document, borrowed; NULL and err (InvalidParameter, NotFound) if the ARN names none. */
const json_t *topic_find(const struct call *call, const char *arn, struct err *err);
/* The same, as a copy that may be changed until the transaction ends. */
json_t *topic_edit(const struct call *call, const char *arn, struct err *err);
/* An attribute that was set; NULL if it was not. */
const char *topic_attribute(const json_t *topic, const char *name);
/* The name: the last part of its ARN. */
const char *topic_name(const json_t *topic);

/* ---- topic_attributes.c ---- */

/* Checks the value of an attribute that a client sets. `what` names the parameter in the error. */
int topic_attribute_check(const char *name, const char *value, const char *what, struct err *err);
/* All attributes as GetTopicAttributes shows them. New reference. */
json_t *topic_attributes_show(const struct call *call, const json_t *topic);
