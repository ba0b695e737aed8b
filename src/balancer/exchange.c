/* Exchanges: their beginning and end, and the request's body on its way to the target. */
#include "balancer/exchange.h"

#include "balancer/access_record.h"
#include "balancer/answer.h"
#include "balancer/exchange_internal.h"
#include "balancer/stickiness.h"
#include "os/clock.h"

#include <stdlib.h>
#include <string.h>

enum { PUMPS_PER_TURN = 8, SPARE_MAX = 1024 };

/* Exchanges are used again: there is one for each request. */
static void release(struct corpse *corpse)
{
    struct exchange *exchange = container_of(corpse, struct exchange, corpse);
    struct worker *worker = exchange->worker;
    if (worker->spare_exchange_count >= SPARE_MAX) {
        free(exchange);
        return;
    }
    list_prepend(&worker->spare_exchanges, &exchange->corpse.link);
    worker->spare_exchange_count++;
}

static struct exchange *take_spare(struct worker *worker)
{
    if (list_empty(&worker->spare_exchanges))
        return malloc(sizeof(struct exchange));
    struct corpse *corpse = container_of(worker->spare_exchanges.next, struct corpse, link);
    list_remove(&corpse->link);
    worker->spare_exchange_count--;
    return container_of(corpse, struct exchange, corpse);
}

struct exchange *exchange_new(struct stream *stream)
{
    struct exchange *exchange = take_spare(stream->worker);
    if (!exchange)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, head_inline));
    exchange->stream = stream;
    exchange->worker = stream->worker;
    exchange->corpse.release = release;
    exchange->waiter.on_socket = exchange_on_socket;
    list_init(&exchange->waiter.link);
    exchange->view = worker_hold_view(stream->worker);
    stream->exchange = exchange;
    return exchange;
}

void exchange_forget_head(struct exchange *exchange)
{
    if (exchange->request.head.data != exchange->head_inline)
        free((char *)exchange->request.head.data);
    exchange->request.head = (struct slice){0};
}

static void let_go_of_upstream(struct exchange *exchange, bool whole)
{
    if (exchange->upstream)
        exchange->upstream->ops->release(exchange->upstream, whole);
}

/* Lets go of everything. */
static void dissolve(struct exchange *exchange)
{
    access_record_end(exchange);
    exchange->state = EXCHANGE_ENDED;
    exchange->stream->exchange = NULL;
    sockets_forget(&exchange->waiter);
    let_go_of_upstream(exchange, false);
    exchange_count_outstanding(exchange, NULL);
    stickiness_end(exchange);
    bytes_reset(&exchange->early);
    bytes_reset(&exchange->early_trailers);
    exchange_forget_head(exchange);
    worker_drop_view(exchange->worker, exchange->view);
    worker_bury(exchange->worker, &exchange->corpse);
}

void exchange_end(struct exchange *exchange)
{
    struct stream *stream = exchange->stream;
    struct upstream *upstream = exchange->upstream;
    if (upstream)
        let_go_of_upstream(exchange, exchange->state == EXCHANGE_RESPONDING &&
                                         !exchange->ambiguous && exchange->request_whole &&
                                         exchange->response_whole &&
                                         !upstream->ops->is_full(upstream));
    dissolve(exchange);
    stream->ops->end(stream);
}

void exchange_abandon(struct exchange *exchange)
{
    dissolve(exchange);
}

void exchange_cut(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RESPONDING || exchange->state == EXCHANGE_TUNNEL) {
        exchange->stream->ops->cut(exchange->stream);
        return;
    }
    let_go_of_upstream(exchange, false);
    answer_error(exchange->stream, 502);
}

void exchange_touch(struct exchange *exchange)
{
    exchange->stream->ops->touch(exchange->stream,
                                 exchange->load_balancer->attributes.idle_timeout_ms);
}

void exchange_timed_out(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_WAITING:
    case EXCHANGE_CONNECTING:
        exchange_connect_failed(exchange, 504);
        break;
    case EXCHANGE_SENT:
        answer_error(exchange->stream, exchange->request_whole ? 504 : 408);
        break;
    case EXCHANGE_RESPONDING:
    case EXCHANGE_TUNNEL:
    case EXCHANGE_ENDED:
        exchange->stream->ops->cut(exchange->stream);
        break;
    }
}

/* ---- towards the target ---- */

void exchange_broken_body(struct exchange *exchange)
{
    if (exchange->state >= EXCHANGE_RESPONDING)
        exchange->stream->ops->cut(exchange->stream);
    else
        answer_error(exchange->stream, 400);
}

/* Takes one piece of the body to the target. False if there is nothing to do. */
static bool pump_once(struct exchange *exchange)
{
    struct stream *stream = exchange->stream;
    struct upstream *upstream = exchange->upstream;
    struct piece piece;
    switch (stream->ops->receive(stream, &piece)) {
    case STREAM_NOTHING:
        return false;
    case STREAM_BROKEN:
        exchange_broken_body(exchange);
        return false;
    case STREAM_PIECE:
        break;
    }
    exchange->request_whole = piece.last;
    exchange->body_begun |= piece.size > 0 || piece.trailers.size > 0;
    exchange_touch(exchange);
    if (piece.last && exchange->state == EXCHANGE_TUNNEL && exchange->response_whole)
        stream->ops->cut(stream);
    else
        upstream->ops->send(upstream, &piece);
    return exchange->state != EXCHANGE_ENDED;
}

void exchange_stream_readable(struct exchange *exchange)
{
    const struct upstream *upstream = exchange->upstream;
    for (int i = 0; !exchange->request_whole && upstream && upstream->connected &&
                    !upstream->deaf && !upstream->ops->is_full(upstream);
         i++) {
        if (i == PUMPS_PER_TURN) {
            exchange->stream->ops->later(exchange->stream);
            return;
        }
        if (!pump_once(exchange))
            return;
    }
}

void exchange_upstream_drained(struct exchange *exchange)
{
    exchange_stream_readable(exchange);
}

/* Nothing is received here: the caller may hold bytes in worker->hot. */
void exchange_upstream_deaf(struct exchange *exchange)
{
    exchange->stream->ops->later(exchange->stream);
}

void exchange_send_head(struct exchange *exchange, const struct piece *first)
{
    exchange->state = EXCHANGE_SENT;
    exchange->sent_us = clock_mono_us();
    exchange_touch(exchange);
    exchange->upstream->ops->send_head(exchange->upstream, first);
}

void exchange_send_early(struct exchange *exchange)
{
    struct bytes early = exchange->early, trailers = exchange->early_trailers;
    struct piece first = {bytes_at(&early),
                          bytes_size(&early),
                          exchange->request_whole,
                          {bytes_at(&trailers), bytes_size(&trailers)}};
    exchange->early = exchange->early_trailers = (struct bytes){0};
    exchange_send_head(exchange, &first);
    bytes_reset(&early);
    bytes_reset(&trailers);
}

void exchange_connected(struct exchange *exchange)
{
    counter_add(&exchange->cell->threads[exchange->worker->index].new_connections, 1);
    exchange_send_early(exchange);
    if (exchange->state == EXCHANGE_SENT)
        exchange_stream_readable(exchange);
}

/* Sends the request again, on a connection that is certainly fresh. */
static void send_anew(struct exchange *exchange)
{
    exchange->retried = true;
    exchange->tried_count = 0;
    if (exchange_attempt(exchange))
        exchange_send_early(exchange);
}

/*
 * A target may close an idle connection just when we use it again. Such a request was not looked
 * at: if it may be repeated and nothing of its body is gone, it is, once.
 */
void exchange_upstream_ended(struct exchange *exchange)
{
    if (exchange->state >= EXCHANGE_RESPONDING) {
        exchange->stream->ops->cut(exchange->stream);
        return;
    }
    bool stale = exchange->upstream->unproven;
    let_go_of_upstream(exchange, false);
    if (stale && exchange->idempotent && !exchange->body_begun && !exchange->retried)
        send_anew(exchange);
    else
        answer_error(exchange->stream, 502);
}
