/* The beginning of an exchange: what its head says, which action it gets, what is sent on. */
#include "balancer/access_record.h"
#include "balancer/answer.h"
#include "balancer/desync.h"
#include "balancer/exchange_internal.h"
#include "balancer/rewrite.h"
#include "balancer/rules.h"
#include "balancer/stickiness.h"
#include "http/tls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORWARDED_FOR_MAX = 30 };

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

static bool is_grpc(const struct http1_head *head)
{
    static const char type[] = "application/grpc";
    struct slice value = {"", 0};
    if (head->known.content_type >= 0)
        value = head->headers[head->known.content_type].value;
    return value.size >= sizeof type - 1 && strncasecmp(value.data, type, sizeof type - 1) == 0;
}

static void read_head(struct exchange *exchange, const struct http1_head *head)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    exchange->ambiguous = desync_closes(exchange->load_balancer, head);
    exchange->request.is_head = method_is(head, "HEAD");
    exchange->request.upgrade = asks_for_websocket(head);
    exchange->request.streamed = head->body == HTTP1_BODY_CHUNKED;
    exchange->request.grpc = exchange->stream->ops->http2 && is_grpc(head);
    for (size_t i = 0; i < sizeof idempotent / sizeof idempotent[0]; i++)
        exchange->idempotent |= method_is(head, idempotent[i]);
}

static bool save_head(struct exchange *exchange, const char *data, size_t size)
{
    char *head = size <= HEAD_INLINE_SIZE ? exchange->head_inline : malloc(size);
    if (!head)
        return false;
    memcpy(head, data, size);
    exchange->request.head = (struct slice){head, size};
    return true;
}

/* `host`: the rewritten one; empty: the request's. */
static bool write_head(struct exchange *exchange, const struct target_parts *parts,
                       struct slice host)
{
    struct worker *worker = exchange->worker;
    const struct peer *peer = exchange->stream->peer;
    struct writer writer = {worker->scratch, worker->scratch + sizeof worker->scratch, false};
    struct forwarding forwarding = {
        .listener = exchange->listener,
        .host = host,
        .client_address = peer->address,
        .client_port = peer->port,
        .upgrade = exchange->request.upgrade,
        .random = {worker_random(worker), worker_random(worker)},
        .unix_seconds = worker_seconds(worker),
    };
    if (exchange->load_balancer->attributes.tls_headers && peer->transport->tls) {
        forwarding.tls_version = tls_version(peer->transport);
        forwarding.tls_cipher = tls_cipher(peer->transport);
    }
    rewrite_request(&writer, &worker->head, parts, &forwarding);
    size_t size = (size_t)(writer.at - worker->scratch);
    access_record_trace(exchange, (struct slice){worker->scratch, size});
    return !writer.full && save_head(exchange, worker->scratch, size);
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

/* What came of the body with the head. False if its framing is broken. */
static bool receive_first(struct exchange *exchange, struct piece *first)
{
    struct stream *stream = exchange->stream;
    *first = (struct piece){0};
    enum stream_news news = stream->ops->receive(stream, first);
    exchange->request_whole = first->last;
    exchange->body_begun = first->size > 0 || first->trailers.size > 0;
    return news != STREAM_BROKEN;
}

/* Puts a piece aside until there is a connection. */
static void keep_early(struct exchange *exchange, const struct piece *first)
{
    if (!bytes_append(&exchange->early, first->data, first->size) ||
        !bytes_append(&exchange->early_trailers, first->trailers.data, first->trailers.size))
        answer_error(exchange->stream, 500);
}

/* The table "client protocol, target group": whether the group's targets understand the request. */
static bool fits(const struct exchange *exchange, const struct target_group *group)
{
    bool http2 = exchange->stream->ops->http2;
    switch (group->version) {
    case TARGETS_HTTP1:
        return !exchange->request.grpc;
    case TARGETS_HTTP2:
        return http2;
    case TARGETS_GRPC:
        return http2 && method_is(&exchange->worker->head, "POST");
    }
    return false;
}

/* Headers that an attribute drops, or lets pass. */
static void count_invalid_names(struct exchange *exchange)
{
    struct cell *cell = exchange->stream->peer->cell;
    struct counters *counters = &cell->threads[exchange->worker->index];
    if (exchange->load_balancer->attributes.drop_invalid_headers)
        counter_add(&counters->dropped_invalid_headers, 1);
    else
        counter_add(&counters->forwarded_invalid_headers, 1);
}

static void forward(struct exchange *exchange, const struct action *action,
                    const struct target_parts *parts, struct slice host)
{
    struct stream *stream = exchange->stream;
    struct worker *worker = exchange->worker;
    bool invalid;
    const struct forward_group *chosen = stickiness_group(exchange, action, &invalid);
    if (invalid) {
        access_record_error(exchange, "AWSALBTGCookieInvalid");
        answer_error(stream, 400);
        return;
    }
    if (!chosen)
        chosen = choose_group(action, action->group_count > 1 ? worker_random(worker) : 0);
    exchange->group = chosen ? chosen->group : NULL;
    if (!chosen || !target_group_pool(chosen->group, stream->peer->node)->count) {
        answer_error(stream, 503);
        return;
    }
    if (!fits(exchange, chosen->group)) {
        answer_error(stream, 464);
        return;
    }
    exchange->pool = target_group_pool(chosen->group, stream->peer->node);
    exchange->cell = chosen->cells[stream->peer->node];
    counter_add(&exchange->cell->threads[worker->index].requests, 1);
    if (exchange->request.grpc)
        counter_add(&exchange->cell->threads[worker->index].grpc_requests, 1);
    if (atomic_load_explicit(&exchange->pool->open, memory_order_relaxed))
        counter_add(&exchange->cell->threads[worker->index].unhealthy_routing_requests, 1);
    if (worker->head.invalid_names)
        count_invalid_names(exchange);
    exchange->preferred = stickiness_target(exchange);
    if (!write_head(exchange, parts, host)) {
        answer_error(stream, 400);
        return;
    }
    stream->ops->invite(stream);
    if (exchange->state == EXCHANGE_ENDED)
        return;
    struct piece first;
    if (!receive_first(exchange, &first))
        exchange_broken_body(exchange);
    else if (exchange_attempt(exchange))
        exchange_send_head(exchange, &first);
    else if (exchange->state != EXCHANGE_ENDED)
        keep_early(exchange, &first);
}

/* Decided by the request alone: the status of a refusal, or 0. */
static int refusal(const struct exchange *exchange, const struct http1_head *head)
{
    if (desync_refuses(exchange->load_balancer, head))
        return 400;
    if (method_is(head, "CONNECT")) /* whoever takes it for what it is begins a tunnel */
        return 400;
    if (method_is(head, "TRACE"))
        return 405;
    if (head->known.forwarded_for >= 0 && count_forwarded_for(head) > FORWARDED_FOR_MAX)
        return 463;
    return 0;
}

/* What the target is told in place of what the client said. 0, or the status of a failure. */
static int transform(struct exchange *exchange, const struct request_facts *facts,
                     struct target_parts *parts, struct slice *host)
{
    struct worker *worker = exchange->worker;
    struct transformed made;
    struct writer out = {worker->rewritten, worker->rewritten + sizeof worker->rewritten, false};
    exchange->transform_result = transform_request(exchange->rule, facts, &out, &made);
    if (exchange->transform_result == TRANSFORM_FAILED)
        return 500;
    access_record_transform(exchange, made.host, made.url);
    *host = made.host;
    if (made.url.size) {
        parts->path = made.url;
        parts->query = (struct slice){"", 0};
    }
    return 0;
}

static bool has_transforms(const struct rule *rule)
{
    return rule && (rule->host_rewrite.regex || rule->url_rewrite.regex);
}

/* Finds the rule that the request meets, and the action; `parts` and `host` get its transforms. */
static int choose_action(struct exchange *exchange, const struct http1_head *head,
                         struct target_parts *parts, struct slice *host,
                         const struct action **action)
{
    struct worker *worker = exchange->worker;
    const struct listener *listener = exchange->listener;
    struct request_facts facts = {.scratch = &worker->regex_scratch};
    *action = &listener->default_action;
    if (!listener->rule_count)
        return 0;
    rules_facts(&facts, head, parts, exchange->stream->peer->address, worker->scratch);
    exchange->rule = rules_choose(listener, &facts);
    if (exchange->rule)
        *action = &exchange->rule->action;
    return has_transforms(exchange->rule) ? transform(exchange, &facts, parts, host) : 0;
}

/* Counts the rules that were looked at: all up to the one that gave the action. */
static void note_action(struct exchange *exchange, const struct action *action)
{
    enum { FREE_EVALUATIONS = 10 };
    const struct listener *listener = exchange->listener;
    uint64_t looked_at = (uint64_t)listener->rule_count;
    if (exchange->rule)
        looked_at = (uint64_t)(exchange->rule - listener->rules) + 1;
    access_record_action(exchange, action);
    if (!looked_at)
        return;
    struct cell *cell = exchange->stream->peer->cell;
    struct counters *counters = &cell->threads[exchange->worker->index];
    counter_add(&counters->rule_evaluations, looked_at);
    if (looked_at > FREE_EVALUATIONS)
        counter_add(&counters->rule_evaluations_charged, looked_at - FREE_EVALUATIONS);
}

/* The load balancer answers itself. */
static void answer(struct exchange *exchange, const struct action *action,
                   const struct target_parts *parts)
{
    const struct http1_head *head = &exchange->worker->head;
    const char *dns_name = exchange->load_balancer->dns_name;
    struct slice host = parts->host, query = parts->query;
    if (action->type == ACTION_FIXED_RESPONSE) {
        answer_fixed(exchange, action);
        return;
    }
    if (!host.size && head->known.host >= 0)
        host = head->headers[head->known.host].value;
    if (!host.size)
        host = (struct slice){dns_name, strlen(dns_name)};
    const struct redirect_facts facts = {
        .protocol =
            exchange->listener->tls ? (struct slice){"https", 5} : (struct slice){"http", 4},
        .host = rules_host_name(host),
        .port = exchange->listener->port,
        .path = parts->path,
        .query = {query.data + (query.size > 0), query.size - (query.size > 0)},
    };
    answer_redirect(exchange, action, &facts);
}

void exchange_begin(struct stream *stream, const struct listener *listener)
{
    const struct http1_head *head = &stream->worker->head;
    struct exchange *exchange = exchange_new(stream);
    if (!exchange) {
        stream->ops->cut(stream);
        return;
    }
    exchange->listener = listener;
    exchange->load_balancer = listener->load_balancer;
    http1_tidy(&stream->worker->head, stream->worker->tidy);
    read_head(exchange, head);
    desync_count(stream, head);
    access_record_begin(exchange);
    struct target_parts parts = split_target(head->target);
    struct slice host = {"", 0};
    const struct action *action = NULL;
    int status = refusal(exchange, head);
    if (!status)
        status = choose_action(exchange, head, &parts, &host, &action);
    if (action)
        note_action(exchange, action);
    if (!status && action->type == ACTION_FORWARD) {
        forward(exchange, action, &parts, host);
        return;
    }
    struct piece thrown_away;
    receive_first(exchange, &thrown_away);
    if (status)
        answer_error(stream, status);
    else
        answer(exchange, action, &parts);
}
