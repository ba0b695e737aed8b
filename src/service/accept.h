/*
 * Honest refusal: an operation names the members of its request that it understands, and every
 * other one is answered with an error instead of being ignored.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>

/*
 * Checks an object of the request against `members`: names separated by spaces, each either
 * "Name" (any value; the caller looks at it) or "Name=value" (only this value, which asks for what
 * happens anyway). A value that asks for nothing (false, "", an empty list or object) is always
 * accepted, and so are DryRun and ClientToken, which are dealt with before the handler is called.
 * Otherwise fails with UnsupportedOperation.
 */
int call_accept(const json_t *object, const char *members, struct err *err);
