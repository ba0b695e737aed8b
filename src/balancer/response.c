/* The second half of an exchange: the target's response on its way to the client. */
#include "balancer/access_record.h"
#include "balancer/answer.h"
#include "balancer/exchange_internal.h"
#include "balancer/rewrite.h"
#include "balancer/stickiness.h"
#include "os/clock.h"

enum { PUMPS_PER_TURN = 8 };

static void count_response(struct exchange *exchange, int status)
{
    struct counters *counters = &exchange->cell->threads[exchange->worker->index];
    struct target_thread *thread = &exchange->target->threads[exchange->worker->index];
    if (status / 100 < 6)
        counter_add(&counters->target_status[status / 100], 1);
    counter_add(&thread->answers, 1);
    counter_add(&thread->errors, status >= 500);
    traffic_response_time(counters, (uint64_t)(exchange->responded_us - exchange->sent_us));
}

/* What the client must know of the target's response in worker->head. */
static struct response describe(const struct exchange *exchange, const struct http1_head *head)
{
    bool streamed = head->body == HTTP1_BODY_CHUNKED || head->body == HTTP1_BODY_UNTIL_CLOSE;
    return (struct response){
        .status = head->status,
        .has_length = !streamed && head->known.content_length >= 0 && head->status != 204,
        .length = head->content_length,
        .streamed = streamed && head->status != 101,
        .tunnel = head->status == 101,
        .close = exchange->ambiguous,
    };
}

/* The last piece was sent; of a tunnel, the target closed its side. */
static void finish(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RESPONDING)
        exchange_end(exchange);
    else if (exchange->state == EXCHANGE_TUNNEL && exchange->request_whole)
        exchange->stream->ops->cut(exchange->stream);
}

static void deliver(struct exchange *exchange, const struct piece *piece)
{
    exchange->response_whole = piece->last;
    exchange->stream->ops->send(exchange->stream, piece);
    if (piece->last)
        finish(exchange);
}

/* In a tunnel, bytes go both ways as they come. */
static void begin_response(struct exchange *exchange, const struct piece *first)
{
    struct worker *worker = exchange->worker;
    struct stream *stream = exchange->stream;
    const struct http1_head *head = &worker->head;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    struct response response = describe(exchange, head);
    if (!exchange->responded_us)
        exchange->responded_us = clock_mono_us();
    count_response(exchange, head->status);
    rewrite_response(&writer, head, &exchange->listener->attributes, worker_date(worker));
    stickiness_write(exchange, &writer);
    exchange->state = response.tunnel ? EXCHANGE_TUNNEL : EXCHANGE_RESPONDING;
    exchange->response_whole = first->last;
    if (response.tunnel)
        exchange->request_whole = false;
    exchange_forget_head(exchange);
    stream->ops->frame(stream, &response, &writer);
    write_literal(&writer, "\r\n");
    access_record_response(exchange, response.status);
    stream->ops->send_head(stream, &writer, first);
    if (first->last)
        finish(exchange);
    if (exchange->state == EXCHANGE_TUNNEL)
        exchange_stream_readable(exchange);
}

static void bad_response(struct exchange *exchange, int status)
{
    if (exchange->state >= EXCHANGE_RESPONDING) {
        exchange->stream->ops->cut(exchange->stream);
        return;
    }
    exchange->upstream->ops->release(exchange->upstream, false);
    answer_error(exchange->stream, status);
}

/* Takes what the upstream has next. False if there is nothing. */
static bool pump_once(struct exchange *exchange)
{
    struct piece piece;
    enum upstream_news news = exchange->upstream->ops->receive(exchange->upstream, &piece);
    if (news == UPSTREAM_NOTHING)
        return false;
    exchange_touch(exchange);
    if (news == UPSTREAM_HEAD)
        begin_response(exchange, &piece);
    else if (news == UPSTREAM_PIECE)
        deliver(exchange, &piece);
    else if (news == UPSTREAM_ENDED)
        exchange_upstream_ended(exchange);
    else
        bad_response(exchange, news == UPSTREAM_SHORT ? 504 : 502);
    return true;
}

void exchange_upstream_readable(struct exchange *exchange)
{
    struct stream *stream = exchange->stream;
    for (int i = 0; exchange->state >= EXCHANGE_SENT && exchange->state != EXCHANGE_ENDED &&
                    !exchange->response_whole && !stream->ops->is_full(stream);
         i++) {
        if (i == PUMPS_PER_TURN) {
            stream->ops->later(stream);
            return;
        }
        if (!pump_once(exchange))
            return;
    }
}

void exchange_stream_drained(struct exchange *exchange)
{
    if (exchange->upstream)
        exchange_upstream_readable(exchange);
}
