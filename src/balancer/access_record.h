/*
 * What the access log says of an exchange, gathered while it goes on. An exchange has a record only
 * while its load balancer has an access log; nothing here does anything without one.
 */
#pragma once

#include "balancer/exchange.h"

struct access_record;

/* Begins the record of the request in worker->head, if there is to be one. */
void access_record_begin(struct exchange *exchange);
/* The rule's or the default action that the request gets. */
void access_record_action(struct exchange *exchange, const struct action *action);
/* What a rule's transforms made of host and URL; empty: they are as they were. */
void access_record_transform(struct exchange *exchange, struct slice host, struct slice url);
/* Why the answer is an error, in AWS's word. */
void access_record_error(struct exchange *exchange, const char *reason);
/* The head as it is sent to the target: it has the trace id. */
void access_record_trace(struct exchange *exchange, struct slice head);
/* An answer of the load balancer; `location` of a redirect, else empty. */
void access_record_answer(struct exchange *exchange, int status, struct slice location);
/* The target's response is about to be sent on. */
void access_record_response(struct exchange *exchange, int status);
/* Writes the line. */
void access_record_end(struct exchange *exchange);

/* Writes the line of a request that was refused before it could become an exchange. */
void access_record_refusal(const struct stream *stream, const struct listener *listener,
                           int status);
/*
 * Writes the connection log's line, if there is to be one. With TLS: when the handshake is over;
 * `handshake_us` is how long it took, or -1 if it failed.
 */
void access_record_connection(struct worker *worker, const struct peer *peer,
                              const struct listener *listener, int64_t handshake_us);
