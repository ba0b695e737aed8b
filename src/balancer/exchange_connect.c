/* Choosing a target for an exchange, and getting a connection to it. */
#include "balancer/answer.h"
#include "balancer/exchange_internal.h"
#include "balancer/selection.h"

#include <errno.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    HANDSHAKE_TIMEOUT_MS = 10000,
    CONNECT_TRY_MS = 2000, /* while there are other targets to try */
    AVOID_MS = 1000,
};

static void touch(struct exchange *exchange, int64_t timeout_ms)
{
    exchange->stream->ops->touch(exchange->stream, timeout_ms);
}

static void note_connect_failure(struct exchange *exchange, int status, bool reached)
{
    struct worker *worker = exchange->worker;
    struct target_thread *thread = &exchange->target->threads[worker->index];
    struct counters *counters = &exchange->cell->threads[worker->index];
    counter_add(reached ? &counters->target_tls_errors : &counters->target_connection_errors, 1);
    counter_add(&thread->answers, 1);
    counter_add(&thread->errors, 1);
    thread->avoid_until_ms = loop_now_ms(worker->loop) + AVOID_MS;
    exchange->failure = status;
}

static void wait_for_connection(struct exchange *exchange)
{
    bool last =
        exchange->tried_count >= TRIES_MAX || exchange->tried_count >= exchange->pool->count;
    exchange->state = EXCHANGE_CONNECTING;
    touch(exchange, last ? CONNECT_TIMEOUT_MS : CONNECT_TRY_MS);
}

/* False, and errno, if it failed at once. */
static bool connect_with(struct exchange *exchange, int fd)
{
    if (!upstream_connect(exchange->worker, exchange->target, fd, exchange))
        return false;
    wait_for_connection(exchange);
    return true;
}

void exchange_count_outstanding(struct exchange *exchange, struct target *target)
{
    if (exchange->counted)
        atomic_fetch_sub_explicit(&exchange->counted->outstanding, 1, memory_order_relaxed);
    exchange->counted = NULL;
    if (!target || exchange->group->attributes.algorithm != ALGORITHM_LEAST_OUTSTANDING)
        return;
    atomic_fetch_add_explicit(&target->outstanding, 1, memory_order_relaxed);
    exchange->counted = target;
}

static struct target *select_target(const struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    enum algorithm algorithm = exchange->group->attributes.algorithm;
    struct selection selection = {
        .algorithm = algorithm,
        .pool = exchange->pool,
        .tried = exchange->tried,
        .tried_count = exchange->tried_count,
        .thread = worker->index,
        .now_ms = loop_now_ms(worker->loop),
        .random = algorithm == ALGORITHM_WEIGHTED_RANDOM ? worker_random(worker) : 0,
    };
    return selection_next(&selection);
}

static struct target *choose_target(struct exchange *exchange)
{
    if (exchange->tried_count >= TRIES_MAX)
        return NULL;
    bool sticky = exchange->preferred && !exchange->tried_count;
    struct target *target = sticky ? exchange->preferred : select_target(exchange);
    if (target)
        exchange->tried[exchange->tried_count++] = exchange->target = target;
    exchange_count_outstanding(exchange, target);
    return target;
}

bool exchange_attempt(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    for (;;) {
        struct target *target = choose_target(exchange);
        if (!target) {
            answer_error(exchange->stream, exchange->failure ? exchange->failure : 503);
            return false;
        }
        struct upstream *upstream = upstream_take(worker, target, exchange);
        if (upstream && !upstream->connected)
            wait_for_connection(exchange);
        if (upstream)
            return upstream->connected;
        int fd = sockets_take(worker->sockets, &target->source, &exchange->waiter);
        if (fd < 0 && errno == EAGAIN) {
            exchange->state = EXCHANGE_WAITING;
            touch(exchange, CONNECT_TIMEOUT_MS);
            return false;
        }
        if (fd < 0) {
            answer_error(exchange->stream, 503);
            return false;
        }
        if (connect_with(exchange, fd))
            return false;
        note_connect_failure(exchange, 502, false);
    }
}

static void attempt_next(struct exchange *exchange, int status, bool reached)
{
    note_connect_failure(exchange, status, reached);
    if (exchange_attempt(exchange))
        exchange_send_early(exchange);
}

void exchange_on_socket(struct socket_waiter *waiter, int fd)
{
    struct exchange *exchange = container_of(waiter, struct exchange, waiter);
    if (fd < 0)
        answer_error(exchange->stream, 503);
    else if (!connect_with(exchange, fd))
        attempt_next(exchange, 502, false);
}

void exchange_reached(struct exchange *exchange)
{
    touch(exchange, HANDSHAKE_TIMEOUT_MS);
}

void exchange_connect_failed(struct exchange *exchange, int status)
{
    bool reached = exchange->upstream && exchange->upstream->reached;
    sockets_forget(&exchange->waiter);
    if (exchange->upstream)
        exchange->upstream->ops->release(exchange->upstream, false);
    attempt_next(exchange, reached ? 502 : status, reached);
}
