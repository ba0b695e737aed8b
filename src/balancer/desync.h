/* Desync mitigation: what each mode does with each class of request (wire/http1.h). */
#pragma once

#include "balancer/stream.h"

/* 400, and the connection closes. */
static inline bool desync_refuses(const struct load_balancer *load_balancer,
                                  const struct http1_head *head)
{
    switch (load_balancer->attributes.desync_mode) {
    case DESYNC_MONITOR:
        return false;
    case DESYNC_DEFENSIVE:
        return head->classification == HTTP1_SEVERE;
    case DESYNC_STRICTEST:
        return head->classification > HTTP1_COMPLIANT;
    }
    return false;
}

/* It is forwarded, but neither the client's nor the target's connection serves another request. */
static inline bool desync_closes(const struct load_balancer *load_balancer,
                                 const struct http1_head *head)
{
    return load_balancer->attributes.desync_mode == DESYNC_DEFENSIVE &&
           head->classification == HTTP1_AMBIGUOUS;
}

/* Counts a request that is not compliant, whatever becomes of it. */
static inline void desync_count(const struct stream *stream, const struct http1_head *head)
{
    struct cell *cell = stream->peer->cell;
    if (head->classification > HTTP1_COMPLIANT && cell)
        counter_add(&cell->threads[stream->worker->index].desync_requests, 1);
}

/* What to answer to a head that the parser refused; the listener may not be known. */
static inline int desync_refusal(const struct listener *listener, const struct http1_head *head)
{
    bool refused = listener && desync_refuses(listener->load_balancer, head);
    return refused || !head->error_status || head->error_status == 431 /* AWS has none */
               ? 400
               : head->error_status;
}
