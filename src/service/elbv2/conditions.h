/* Conditions of rules: host-header and path-pattern. */
#pragma once

#include "service/call.h"

/*
 * Checks the conditions of a request and returns them as AWS shows them, with both `Values` and the
 * field's own configuration: a new array. NULL and err if they are wrong.
 */
json_t *elb_conditions(const json_t *conditions, struct err *err);
