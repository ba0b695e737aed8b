/* What the load balancer answers itself, in the bytes that AWS's answers have. */
#include "balancer/connection.h"
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
    const char *body;
    size_t body_size;
    struct slice location; /* empty: none */
    bool keep_alive, bodiless;
};

static void send_answer(struct client *client, const struct answer *answer)
{
    struct worker *worker = client->worker;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    char head[512];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nServer: awselb/2.0\r\nDate: %s\r\nContent-Type: %s\r\n"
                        "Content-Length: %zu\r\nConnection: %s\r\n",
                        answer->status, reason_of(answer->status), worker_date(worker),
                        answer->content_type, answer->body_size,
                        answer->keep_alive ? "keep-alive" : "close");
    write_bytes(&writer, head, (size_t)size);
    if (answer->location.size) {
        write_literal(&writer, "Location: ");
        write_slice(&writer, answer->location);
        write_literal(&writer, "\r\n");
    }
    write_literal(&writer, "\r\n");
    if (!answer->bodiless)
        write_bytes(&writer, answer->body, answer->body_size);
    struct iovec piece = {worker->scratch, (size_t)(writer.at - worker->scratch)};
    client_send(client, &piece, 1);
}

static void count_status(const struct client *client, int status)
{
    if (!client->cell)
        return;
    struct counters *counters = &client->cell->threads[client->worker->index];
    counter_add(&counters->elb_status[status / 100], 1);
    uint64_t *single = status == 500   ? &counters->elb_500
                       : status == 502 ? &counters->elb_502
                       : status == 503 ? &counters->elb_503
                       : status == 504 ? &counters->elb_504
                                       : NULL;
    if (single)
        counter_add(single, 1);
}

void answer_error(struct client *client, int status)
{
    struct exchange *exchange = client->exchange;
    char body[512];
    int size = page(status, body, sizeof body);
    bool whole = exchange && exchange->from_client.done;
    struct answer answer = {
        .status = status,
        .content_type = "text/html",
        .body = body,
        .body_size = (size_t)size,
        .keep_alive = whole && exchange->keep_alive && status != 400 && status != 408,
        .bodiless = exchange && exchange->head_request,
    };
    count_status(client, status);
    send_answer(client, &answer);
    if (client->gone)
        return;
    client->linger |= !answer.keep_alive;
    if (exchange) {
        exchange->keep_alive = answer.keep_alive;
        exchange_end(exchange);
    } else {
        client_exchange_ended(client, false);
    }
}

static void finish_answer(struct exchange *exchange, struct answer *answer)
{
    struct client *client = exchange->client;
    answer->keep_alive = exchange->keep_alive && exchange->from_client.done;
    answer->bodiless = exchange->head_request;
    exchange->keep_alive = answer->keep_alive;
    send_answer(client, answer);
    if (client->gone)
        return;
    client->linger |= !answer->keep_alive;
    exchange_end(exchange);
}

void answer_fixed(struct exchange *exchange, const struct action *action)
{
    struct client *client = exchange->client;
    char type[64];
    snprintf(type, sizeof type, "%s; charset=utf-8", action->content_type);
    struct answer answer = {.status = action->status,
                            .content_type = type,
                            .body = action->body,
                            .body_size = strlen(action->body)};
    counter_add(&client->cell->threads[client->worker->index].fixed_responses, 1);
    count_status(client, action->status);
    finish_answer(exchange, &answer);
}

struct placeholder {
    const char *name;
    struct slice value;
};

static void expand(struct writer *writer, const char *template,
                   const struct placeholder *placeholders, int count)
{
    while (*template) {
        const struct placeholder *found = NULL;
        for (int i = 0; i < count && *template == '#'; i++)
            if (strncmp(template, placeholders[i].name, strlen(placeholders[i].name)) == 0)
                found = &placeholders[i];
        if (found) {
            write_slice(writer, found->value);
            template += strlen(found->name);
        } else {
            write_bytes(writer, template ++, 1);
        }
    }
}

void answer_redirect(struct exchange *exchange, const struct action *action, struct slice host,
                     struct slice path, struct slice query)
{
    struct client *client = exchange->client;
    char location[LOCATION_SIZE_MAX], port[8], body[512];
    int port_size = snprintf(port, sizeof port, "%u", exchange->listener->port);
    const struct placeholder placeholders[] = {
        {"#{protocol}", {"http", 4}},
        {"#{host}", host},
        {"#{port}", {port, (size_t)port_size}},
        {"#{path}", {path.data + 1, path.size - 1}},
        {"#{query}", {query.data + (query.size > 0), query.size - (query.size > 0)}},
    };
    struct writer writer = {location, location + sizeof location, false};
    for (const char *at = action->protocol; *at; at++) /* the scheme in lower case */
        if (*at == '#') {
            expand(&writer, at, placeholders, 1);
            break;
        } else {
            write_bytes(&writer, &(char){*at | 0x20}, 1);
        }
    write_literal(&writer, "://");
    expand(&writer, action->host, placeholders, 5);
    write_literal(&writer, ":");
    expand(&writer, action->port, placeholders, 5);
    expand(&writer, action->path, placeholders, 5);
    char *before_query = writer.at;
    write_literal(&writer, "?");
    expand(&writer, action->query, placeholders, 5);
    if (writer.at == before_query + 1) /* an empty query drops the "?" */
        writer.at = before_query;
    if (writer.full) {
        answer_error(client, 500);
        return;
    }
    struct answer answer = {
        .status = action->status,
        .content_type = "text/html",
        .body = body,
        .body_size = (size_t)page(action->status, body, sizeof body),
        .location = {location, (size_t)(writer.at - location)},
    };
    counter_add(&client->cell->threads[client->worker->index].redirects, 1);
    count_status(client, action->status);
    finish_answer(exchange, &answer);
}
