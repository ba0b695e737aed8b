/* Between upstream.c and what speaks to targets: upstream_http1.c, upstream_http2.c. */
#pragma once

#include "balancer/exchange.h"

/* See upstream.h. */
struct upstream *upstream_http1_take(struct worker *worker, struct target *target,
                                     struct exchange *exchange);
struct upstream *upstream_http1_connect(struct worker *worker, struct target *target, int fd,
                                        struct exchange *exchange);
void upstream_http1_close_idle(struct worker *worker, struct target *target, int64_t before_ms);
struct upstream *upstream_http2_take(struct worker *worker, struct target *target,
                                     struct exchange *exchange);
struct upstream *upstream_http2_connect(struct worker *worker, struct target *target, int fd,
                                        struct exchange *exchange);
void upstream_http2_close_idle(struct worker *worker, struct target *target, int64_t before_ms);

/* The upstream is the exchange's from now on. */
void upstream_attach(struct upstream *upstream, struct exchange *exchange);
