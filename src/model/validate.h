/* Checking an input against its model: required members, ranges, lengths, patterns, enums. */
#pragma once

#include "base/err.h"
#include "model/model.h"

#include <jansson.h>

/*
 * Returns 0, or -1 and the AWS error that the protocol answers: EC2 names the first parameter that
 * is wrong; the others list up to ten violations in one ValidationError (ValidationException).
 */
int model_validate(const struct model_service *service, const struct model_operation *operation,
                   enum model_protocol protocol, const json_t *in, struct err *err);
