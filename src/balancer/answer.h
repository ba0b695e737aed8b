/* What the load balancer answers itself, in the bytes that AWS's answers have. */
#pragma once

#include "balancer/exchange.h"
#include "balancer/redirect.h"

/* An error page. Ends the stream's exchange, if there is one. */
void answer_error(struct stream *stream, int status);
/*
 * The same for a request that gets no exchange; worker->head holds what is known of it. The
 * listener whose attributes the answer follows may be NULL.
 */
void answer_refusal(struct stream *stream, const struct listener *listener, int status);
void answer_fixed(struct exchange *exchange, const struct action *action);
void answer_redirect(struct exchange *exchange, const struct action *action,
                     const struct redirect_facts *facts);
