/* One request and its response: begun, offered to targets, sent, ended. response.c has the rest. */
#include "balancer/connection.h"
#include "balancer/exchange_internal.h"
#include "balancer/rewrite.h"
#include "balancer/rules.h"
#include "balancer/selection.h"
#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    CONNECT_TRY_MS = 2000, /* while there are other targets to try */
    AVOID_MS = 1000,
    FORWARDED_FOR_MAX = 30,
    PUMPS_PER_TURN = 8,
    SPARE_MAX = 1024,
};

static void attempt(struct exchange *exchange);
static void on_socket(struct socket_waiter *waiter, int fd);

/* ---- beginning and end ---- */

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

static struct exchange *new_exchange(struct client *client)
{
    struct exchange *exchange = take_spare(client->worker);
    if (!exchange)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, head_inline));
    exchange->client = client;
    exchange->worker = client->worker;
    exchange->corpse.release = release;
    exchange->waiter.on_socket = on_socket;
    list_init(&exchange->waiter.link);
    exchange->view = worker_hold_view(client->worker);
    client->exchange = exchange;
    return exchange;
}

void exchange_forget_head(struct exchange *exchange)
{
    if (exchange->head != exchange->head_inline)
        free(exchange->head);
    exchange->head = NULL;
}

/* Lets go of everything but the client. */
static void dissolve(struct exchange *exchange)
{
    struct worker *worker = exchange->client->worker;
    exchange->state = EXCHANGE_ENDED;
    sockets_forget(&exchange->waiter);
    if (exchange->upstream)
        upstream_destroy(exchange->upstream);
    bytes_reset(&exchange->to_target);
    exchange_forget_head(exchange);
    worker_drop_view(worker, exchange->view);
    worker_bury(worker, &exchange->corpse);
}

void exchange_end(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct upstream *upstream = exchange->upstream;
    bool sent = exchange->from_client.done && !bytes_size(&exchange->to_target);
    bool whole = exchange->state == EXCHANGE_RESPONDING && exchange->from_target.done;
    bool keep_alive = exchange->keep_alive && exchange->from_client.done;
    client->linger |= !exchange->from_client.done;
    if (upstream && sent && whole && !exchange->close_target)
        upstream_keep(upstream);
    dissolve(exchange);
    client_exchange_ended(client, keep_alive);
}

void exchange_abandon(struct exchange *exchange)
{
    exchange->client->exchange = NULL;
    dissolve(exchange);
}

void exchange_cut(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RESPONDING || exchange->state == EXCHANGE_TUNNEL) {
        client_destroy(exchange->client);
        return;
    }
    upstream_destroy(exchange->upstream);
    answer_error(exchange->client, 502);
}

/* ---- towards the target ---- */

static bool is_connected(const struct exchange *exchange)
{
    return exchange->upstream && exchange->upstream->connected;
}

/* The target takes no more; it may have answered before (or it never will: then that shows). */
static void target_deaf(struct exchange *exchange)
{
    exchange->target_deaf = exchange->close_target = true;
    bytes_reset(&exchange->to_target);
    transport_event(&exchange->upstream->transport, EPOLLHUP);
    exchange_target_readable(exchange);
}

/* Sends, or keeps until the connection is there. */
static void send_to_target(struct exchange *exchange, struct iovec *pieces, int count)
{
    if (is_connected(exchange)) {
        if (bytes_send(&exchange->to_target, &exchange->upstream->transport, pieces, count) < 0)
            target_deaf(exchange);
        return;
    }
    for (int i = 0; i < count; i++)
        if (!bytes_append(&exchange->to_target, pieces[i].iov_base, pieces[i].iov_len))
            exchange_target_failed(exchange);
}

/* Takes what is there of the request's body and frames it. -1 if its coding is broken. */
static int take_body(struct exchange *exchange, char **data, size_t *size, char line[24],
                     struct iovec pieces[BODY_PIECES_MAX])
{
    size_t used;
    if (exchange->from_client.done)
        return 0;
    ssize_t decoded = body_decode(&exchange->from_client, *data, *size, &used);
    if (decoded < 0)
        return -1;
    exchange->body_begun |= used > 0;
    int count = body_frame(exchange->request_chunked, *data, (size_t)decoded,
                           exchange->from_client.done, line, pieces);
    *data += used;
    *size -= used;
    return count;
}

static void broken_body(struct exchange *exchange)
{
    if (exchange->state >= EXCHANGE_RESPONDING) {
        client_destroy(exchange->client);
        return;
    }
    exchange->keep_alive = false;
    answer_error(exchange->client, 400);
}

/* The client closed its side: of a tunnel, or in the middle of a body. */
static void client_closed(struct exchange *exchange)
{
    if (exchange->state != EXCHANGE_TUNNEL) {
        broken_body(exchange);
        return;
    }
    if (exchange->target_eof) {
        client_destroy(exchange->client);
    } else if (!exchange->client_eof) {
        exchange->client_eof = true;
        transport_shutdown(&exchange->upstream->transport);
    }
}

/* One piece of the body from what waits or from the socket. False if there is nothing to do. */
static bool pump_once(struct exchange *exchange)
{
    struct client *client = exchange->client;
    char *data = client->worker->hot;
    size_t size = 0;
    bool waiting = bytes_size(&client->in) > 0;
    if (waiting) {
        data = bytes_at(&client->in);
        size = bytes_size(&client->in);
    } else {
        ssize_t got = client_receive(client, data, HOT_SIZE);
        if (got == 0)
            client_closed(exchange);
        if (got <= 0)
            return false;
        size = (size_t)got;
    }
    size_t before = size;
    char line[24];
    struct iovec pieces[BODY_PIECES_MAX];
    int count = take_body(exchange, &data, &size, line, pieces);
    if (count < 0) {
        broken_body(exchange);
        return false;
    }
    client_touch(client, exchange->load_balancer->attributes.idle_timeout_ms);
    if (count)
        send_to_target(exchange, pieces, count);
    if (client->gone)
        return false;
    if (waiting && bytes_size(&client->in))
        bytes_consume(&client->in, before - size);
    else if (!waiting && size && !client->closing && !bytes_append(&client->in, data, size))
        client_destroy(client);
    return exchange->state != EXCHANGE_ENDED;
}

void exchange_client_readable(struct exchange *exchange)
{
    for (int i = 0; !exchange->from_client.done && is_connected(exchange) &&
                    !exchange->target_deaf && !bytes_size(&exchange->to_target);
         i++) {
        if (i == PUMPS_PER_TURN) {
            client_later(exchange->client);
            return;
        }
        if (!pump_once(exchange))
            return;
    }
}

void exchange_target_writable(struct exchange *exchange)
{
    if (!bytes_size(&exchange->to_target))
        return;
    int flushed = bytes_flush(&exchange->to_target, &exchange->upstream->transport);
    if (flushed < 0)
        target_deaf(exchange);
    else if (flushed)
        exchange_client_readable(exchange);
}

/* The connection is there: everything that waits for it goes out. */
static void use_connection(struct exchange *exchange)
{
    exchange->state = EXCHANGE_SENT;
    exchange->sent_us = clock_mono_us();
    client_touch(exchange->client, exchange->load_balancer->attributes.idle_timeout_ms);
    exchange_target_writable(exchange);
}

void exchange_connected(struct exchange *exchange)
{
    use_connection(exchange);
    if (exchange->state == EXCHANGE_SENT)
        exchange_client_readable(exchange);
}

/* ---- choosing a target and getting a connection to it ---- */

static struct target_thread *thread_of(struct exchange *exchange)
{
    return &exchange->target->threads[exchange->client->worker->index];
}

static void note_connect_failure(struct exchange *exchange, int status)
{
    struct worker *worker = exchange->client->worker;
    counter_add(&exchange->cell->threads[worker->index].target_connection_errors, 1);
    thread_of(exchange)->avoid_until_ms = loop_now_ms(worker->loop) + AVOID_MS;
    exchange->failure = status;
}

/* False, and errno, if it failed at once. */
static bool connect_with(struct exchange *exchange, int fd)
{
    struct client *client = exchange->client;
    bool last = exchange->tried_count >= TRIES_MAX ||
                exchange->tried_count >= exchange->group->routable_count;
    if (!upstream_connect(client->worker, exchange->target, fd, exchange))
        return false;
    exchange->state = EXCHANGE_CONNECTING;
    client_touch(client, last ? CONNECT_TIMEOUT_MS : CONNECT_TRY_MS);
    return true;
}

static void on_socket(struct socket_waiter *waiter, int fd)
{
    struct exchange *exchange = container_of(waiter, struct exchange, waiter);
    if (fd < 0) {
        answer_error(exchange->client, 503);
    } else if (!connect_with(exchange, fd)) {
        note_connect_failure(exchange, 502);
        attempt(exchange);
    }
}

/* Offers the request to the next target until one takes it or none is left. */
static void attempt(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct worker *worker = client->worker;
    for (;;) {
        struct target *target = NULL;
        if (exchange->tried_count < TRIES_MAX)
            target = selection_next(exchange->group, worker->index, loop_now_ms(worker->loop),
                                    exchange->tried, exchange->tried_count);
        if (!target) {
            answer_error(client, exchange->failure ? exchange->failure : 503);
            return;
        }
        exchange->tried[exchange->tried_count++] = exchange->target = target;
        if (!exchange->retried && upstream_take_idle(worker, target, exchange)) {
            use_connection(exchange);
            return;
        }
        int fd = sockets_take(worker->sockets, &target->source, &exchange->waiter);
        if (fd < 0 && errno == EAGAIN) {
            exchange->state = EXCHANGE_WAITING;
            client_touch(client, CONNECT_TIMEOUT_MS);
            return;
        }
        if (fd < 0) {
            answer_error(client, 503);
            return;
        }
        if (connect_with(exchange, fd))
            return;
        note_connect_failure(exchange, 502);
    }
}

void exchange_connect_failed(struct exchange *exchange, int status)
{
    sockets_forget(&exchange->waiter);
    if (exchange->upstream)
        upstream_destroy(exchange->upstream);
    note_connect_failure(exchange, status);
    attempt(exchange);
}

/* Sends the head again, on a connection that is certainly fresh. */
static void send_anew(struct exchange *exchange)
{
    exchange->retried = true;
    exchange->target_deaf = false;
    exchange->tried_count = 0;
    bytes_reset(&exchange->to_target);
    if (bytes_append(&exchange->to_target, exchange->head, exchange->head_size))
        attempt(exchange);
    else
        answer_error(exchange->client, 500);
}

/*
 * A target may close an idle connection just when we use it again. Such a request was not looked
 * at: if it may be repeated and nothing of its body is gone, it is, once.
 */
void exchange_target_failed(struct exchange *exchange)
{
    if (exchange->state >= EXCHANGE_RESPONDING) {
        client_destroy(exchange->client);
        return;
    }
    struct upstream *upstream = exchange->upstream;
    bool stale = upstream && upstream->reused && !bytes_size(&upstream->in);
    if (upstream)
        upstream_destroy(upstream);
    if (stale && exchange->idempotent && !exchange->body_begun && !exchange->retried)
        send_anew(exchange);
    else
        answer_error(exchange->client, 502);
}

void exchange_timed_out(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_WAITING:
    case EXCHANGE_CONNECTING:
        exchange_connect_failed(exchange, 504);
        break;
    case EXCHANGE_SENT:
        answer_error(exchange->client, exchange->from_client.done ? 504 : 408);
        break;
    case EXCHANGE_RESPONDING:
    case EXCHANGE_TUNNEL:
    case EXCHANGE_ENDED:
        client_destroy(exchange->client);
        break;
    }
}

/* ---- a request ---- */

static bool method_is(const struct http1_head *head, const char *method)
{
    return head->method.size == strlen(method) &&
           memcmp(head->method.data, method, head->method.size) == 0;
}

static bool asks_for_websocket(const struct http1_head *head)
{
    return head->upgrade && head->minor_version >= 1 && method_is(head, "GET") &&
           head->body == HTTP1_BODY_NONE &&
           http1_has_token(head->headers[head->known.upgrade].value, "websocket");
}

static void read_head(struct exchange *exchange, const struct http1_head *head)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    struct client *client = exchange->client;
    int64_t age_ms = loop_now_ms(client->worker->loop) - client->accepted_ms;
    bool defensive = exchange->load_balancer->attributes.desync_mode == DESYNC_DEFENSIVE;
    bool ambiguous = head->classification >= HTTP1_AMBIGUOUS && defensive;
    exchange->http10 = head->minor_version == 0;
    exchange->head_request = method_is(head, "HEAD");
    exchange->keep_alive = head->keep_alive && !ambiguous && age_ms < client->keep_alive_ms &&
                           !client->worker->stopping;
    exchange->close_target = ambiguous;
    exchange->upgrade = asks_for_websocket(head);
    exchange->request_chunked = head->body == HTTP1_BODY_CHUNKED;
    for (size_t i = 0; i < sizeof idempotent / sizeof idempotent[0]; i++)
        exchange->idempotent |= method_is(head, idempotent[i]);
    body_start(&exchange->from_client, head->body, head->content_length);
}

static bool save_head(struct exchange *exchange, const char *data, size_t size)
{
    exchange->head = size <= HEAD_INLINE_SIZE ? exchange->head_inline : malloc(size);
    if (!exchange->head)
        return false;
    memcpy(exchange->head, data, size);
    exchange->head_size = size;
    return true;
}

static bool write_head(struct exchange *exchange, const struct target_parts *parts)
{
    struct client *client = exchange->client;
    struct worker *worker = client->worker;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    struct forwarding forwarding = {
        .listener = exchange->listener,
        .client_address = client->address,
        .client_port = client->port,
        .upgrade = exchange->upgrade,
        .random = {worker_random(worker), worker_random(worker)},
        .unix_seconds = worker_seconds(worker),
    };
    rewrite_request(&writer, &worker->head, parts, &forwarding);
    return !writer.full &&
           save_head(exchange, worker->scratch, (size_t)(writer.at - worker->scratch));
}

static const struct forward_group *choose_group(const struct action *action, uint64_t random)
{
    if (!action->weight_sum)
        return NULL;
    unsigned at = (unsigned)(random % action->weight_sum);
    const struct forward_group *group = action->groups;
    while (at >= group->weight)
        at -= (group++)->weight;
    return group;
}

/* 100 Continue, at once, unless the body is on its way already. */
static bool invite_body(struct exchange *exchange, size_t size)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    bool wanted = exchange->client->worker->head.expect_continue && !exchange->from_client.done;
    return !wanted || size ||
           client_send(exchange->client, &(struct iovec){text, sizeof text - 1}, 1);
}

static void forward(struct exchange *exchange, const struct action *action,
                    const struct target_parts *parts, char **data, size_t *size)
{
    struct client *client = exchange->client;
    const struct forward_group *chosen =
        choose_group(action, action->group_count > 1 ? worker_random(client->worker) : 0);
    if (!chosen || !chosen->group->routable_count) {
        answer_error(client, 503);
        return;
    }
    exchange->group = chosen->group;
    exchange->cell = chosen->cells[client->node];
    counter_add(&exchange->cell->threads[client->worker->index].requests, 1);
    if (!write_head(exchange, parts)) {
        answer_error(client, 400);
        return;
    }
    if (!invite_body(exchange, *size))
        return;
    char line[24];
    struct iovec pieces[1 + BODY_PIECES_MAX];
    int count = take_body(exchange, data, size, line, pieces + 1);
    if (count < 0) {
        broken_body(exchange);
        return;
    }
    attempt(exchange);
    if (exchange->state == EXCHANGE_ENDED)
        return;
    pieces[0] = (struct iovec){exchange->head, exchange->head_size};
    send_to_target(exchange, pieces, count + 1);
}

/* An answer of our own: what is there of the body is thrown away. */
static void swallow_body(struct exchange *exchange, char **data, size_t *size)
{
    char line[24];
    struct iovec pieces[BODY_PIECES_MAX];
    if (take_body(exchange, data, size, line, pieces) < 0)
        exchange->keep_alive = false;
}

/* Decided by the request alone: the status of a refusal, or 0. */
static int refusal(const struct exchange *exchange, const struct http1_head *head)
{
    if (exchange->load_balancer->attributes.desync_mode == DESYNC_STRICTEST &&
        head->classification > HTTP1_COMPLIANT)
        return 400;
    if (method_is(head, "TRACE"))
        return 405;
    if (head->known.forwarded_for >= 0 && count_forwarded_for(head) > FORWARDED_FOR_MAX)
        return 463;
    return 0;
}

static const struct action *choose_action(const struct exchange *exchange,
                                          const struct target_parts *parts,
                                          const struct http1_head *head)
{
    struct request_facts facts = {.host = parts->host, .path = parts->path};
    if (!facts.host.size && head->known.host >= 0)
        facts.host = head->headers[head->known.host].value;
    facts.host = rules_host_name(facts.host);
    if (memchr(parts->path.data, '%', parts->path.size) ||
        memmem(parts->path.data, parts->path.size, "/.", 2)) {
        char *out = exchange->client->worker->scratch;
        facts.path = (struct slice){out, rules_normalise_path(parts->path, out)};
    }
    return rules_action(exchange->listener, &facts);
}

void exchange_start(struct client *client, const struct listener *listener, char **data,
                    size_t *size)
{
    const struct http1_head *head = &client->worker->head;
    struct exchange *exchange = new_exchange(client);
    if (!exchange) {
        client_destroy(client);
        return;
    }
    exchange->listener = listener;
    exchange->load_balancer = listener->load_balancer;
    read_head(exchange, head);
    struct target_parts parts = split_target(head->target);
    int status = refusal(exchange, head);
    const struct action *action = status ? NULL : choose_action(exchange, &parts, head);
    if (action && action->type == ACTION_FORWARD) {
        forward(exchange, action, &parts, data, size);
        return;
    }
    swallow_body(exchange, data, size);
    if (!action)
        answer_error(client, status);
    else if (action->type == ACTION_FIXED_RESPONSE)
        answer_fixed(exchange, action);
    else {
        struct slice host = {"", 0};
        if (head->known.host >= 0)
            host = head->headers[head->known.host].value;
        answer_redirect(exchange, action, rules_host_name(parts.host.size ? parts.host : host),
                        parts.path, parts.query);
    }
}
