/*
 * From what a handler returned to the bytes of an answer.
 *
 * Encoding is strict: a member that the shape does not have (and that does not begin with '_'), or
 * a value of another type, is a bug of ours and fails. Null members are left out.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "model/encode_memo.h"
#include "model/model.h"

#include <jansson.h>

/* The list of a result whose items never change, and where their XML is kept. */
struct encode_kept {
    struct encode_memo *memo;
    const char *list; /* the member's name */
};

/*
 * Appends the body of a successful answer. `kept` may be NULL. Returns 0, or -1 (an internal
 * error).
 */
int model_encode_result(const struct model_service *service,
                        const struct model_operation *operation, enum model_protocol protocol,
                        const json_t *out, const char *request_id, const struct encode_kept *kept,
                        struct buf *body, struct err *err);

/* An error as clients see it. */
struct model_failure {
    const char *code;       /* in XML */
    const char *shape_name; /* in JSON and CBOR */
    const char *message;
    int http_status;
    bool fault; /* the server's */
};

/*
 * Looks up what the model says about err->code (service may be NULL). An error without a code
 * becomes an internal error whose text stays here. The result borrows from `err`.
 */
struct model_failure model_failure_of(const struct model_service *service,
                                      enum model_protocol protocol, const struct err *err);
/* Appends the body of an error answer. */
void model_encode_failure(const struct model_service *service, enum model_protocol protocol,
                          const struct model_failure *failure, const char *request_id,
                          struct buf *body);
