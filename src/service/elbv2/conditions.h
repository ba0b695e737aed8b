/* Conditions of rules: what they may say is in wire/rule_pattern.h. */
#pragma once

#include "service/call.h"

/*
 * Checks the conditions of a request and returns them as AWS shows them: values have their place in
 * the field's own configuration, and those of hosts and paths in `Values` too. A new array; NULL
 * and err if they are wrong.
 */
json_t *elb_conditions(const json_t *conditions, struct err *err);
