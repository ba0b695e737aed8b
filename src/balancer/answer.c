/* What the load balancer answers itself, in the bytes that AWS's answers have. */
#include "balancer/answer.h"

#include "balancer/access_record.h"
#include "balancer/rewrite.h"

#include <stdio.h>
#include <string.h>

enum { LOCATION_SIZE_MAX = 8192 };

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {301, "Moved Permanently"},     {302, "Found"},
    {400, "Bad Request"},           {405, "Not Allowed"},
    {408, "Request Time-out"},      {413, "Request Entity Too Large"},
    {414, "Request-URI Too Large"}, {463, ""},
    {500, "Internal Server Error"}, {501, "Not Implemented"},
    {502, "Bad Gateway"},           {503, "Service Temporarily Unavailable"},
    {504, "Gateway Time-out"},      {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return http1_reason(status);
}

/* The page for "code reason"; empty for a status that AWS gives no name. */
static int page(int status, char *out, size_t size)
{
    const char *reason = reason_of(status);
    if (!*reason)
        return 0;
    return snprintf(out, size,
                    "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n"
                    "<center><h1>%d %s</h1></center>\r\n</body>\r\n</html>\r\n",
                    status, reason, status, reason);
}

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

static void write_head(struct stream *stream, struct writer *writer, const struct answer *answer)
{
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nServer: awselb/2.0\r\nDate: %s\r\nContent-Type: %s\r\n",
                        answer->status, reason_of(answer->status), worker_date(stream->worker),
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
    write_literal(writer, "\r\n");
}

static void send_answer(struct stream *stream, const struct answer *answer)
{
    struct worker *worker = stream->worker;
    struct exchange *exchange = stream->exchange;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    struct piece body = {answer->body, answer->body_size, true};
    if (exchange && exchange->request.is_head)
        body.size = 0;
    count_status(stream, answer->status);
    if (exchange)
        access_record_answer(exchange, answer->status, answer->location);
    write_head(stream, &writer, answer);
    stream->ops->send_head(stream, &writer, &body);
    if (!exchange)
        stream->ops->end(stream);
    else if (exchange->state != EXCHANGE_ENDED)
        exchange_end(exchange);
}

void answer_error(struct stream *stream, int status)
{
    char body[512];
    int size = page(status, body, sizeof body);
    struct answer answer = {
        .status = status,
        .content_type = "text/html",
        .body = body,
        .body_size = (size_t)size,
        .close = status == 400 || status == 408,
    };
    send_answer(stream, &answer);
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
    send_answer(stream, &answer);
}

void answer_redirect(struct exchange *exchange, const struct action *action,
                     const struct redirect_facts *facts)
{
    struct stream *stream = exchange->stream;
    struct counters *counters = &stream->peer->cell->threads[stream->worker->index];
    char location[LOCATION_SIZE_MAX], body[512];
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
        .body_size = (size_t)page(action->status, body, sizeof body),
        .location = {location, (size_t)(writer.at - location)},
    };
    counter_add(&counters->redirects, 1);
    send_answer(stream, &answer);
}
