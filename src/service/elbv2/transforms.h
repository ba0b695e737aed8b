/* Transforms of rules: how the host and the URL of a request are rewritten. */
#pragma once

#include "service/call.h"

/*
 * Checks the transforms of a request and returns them as AWS shows them: a new array, empty if
 * there are none. NULL and err if they are wrong.
 */
json_t *elb_transforms(const json_t *transforms, struct err *err);
