/*
 * From a request's bytes to what a handler sees: one JSON object with the member names of the
 * model, in which types are right (blobs base64 strings, timestamps numbers, maps objects).
 * Limits, enums and required members are validate.h's.
 *
 * Each returns 0 and a new reference, or -1 and an AWS error of the protocol: a parameter that
 * EC2 does not know is refused (as EC2 does), the other protocols ignore unknown members (as AWS
 * does). Floats that JSON cannot hold ("NaN", "Infinity", "-Infinity") stay strings, which
 * validation refuses.
 */
#pragma once

#include "base/err.h"
#include "model/model.h"
#include "wire/query.h"

#include <jansson.h>

enum { MODEL_DEPTH_MAX = 32 }; /* of nested values */

/* `protocol` is MODEL_EC2 or MODEL_QUERY. */
int model_decode_query(const struct model_operation *operation, enum model_protocol protocol,
                       const struct query *query, json_t **ret_in, struct err *err);
int model_decode_json(const struct model_operation *operation, const char *body, size_t size,
                      json_t **ret_in, struct err *err);
int model_decode_cbor(const struct model_operation *operation, const void *body, size_t size,
                      json_t **ret_in, struct err *err);
/* The common end of the two above: checks a generic tree against the input shape. */
int model_decode_tree(const struct model_operation *operation, const json_t *tree, json_t **ret_in,
                      struct err *err);
