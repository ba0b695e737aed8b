/* Between the files of exchanges: exchange*.c and response.c. */
#pragma once

#include "balancer/exchange.h"

/* An exchange for the stream, with the current view; NULL if memory ran out. */
struct exchange *exchange_new(struct stream *stream);
/* The head as sent will not be needed again. */
void exchange_forget_head(struct exchange *exchange);
/* The idle timeout begins anew. */
void exchange_touch(struct exchange *exchange);
/* The body of the request is not what its head said. */
void exchange_broken_body(struct exchange *exchange);

/*
 * Offers the request to the next target until one takes it or none is left. True if there is a
 * connection already; else exchange_connected() comes, or an answer was given.
 */
bool exchange_attempt(struct exchange *exchange);
/* The same for a socket that was waited for: socket_waiter.on_socket. */
void exchange_on_socket(struct socket_waiter *waiter, int fd);
/* The request is outstanding at this target, if its group counts that, and at no other. */
void exchange_count_outstanding(struct exchange *exchange, struct target *target);
/* The connection is there: sends the head, and what there is of the body. */
void exchange_send_head(struct exchange *exchange, const struct piece *first);
/* The same with what was put aside of the body. */
void exchange_send_early(struct exchange *exchange);
/* The connection ended before the response was whole. */
void exchange_upstream_ended(struct exchange *exchange);
