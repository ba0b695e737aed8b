#include "wire/elb_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
}

static void append_escaped(struct buf *out, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (plain < size && is_plain((unsigned char)data[plain]))
            plain++;
        buf_append(out, data + at, plain - at);
        if (plain < size)
            buf_printf(out, "\\x%02X", (unsigned char)data[plain++]);
        at = plain;
    }
}

/* A field in quotes. */
static void append_quoted(struct buf *out, struct slice text)
{
    buf_append(out, " \"", 2);
    if (text.size)
        append_escaped(out, text.data, text.size);
    else
        buf_append_char(out, '-');
    buf_append_char(out, '"');
}

static struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static void append_quoted_text(struct buf *out, const char *text)
{
    append_quoted(out, slice_of(text));
}

/* A field without quotes: our own words, which have no spaces. */
static void append_word(struct buf *out, const char *word)
{
    buf_append_char(out, ' ');
    if (word && *word)
        append_escaped(out, word, strlen(word));
    else
        buf_append_char(out, '-');
}

static void append_time(struct buf *out, int64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(time_us % 1000000));
}

static void append_address(struct buf *out, uint32_t address)
{
    buf_printf(out, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
               address & 255);
}

static void append_endpoint(struct buf *out, struct elb_log_endpoint endpoint)
{
    if (!endpoint.port) {
        buf_append_char(out, '-');
        return;
    }
    append_address(out, endpoint.address);
    buf_printf(out, ":%u", endpoint.port);
}

/* Seconds with three decimals; -1 for what did not happen. */
static void append_duration(struct buf *out, int64_t duration_us)
{
    int64_t ms = (duration_us + 500) / 1000;
    if (duration_us < 0)
        buf_append(out, " -1", 3);
    else
        buf_printf(out, " %" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void append_status(struct buf *out, int status)
{
    if (status)
        buf_printf(out, " %d", status);
    else
        buf_append(out, " -", 2);
}

static void append_rule(struct buf *out, int priority)
{
    if (priority <= ACCESS_LOG_NO_RULE)
        buf_append(out, " -", 2);
    else
        buf_printf(out, " %d", priority);
}

/* Fields 1 to 13: who, when, how long, what. */
static void append_exchange(struct buf *out, const struct access_log_entry *entry)
{
    buf_append_string(out, entry->type);
    buf_append_char(out, ' ');
    append_time(out, entry->time_us);
    append_word(out, entry->load_balancer);
    buf_append_char(out, ' ');
    append_endpoint(out, entry->client);
    buf_append_char(out, ' ');
    append_endpoint(out, entry->target);
    append_duration(out, entry->request_us);
    append_duration(out, entry->target_us);
    append_duration(out, entry->response_us);
    append_status(out, entry->elb_status);
    append_status(out, entry->target_status);
    buf_printf(out, " %" PRIu64 " %" PRIu64, entry->received_bytes, entry->sent_bytes);
    append_quoted(out, entry->request);
}

/* Fields 26 and 27: AWS makes lists of them that never have more than one item. */
static void append_lists(struct buf *out, const struct access_log_entry *entry)
{
    buf_append(out, " \"", 2);
    append_endpoint(out, entry->target);
    buf_append(out, "\" \"", 3);
    if (entry->target_status)
        buf_printf(out, "%d\"", entry->target_status);
    else
        buf_append(out, "-\"", 2);
}

void access_log_append(struct buf *out, const struct access_log_entry *entry)
{
    struct slice user_agent = entry->user_agent;
    if (user_agent.size > ELB_LOG_USER_AGENT_SIZE_MAX)
        user_agent.size = ELB_LOG_USER_AGENT_SIZE_MAX;
    append_exchange(out, entry);
    append_quoted(out, user_agent);
    append_word(out, entry->cipher);
    append_word(out, entry->protocol);
    append_word(out, entry->target_group);
    append_quoted(out, entry->trace_id);
    append_quoted_text(out, entry->domain_name);
    append_quoted_text(out, entry->certificate);
    append_rule(out, entry->rule_priority);
    buf_append_char(out, ' ');
    append_time(out, entry->created_us);
    append_quoted_text(out, entry->actions);
    append_quoted(out, entry->redirect_url);
    append_quoted_text(out, entry->error_reason);
    append_lists(out, entry);
    append_quoted_text(out, entry->classification);
    append_quoted_text(out, entry->classification_reason);
    append_word(out, entry->trace);
    append_quoted(out, entry->transformed_host);
    append_quoted(out, entry->transformed_uri);
    append_quoted_text(out, entry->transform_status);
    buf_append_char(out, '\n');
}

void connection_log_append(struct buf *out, const struct connection_log_entry *entry)
{
    append_time(out, entry->time_us);
    buf_append_char(out, ' ');
    append_address(out, entry->client.address);
    buf_printf(out, " %u %u", entry->client.port, entry->listener_port);
    append_word(out, entry->protocol);
    append_word(out, entry->cipher);
    if (entry->handshake_us < 0)
        buf_append(out, " -", 2);
    else
        append_duration(out, entry->handshake_us);
    buf_append_string(out, " \"-\" - -"); /* the client's certificate: nobody asks for one */
    append_word(out, entry->verify_status);
    append_word(out, entry->trace);
    buf_append_char(out, '\n');
}

void health_check_log_append(struct buf *out, const struct health_check_log_entry *entry)
{
    buf_append_string(out, entry->type);
    buf_append_char(out, ' ');
    append_time(out, entry->time_us);
    buf_printf(out, " %" PRId64 ".%06d000 ", entry->latency_us / 1000000,
               (int)(entry->latency_us % 1000000)); /* nanoseconds on AWS */
    append_endpoint(out, entry->target);
    append_word(out, entry->target_group);
    append_word(out, entry->reason ? "FAIL" : "PASS");
    if (entry->status < 0)
        buf_append(out, " -", 2);
    else
        buf_printf(out, " %d", entry->status);
    append_word(out, entry->reason);
    buf_append_char(out, '\n');
}

void elb_log_trace_id(uint64_t high, uint64_t low, char out[ELB_LOG_TRACE_ID_SIZE])
{
    snprintf(out, ELB_LOG_TRACE_ID_SIZE, "TID_%016" PRIx64 "%016" PRIx64, high, low);
}
