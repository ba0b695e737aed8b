/*
 * Filter policies: which messages a subscription wants, by their attributes or by their body.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html. Pure.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Checks the text of a policy; in the scope MessageBody it may be nested. */
int filter_policy_check(const char *text, bool of_body, struct err *err);
/*
 * What a policy of the scope MessageAttributes looks at: an object with a value, or an array of
 * them, for each attribute of the message. New reference.
 */
json_t *filter_policy_facts(const json_t *attributes);
/* Whether a policy that was checked lets through what has these facts (or this body). */
bool filter_policy_matches(const json_t *policy, const json_t *facts);
