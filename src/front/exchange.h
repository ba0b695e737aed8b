/*
 * One AWS request on its way through the front: route.c finds out what it asks for,
 * authenticate.c who asks, dispatch.c does it, answer.c writes the answer.
 */
#pragma once

#include "base/buf.h"
#include "front/front.h"
#include "model/model.h"
#include "wire/query.h"
#include "wire/sigv4.h"

enum {
    FRONT_BODY_SIZE_MAX = 2 * 1024 * 1024, /* as sent, and after decompression */
    FRONT_ANSWER_SIZE_MAX = 64 * 1024 * 1024,
    FRONT_REGION_SIZE = 65,
    FRONT_ACTION_SIZE = 129,
    FRONT_REQUEST_ID_SIZE = 37,
    FRONT_USER_ARN_SIZE = 256,
};

struct front_request {
    struct sigv4_request signed_part; /* method, path, query, headers, body as sent */
    struct slice body;                /* decompressed */
};

struct front_answer {
    bool again; /* there is none yet: the request must be served again, see front_go_on() */
    int status;
    struct buf headers; /* whole lines */
    struct buf body;
};

/* What is known of a request so far. */
struct front_call {
    const struct front_options *options;
    const struct front_request *request;
    enum model_protocol protocol; /* MODEL_QUERY until the service says more */
    char json_type[64];           /* the Content-Type of JSON answers */
    bool query_mode;              /* the client wants query error codes in a header */
    struct sigv4_claim claim;
    bool is_signed;
    struct query params; /* of query protocols */
    const struct model_service *service;
    char action[FRONT_ACTION_SIZE];
    const struct model_operation *operation;
    char region[FRONT_REGION_SIZE];
    char user_arn[FRONT_USER_ARN_SIZE];
    char request_id[FRONT_REQUEST_ID_SIZE];
};

/* Answers one request. `answer` is empty before; `now_s` is real time, for signatures. */
void front_serve(const struct front_options *options, const struct front_request *request,
                 int64_t now_s, struct front_answer *answer);
void front_answer_finish(struct front_answer *answer);

/* The first header with this lower-case name; an empty slice if there is none. */
struct slice front_header(const struct front_request *request, const char *lower_name);

/* --- route.c --- */

/* Guesses the protocol from the headers alone, so that every error has a form. */
void front_guess_protocol(struct front_call *call);
/* Finds service, protocol, action and region. Needs the claim. */
int front_route(struct front_call *call, struct err *err);
/* Finds the operation of the action. */
int front_find_operation(struct front_call *call, struct err *err);

/* --- foreign_page.c --- */

/* Whether the request may come from a web page that has no business here. */
bool front_is_from_foreign_page(const struct front_request *request);

/* --- authenticate.c --- */

/* Reads what the request says of its signature. */
int front_read_claim(struct front_call *call, struct err *err);
/* Checks key, signature and time; sets the user. */
int front_authenticate(struct front_call *call, int64_t now_s, struct err *err);

/* --- dispatch.c --- */

/* Runs the operation in a transaction of its own and writes its answer. `in` is borrowed. */
int front_dispatch(const struct front_call *call, const json_t *in, struct front_answer *answer,
                   struct err *err);

/* --- answer.c --- */

/*
 * 0, or -1 (an internal error) with nothing written. `documents`: a list in `out` whose items will
 * never change; NULL: there is none.
 */
int front_answer_result(const struct front_call *call, const json_t *out, const char *documents,
                        struct front_answer *answer, struct err *err);
void front_answer_failure(const struct front_call *call, const struct err *err,
                          struct front_answer *answer);

/* --- failure.c: errors of the protocols themselves --- */

enum front_failure {
    FRONT_UNSIGNED,
    FRONT_INCOMPLETE_SIGNATURE,
    FRONT_UNKNOWN_KEY,
    FRONT_WRONG_SIGNATURE,
    FRONT_EXPIRED,
    FRONT_EXPIRED_TOKEN,
    FRONT_INVALID_ACTION,
    FRONT_NOT_SUPPORTED,
    FRONT_TOO_LARGE,
    FRONT_MALFORMED,
    FRONT_TIMED_OUT,
    FRONT_INVALID_REGION,
};

/* Sets the error of the call's protocol with its HTTP status. NULL text: AWS's own. Returns -1. */
int front_fail(const struct front_call *call, enum front_failure failure, struct err *err,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* --- control.c: health, and the command line's endpoints --- */

/* Whether a path is ours and not AWS's. */
bool front_is_control(struct slice path);
void front_serve_control(const struct front_options *options, const struct front_request *request,
                         struct front_answer *answer);
/*
 * Answers who asks for the certificate that messages are signed with, which their SigningCertURL
 * names. False, and nothing is answered, if that is not what is asked for.
 */
bool front_serve_certificate(const struct front_options *options,
                             const struct front_request *request, struct front_answer *answer);
