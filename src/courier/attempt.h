/* One POST to one server. */
#pragma once

#include "base/list.h"
#include "courier/courier.h"
#include "courier/lookup.h"
#include "courier/trust.h"
#include "wire/http_url.h"

/*
 *   LOOKING_UP -> CONNECTING -> SHAKING_HANDS (TLS) -> SENDING -> READING
 * Each may end the attempt. Without a name to look up, or without TLS, the state is passed over.
 */
enum attempt_state {
    ATTEMPT_LOOKING_UP,
    ATTEMPT_CONNECTING,
    ATTEMPT_SHAKING_HANDS,
    ATTEMPT_SENDING,
    ATTEMPT_READING
};

struct attempt {
    struct list link; /* of its courier */
    char id[COURIER_ID_SIZE];
    struct loop *loop;
    struct trust *trust;
    const struct courier_options *options;
    /* It is over; frees. See courier_options.done. */
    void (*over)(struct attempt *attempt, int status, const char *text);
    void *owner;
    enum attempt_state state;
    char *url_text; /* what `url` points into */
    struct http_url url;
    struct buf request;
    size_t sent;
    struct buf response;
    struct lookup lookup;
    struct loop_watch watch; /* the connection */
    struct loop_timer timer; /* of the whole attempt */
    SSL *ssl;
};

/* Begins; `url` and `request` are set. It may be over before this returns. */
void attempt_begin(struct attempt *attempt);
/* Closes what is open and frees. */
void attempt_free(struct attempt *attempt);
