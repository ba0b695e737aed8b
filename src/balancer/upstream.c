/* What speaks to the targets of a group. */
#include "balancer/upstream_internal.h"

void upstream_attach(struct upstream *upstream, struct exchange *exchange)
{
    upstream->exchange = exchange;
    upstream->request = &exchange->request;
    exchange->upstream = upstream;
    list_append(&upstream->target->threads[upstream->worker->index].active, &upstream->link);
}

struct upstream *upstream_take(struct worker *worker, struct target *target,
                               struct exchange *exchange)
{
    if (exchange->group->version != TARGETS_HTTP1)
        return upstream_http2_take(worker, target, exchange);
    /* A request that is sent anew is so because a kept connection was closed: not another one. */
    return exchange->retried ? NULL : upstream_http1_take(worker, target, exchange);
}

struct upstream *upstream_connect(struct worker *worker, struct target *target, int fd,
                                  struct exchange *exchange)
{
    return exchange->group->version == TARGETS_HTTP1
               ? upstream_http1_connect(worker, target, fd, exchange)
               : upstream_http2_connect(worker, target, fd, exchange);
}

void upstream_close_idle(struct worker *worker, struct target *target, int64_t before_ms)
{
    upstream_http1_close_idle(worker, target, before_ms);
    upstream_http2_close_idle(worker, target, before_ms);
}
