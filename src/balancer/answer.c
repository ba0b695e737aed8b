/* What the load balancer answers itself, in the bytes that AWS's answers have. */
#include "balancer/answer.h"

#include "balancer/access_record.h"
#include "balancer/answer_page.h"
#include "balancer/response_headers.h"

#include <stdio.h>
#include <string.h>

enum { LOCATION_SIZE_MAX = 8192 };

struct answer {
    int status;
    const char *content_type;
    char *body;
    size_t body_size;
    struct slice location; /* empty: none */
    bool close;            /* the request was not understood: nothing after it would be */
};

static void count_status(const struct stream *stream, int status)
{
    if (!stream->peer->cell)
        return;
    struct counters *counters = &stream->peer->cell->threads[stream->worker->index];
    counter_add(&counters->elb_status[status / 100], 1);
    uint64_t *single = status == 500   ? &counters->elb_500
                       : status == 502 ? &counters->elb_502
                       : status == 503 ? &counters->elb_503
                       : status == 504 ? &counters->elb_504
                                       : NULL;
    if (single)
        counter_add(single, 1);
}

/* `attributes` are the listener's; NULL: it is not known. */
static void write_head(struct stream *stream, struct writer *writer, const struct answer *answer,
                       const struct listener_attributes *attributes)
{
    char head[256];
    bool named = !attributes || !attributes->strips_server;
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n%sDate: %s\r\nContent-Type: %s\r\n",
                        answer->status, answer_reason(answer->status),
                        named ? "Server: awselb/2.0\r\n" : "", worker_date(stream->worker),
                        answer->content_type);
    struct response response = {
        .status = answer->status,
        .has_length = true,
        .length = answer->body_size,
        .own = true,
        .close = answer->close || (stream->exchange && stream->exchange->ambiguous),
    };
    write_bytes(writer, head, (size_t)size);
    stream->ops->frame(stream, &response, writer);
    if (answer->location.size) {
        write_literal(writer, "Location: ");
        write_slice(writer, answer->location);
        write_literal(writer, "\r\n");
    }
    if (attributes)
        write_response_headers(writer, attributes);
    write_literal(writer, "\r\n");
}

static bool is_head(const struct stream *stream)
{
    const struct http1_head *head = &stream->worker->head;
    if (stream->exchange)
        return stream->exchange->request.is_head;
    return head->method.size == 4 && memcmp(head->method.data, "HEAD", 4) == 0;
}

static void send_answer(struct stream *stream, const struct listener *listener,
                        const struct answer *answer)
{
    struct worker *worker = stream->worker;
    struct exchange *exchange = stream->exchange;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    struct piece body = {answer->body, answer->body_size, true};
    if (is_head(stream))
        body.size = 0;
    count_status(stream, answer->status);
    if (exchange)
        access_record_answer(exchange, answer->status, answer->location);
    write_head(stream, &writer, answer, listener ? &listener->attributes : NULL);
    stream->ops->send_head(stream, &writer, &body);
    if (!exchange)
        stream->ops->end(stream);
    else if (exchange->state != EXCHANGE_ENDED)
        exchange_end(exchange);
}

/* Before there is an exchange, and until its head is written anew, worker->head is the request's.
 */
static struct slice user_agent_of(const struct stream *stream)
{
    const struct http1_head *head = &stream->worker->head;
    if (stream->exchange && stream->exchange->request.head.size)
        return answer_user_agent(stream->exchange->request.head);
    return head->known.user_agent >= 0 ? head->headers[head->known.user_agent].value
                                       : (struct slice){"", 0};
}

void answer_refusal(struct stream *stream, const struct listener *listener, int status)
{
    char body[ANSWER_PAGE_SIZE_MAX];
    struct answer answer = {
        .status = status,
        .content_type = "text/html",
        .body = body,
        .body_size = answer_page(status, answer_is_padded_for(user_agent_of(stream)), body),
        .close = status == 400 || status == 408,
    };
    if (stream->exchange && stream->exchange->request.grpc) /* the status says it all */
        answer.body_size = 0;
    send_answer(stream, listener, &answer);
}

void answer_error(struct stream *stream, int status)
{
    answer_refusal(stream, stream->exchange ? stream->exchange->listener : NULL, status);
}

void answer_fixed(struct exchange *exchange, const struct action *action)
{
    struct stream *stream = exchange->stream;
    char type[64];
    snprintf(type, sizeof type, "%s; charset=utf-8", action->content_type);
    struct answer answer = {.status = action->status,
                            .content_type = type,
                            .body = action->body,
                            .body_size = strlen(action->body)};
    counter_add(&stream->peer->cell->threads[stream->worker->index].fixed_responses, 1);
    send_answer(stream, exchange->listener, &answer);
}

void answer_redirect(struct exchange *exchange, const struct action *action,
                     const struct redirect_facts *facts)
{
    struct stream *stream = exchange->stream;
    struct counters *counters = &stream->peer->cell->threads[stream->worker->index];
    char location[LOCATION_SIZE_MAX], body[ANSWER_PAGE_SIZE_MAX];
    struct writer writer = {location, location + sizeof location, false};
    redirect_write(&writer, action, facts);
    if (writer.full) {
        counter_add(&counters->redirect_url_limit, 1);
        answer_error(stream, 500);
        return;
    }
    struct answer answer = {
        .status = action->status,
        .content_type = "text/html",
        .body = body,
        .body_size = answer_page(action->status, false, body),
        .location = {location, (size_t)(writer.at - location)},
    };
    counter_add(&counters->redirects, 1);
    send_answer(stream, exchange->listener, &answer);
}
