#include "balancer/access_record.h"

#include "balancer/log.h"
#include "balancer/rewrite.h"
#include "http/tls.h"
#include "os/clock.h"
#include "wire/elb_log.h"

#include <stdlib.h>
#include <string.h>

/* Where a text lies in the record's buffer, which may move while it grows. */
struct part {
    size_t at, size;
};

struct access_record {
    int64_t created_us;  /* cloud time */
    int64_t begun_us;    /* CLOCK_MONOTONIC */
    int64_t response_us; /* from the head of the response to sending it on; -1: it did not begin */
    int elb_status, target_status;
    int rule_priority;
    const char *actions, *classification, *classification_reason;
    const char *error_reason;
    struct part request, user_agent, trace, redirect, transformed_host, transformed_url;
    struct buf text;
};

/* Tells connections apart, now and later, and says nothing about them. */
static void write_trace(const struct peer *peer, char out[ELB_LOG_TRACE_ID_SIZE])
{
    uint64_t low = peer->trace ^ ((uint64_t)peer->address << 16 | peer->port);
    low = (low ^ low >> 31) * 0x9e3779b97f4a7c15u;
    elb_log_trace_id(peer->trace, low ^ low >> 29, out);
}

static const char *const classes[] = {
    [HTTP1_COMPLIANT] = NULL,
    [HTTP1_ACCEPTABLE] = "Acceptable",
    [HTTP1_AMBIGUOUS] = "Ambiguous",
    [HTTP1_SEVERE] = "Severe",
};
static const char *const action_names[] = {
    [ACTION_FORWARD] = "forward",
    [ACTION_REDIRECT] = "redirect",
    [ACTION_FIXED_RESPONSE] = "fixed-response",
};

static struct slice slice_of(const struct access_record *record, struct part part)
{
    return (struct slice){record->text.data ? record->text.data + part.at : "", part.size};
}

static struct part add_part(struct access_record *record, struct slice text)
{
    struct part part = {record->text.size, text.size};
    buf_append(&record->text, text.data, text.size);
    return part;
}

static void append_slice(struct buf *out, struct slice text)
{
    buf_append(out, text.data, text.size);
}

/* "GET http://host:80/path?query HTTP/1.1": the URL as the client wrote it, but made absolute. */
static void append_request(struct buf *out, const struct stream *stream,
                           const struct listener *listener, const struct http1_head *head)
{
    struct target_parts parts = split_target(head->target);
    struct slice host = parts.host;
    if (!host.size && head->known.host >= 0)
        host = head->headers[head->known.host].value;
    append_slice(out, head->method);
    buf_printf(out, " http%s://", listener->tls ? "s" : "");
    append_slice(out, host);
    if (!memchr(host.data, ':', host.size))
        buf_printf(out, ":%u", listener->port);
    append_slice(out, parts.path);
    append_slice(out, parts.query);
    if (stream->ops->http2)
        buf_append_string(out, " HTTP/2.0");
    else
        buf_printf(out, " HTTP/1.%d", head->minor_version);
}

void access_record_begin(struct exchange *exchange)
{
    const struct http1_head *head = &exchange->worker->head;
    if (!exchange->load_balancer->attributes.access_log)
        return;
    struct access_record *record = calloc(1, sizeof *record);
    if (!record)
        return;
    record->begun_us = clock_mono_us();
    record->created_us = log_time_us(&exchange->worker->log, record->begun_us);
    record->response_us = -1;
    record->rule_priority = ACCESS_LOG_NO_RULE;
    record->classification = classes[head->classification];
    record->classification_reason = head->classification_reason;
    append_request(&record->text, exchange->stream, exchange->listener, head);
    record->request.size = record->text.size;
    if (head->known.user_agent >= 0)
        record->user_agent = add_part(record, head->headers[head->known.user_agent].value);
    exchange->record = record;
}

void access_record_action(struct exchange *exchange, const struct action *action)
{
    struct access_record *record = exchange->record;
    if (!record)
        return;
    record->rule_priority = exchange->rule ? (int)exchange->rule->priority : 0;
    record->actions = action_names[action->type];
}

void access_record_transform(struct exchange *exchange, struct slice host, struct slice url)
{
    struct access_record *record = exchange->record;
    if (!record)
        return;
    record->transformed_host = add_part(record, host);
    record->transformed_url = add_part(record, url);
}

void access_record_error(struct exchange *exchange, const char *reason)
{
    if (exchange->record)
        exchange->record->error_reason = reason;
}

void access_record_trace(struct exchange *exchange, struct slice head)
{
    static const char name[] = "\r\nX-Amzn-Trace-Id: ";
    struct access_record *record = exchange->record;
    if (!record)
        return;
    const char *at = memmem(head.data, head.size, name, sizeof name - 1);
    if (!at)
        return;
    at += sizeof name - 1;
    const char *end = memchr(at, '\r', head.size - (size_t)(at - head.data));
    if (end)
        record->trace = add_part(record, (struct slice){at, (size_t)(end - at)});
}

/* A request that goes to no target has a trace id too. */
static void make_trace(struct exchange *exchange)
{
    char text[1024];
    struct worker *worker = exchange->worker;
    struct writer writer = {text, text + sizeof text, false};
    struct forwarding forwarding = {
        .random = {worker_random(worker), worker_random(worker)},
        .unix_seconds = worker_seconds(worker),
    };
    write_literal(&writer, "\r\n");
    write_trace_id(&writer, &worker->head, &forwarding);
    access_record_trace(exchange, (struct slice){text, (size_t)(writer.at - text)});
}

void access_record_answer(struct exchange *exchange, int status, struct slice location)
{
    struct access_record *record = exchange->record;
    if (!record)
        return;
    record->elb_status = status;
    record->redirect = add_part(record, location);
    if (!record->trace.size && !exchange->sent_us)
        make_trace(exchange);
}

void access_record_response(struct exchange *exchange, int status)
{
    struct access_record *record = exchange->record;
    if (!record)
        return;
    record->elb_status = record->target_status = status;
    record->response_us = clock_mono_us() - exchange->responded_us;
}

/* ---- lines ---- */

/* The connection may be older than the nodes that the load balancer has now. */
static const struct node *node_of(const struct load_balancer *load_balancer,
                                  const struct peer *peer)
{
    return &load_balancer->nodes[peer->node % load_balancer->node_count];
}

static void fill_tls(const struct transport *transport, struct access_log_entry *entry)
{
    if (!transport->tls)
        return;
    entry->cipher = tls_cipher(transport);
    entry->protocol = tls_version(transport);
    entry->domain_name = tls_server_name(transport);
    entry->certificate =
        tls_is_resumed(transport) ? "session-reused" : tls_certificate_arn(transport);
}

static void write_line(const struct stream *stream, const struct load_balancer *load_balancer,
                       const struct access_log_entry *request)
{
    struct access_log_entry line = *request, *entry = &line;
    struct worker *worker = stream->worker;
    char trace[ELB_LOG_TRACE_ID_SIZE];
    struct log_chunk *chunk = log_line_begin(&worker->log, LOG_ACCESS, load_balancer,
                                             node_of(load_balancer, stream->peer));
    if (!chunk)
        return;
    write_trace(stream->peer, trace);
    fill_tls(stream->peer->transport, entry);
    entry->load_balancer = load_balancer->name;
    entry->client = (struct elb_log_endpoint){stream->peer->address, stream->peer->port};
    entry->received_bytes = stream->received_bytes;
    entry->sent_bytes = stream->sent_bytes;
    entry->trace = trace;
    entry->time_us = log_time_us(&worker->log, clock_mono_us());
    access_log_append(&chunk->lines, entry);
    log_line_end(&worker->log, chunk);
}

static const char *type_of(const struct exchange *exchange)
{
    bool secure = exchange->listener->tls;
    if (exchange->state == EXCHANGE_TUNNEL)
        return secure ? "wss" : "ws";
    if (exchange->stream->ops->http2)
        return exchange->request.grpc ? "grpcs" : "h2";
    return secure ? "https" : "http";
}

/* The client went away: in the middle of its request, or while the target was waited for. */
static int status_of_abandoned(const struct exchange *exchange)
{
    return exchange->request_whole ? 460 : 400;
}

/*
 * The three times. As on AWS there is none where the target closed instead of answering; where it
 * did not answer in time, there is the first.
 */
static void fill_times(const struct exchange *exchange, struct access_log_entry *entry)
{
    const struct access_record *record = exchange->record;
    bool responded = record->response_us >= 0;
    entry->request_us = entry->target_us = entry->response_us = -1;
    if (!exchange->sent_us || (!responded && record->elb_status == 502))
        return;
    entry->request_us = exchange->sent_us - record->begun_us;
    if (!responded)
        return;
    entry->target_us = exchange->responded_us - exchange->sent_us;
    entry->response_us = record->response_us;
}

static const char *transform_word(const struct exchange *exchange)
{
    switch (exchange->transform_result) {
    case TRANSFORM_NONE:
        break;
    case TRANSFORM_DONE:
        return "TransformSuccess";
    case TRANSFORM_FAILED:
        return exchange->rule->url_rewrite.regex ? "TransformInvalidPath" : "TransformInvalidHost";
    }
    return NULL;
}

void access_record_end(struct exchange *exchange)
{
    struct access_record *record = exchange->record;
    if (!record)
        return;
    const struct target *target = exchange->target;
    struct access_log_entry entry = {
        .type = type_of(exchange),
        .elb_status = record->elb_status ? record->elb_status : status_of_abandoned(exchange),
        .target_status = record->target_status,
        .request = slice_of(record, record->request),
        .user_agent = slice_of(record, record->user_agent),
        .target_group = exchange->group ? exchange->group->key : NULL,
        .trace_id = slice_of(record, record->trace),
        .rule_priority = record->rule_priority,
        .created_us = record->created_us,
        .actions = record->actions,
        .redirect_url = slice_of(record, record->redirect),
        .error_reason = record->error_reason,
        .classification = record->classification,
        .classification_reason = record->classification_reason,
        .transformed_host = slice_of(record, record->transformed_host),
        .transformed_uri = slice_of(record, record->transformed_url),
        .transform_status = transform_word(exchange),
    };
    if (target)
        entry.target = (struct elb_log_endpoint){target->address, target->port};
    fill_times(exchange, &entry);
    if (!record->text.failed)
        write_line(exchange->stream, exchange->load_balancer, &entry);
    buf_reset(&record->text);
    free(record);
    exchange->record = NULL;
}

void access_record_refusal(const struct stream *stream, const struct listener *listener, int status)
{
    const struct load_balancer *load_balancer = listener->load_balancer;
    if (!load_balancer->attributes.access_log)
        return;
    auto_buf request = {0};
    const struct http1_head *head = &stream->worker->head;
    bool secure = listener->tls;
    buf_printf(&request, "- http%s://%s:%u- -", secure ? "s" : "", load_balancer->dns_name,
               listener->port);
    struct access_log_entry entry = {
        .type = stream->ops->http2 ? "h2"
                : secure           ? "https"
                                   : "http",
        .request_us = -1,
        .target_us = -1,
        .response_us = -1,
        .elb_status = status,
        .request = {request.data, request.size},
        .rule_priority = ACCESS_LOG_NO_RULE,
        .created_us = log_time_us(&stream->worker->log, clock_mono_us()),
    };
    if (status != 408) { /* else there was no whole head */
        entry.classification = classes[head->classification];
        entry.classification_reason = head->classification_reason;
    }
    if (!request.failed)
        write_line(stream, load_balancer, &entry);
}

void access_record_connection(struct worker *worker, const struct peer *peer,
                              const struct listener *listener, int64_t handshake_us)
{
    const struct load_balancer *load_balancer = listener->load_balancer;
    char trace[ELB_LOG_TRACE_ID_SIZE];
    if (!load_balancer->attributes.connection_log)
        return;
    struct log_chunk *chunk =
        log_line_begin(&worker->log, LOG_CONNECTION, load_balancer, node_of(load_balancer, peer));
    if (!chunk)
        return;
    write_trace(peer, trace);
    struct connection_log_entry entry = {
        .time_us = log_time_us(&worker->log, clock_mono_us()),
        .client = {peer->address, peer->port},
        .listener_port = listener->port,
        .handshake_us = handshake_us,
        .trace = trace,
    };
    if (listener->tls)
        entry.verify_status = handshake_us < 0 ? "Failed:UnmappedConnectionError" : "Success";
    if (handshake_us >= 0) {
        entry.cipher = tls_cipher(peer->transport);
        entry.protocol = tls_version(peer->transport);
    }
    connection_log_append(&chunk->lines, &entry);
    log_line_end(&worker->log, chunk);
}
