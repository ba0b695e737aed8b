#include "balancer/rewrite.h"

#include "balancer/response_headers.h"
#include "balancer/rules.h"

#include <string.h>
#include <strings.h>

enum { TRACED_HEAD_SIZE_MAX = 7 * 1024 };

void write_slice(struct writer *writer, struct slice slice)
{
    write_bytes(writer, slice.data, slice.size);
}

static void write_text(struct writer *writer, const char *text)
{
    write_bytes(writer, text, strlen(text));
}

void write_number(struct writer *writer, uint64_t number)
{
    char text[20], *at = text + sizeof text;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    write_bytes(writer, at, (size_t)(text + sizeof text - at));
}

static void write_address(struct writer *writer, uint32_t address)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        write_number(writer, address >> shift & 255);
        if (shift)
            write_literal(writer, ".");
    }
}

static void write_header(struct writer *writer, const struct http1_header *header)
{
    struct slice name = header->name, value = header->value;
    if (value.data == name.data + name.size + 2 && value.data[-1] == ' ') { /* as it came */
        write_bytes(writer, name.data, name.size + 2 + value.size);
    } else {
        write_slice(writer, name);
        write_literal(writer, ": ");
        write_slice(writer, value);
    }
    write_literal(writer, "\r\n");
}

/* What happens to a header by its name alone. */
enum role {
    END_TO_END,
    HOP,       /* said between neighbours, or framing: never forwarded */
    FORWARDED, /* said by us anew in requests */
};

struct role_name {
    const char *name;
    enum role role;
};

static const struct role_name role_names[18][3] = {
    [2] = {{"te", HOP}},
    [4] = {{"host", FORWARDED}},
    [6] = {{"expect", FORWARDED}},
    [7] = {{"upgrade", HOP}, {"trailer", HOP}},
    [10] = {{"connection", HOP}, {"keep-alive", HOP}},
    [14] = {{"content-length", HOP}},
    [15] = {{"x-forwarded-for", FORWARDED}, {"x-amzn-trace-id", FORWARDED}},
    [16] = {{"proxy-connection", HOP}, {"x-forwarded-port", FORWARDED}},
    [17] = {{"transfer-encoding", HOP}, {"x-forwarded-proto", FORWARDED}},
};

static bool equals(struct slice name, const char *lower)
{
    unsigned char difference = 0;
    for (size_t i = 0; i < name.size; i++)
        difference |= (unsigned char)((name.data[i] | 0x20) ^ lower[i]);
    return !difference;
}

static enum role role_of(struct slice name)
{
    if (name.size < sizeof role_names / sizeof role_names[0])
        for (int i = 0; i < 3 && role_names[name.size][i].name; i++)
            if (equals(name, role_names[name.size][i].name))
                return role_names[name.size][i].role;
    return http1_imitates_framing(name) ? HOP : END_TO_END;
}

/* Whether Connection names this header, and so ends its way here. */
static bool named_by_connection(const struct http1_head *head, struct slice name)
{
    char lower[64];
    if (name.size >= sizeof lower)
        return false;
    for (size_t i = 0; i < name.size; i++)
        lower[i] =
            name.data[i] >= 'A' && name.data[i] <= 'Z' ? (char)(name.data[i] | 0x20) : name.data[i];
    lower[name.size] = 0;
    for (int i = head->known.connection; i < head->header_count; i++)
        if (head->headers[i].name.size == 10 && equals(head->headers[i].name, "connection") &&
            http1_has_token(head->headers[i].value, lower))
            return true;
    return false;
}

/* Connection says more than what nearly everybody says. */
static bool connection_names_headers(const struct http1_head *head)
{
    if (head->known.connection < 0)
        return false;
    struct slice value = head->headers[head->known.connection].value;
    bool usual = (value.size == 10 && equals(value, "keep-alive")) ||
                 (value.size == 5 && equals(value, "close"));
    return !usual;
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.data[i] | 0x20;
        bool plain =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || name.data[i] == '-';
        if (!plain)
            return false;
    }
    return true;
}

struct target_parts split_target(struct slice target)
{
    struct target_parts parts = {{"", 0}, target, {"", 0}};
    const char *end = target.data + target.size;
    if (target.data[0] != '/' && target.size > 7) { /* http://host/path, https://host/path */
        const char *host = target.data + (target.data[4] == ':' ? 7 : 8);
        const char *host_end = host;
        while (host_end < end && *host_end != '/' && *host_end != '?')
            host_end++;
        parts.host = (struct slice){host, (size_t)(host_end - host)};
        parts.path = (struct slice){host_end, (size_t)(end - host_end)};
    }
    const char *query = memchr(parts.path.data, '?', parts.path.size);
    if (query) {
        parts.query = (struct slice){query, (size_t)(end - query)};
        parts.path.size = (size_t)(query - parts.path.data);
    }
    if (!parts.path.size)
        parts.path = (struct slice){"/", 1};
    return parts;
}

static bool is_forwarded_for(const struct http1_header *header)
{
    return header->name.size == 15 && equals(header->name, "x-forwarded-for");
}

int count_forwarded_for(const struct http1_head *head)
{
    int count = 0;
    for (int i = head->known.forwarded_for; i >= 0 && i < head->header_count; i++) {
        if (!is_forwarded_for(&head->headers[i]))
            continue;
        struct slice value = head->headers[i].value;
        count += value.size > 0;
        for (size_t at = 0; at < value.size; at++)
            count += value.data[at] == ',';
    }
    return count;
}

static void write_forwarded_for(struct writer *writer, const struct http1_head *head,
                                const struct forwarding *forwarding)
{
    const struct balancer_attributes *attributes = &forwarding->listener->load_balancer->attributes;
    bool append = attributes->xff_mode == XFF_APPEND;
    if (attributes->xff_mode == XFF_REMOVE || (!append && head->known.forwarded_for < 0))
        return;
    write_literal(writer, "X-Forwarded-For: ");
    bool first = true;
    for (int i = head->known.forwarded_for; i >= 0 && i < head->header_count; i++) {
        if (!is_forwarded_for(&head->headers[i]) || !head->headers[i].value.size)
            continue;
        if (!first)
            write_literal(writer, ", ");
        write_slice(writer, head->headers[i].value);
        first = false;
    }
    if (append) {
        if (!first)
            write_literal(writer, ", ");
        write_address(writer, forwarding->client_address);
        if (attributes->xff_client_port) {
            write_literal(writer, ":");
            write_number(writer, forwarding->client_port);
        }
    }
    write_literal(writer, "\r\n");
}

static void write_port(struct writer *writer, uint16_t port)
{
    write_literal(writer, ":");
    write_number(writer, port);
}

/* All of them, as they came. */
static void write_hosts(struct writer *writer, const struct http1_head *head)
{
    for (int i = head->known.host; i < head->header_count; i++)
        if (head->headers[i].name.size == 4 && equals(head->headers[i].name, "host"))
            write_header(writer, &head->headers[i]);
}

/* On a port that the scheme does not imply, the port is said. */
static void write_host_and_port(struct writer *writer, struct slice host, uint16_t port)
{
    struct slice name = rules_host_name(host);
    write_slice(writer, name);
    if (port == 80 || port == 443 || !name.size)
        return;
    if (name.size < host.size)
        write_bytes(writer, host.data + name.size, host.size - name.size);
    else
        write_port(writer, port);
}

/* Section "Headers sent to the target" of AWS's guide: the table of Host. */
static void write_host(struct writer *writer, const struct http1_head *head,
                       const struct target_parts *parts, const struct forwarding *forwarding)
{
    const struct load_balancer *load_balancer = forwarding->listener->load_balancer;
    struct slice host = {load_balancer->dns_name, strlen(load_balancer->dns_name)};
    bool given = head->known.host >= 0, transformed = forwarding->host.size > 0;
    bool preserve = load_balancer->attributes.preserve_host;
    if (preserve && given && !transformed) {
        write_hosts(writer, head);
        return;
    }
    if (transformed)
        host = forwarding->host;
    else if (parts->host.size)
        host = parts->host;
    else if (given)
        host = head->headers[head->known.host].value;
    write_literal(writer, "Host: ");
    if (preserve && transformed)
        write_slice(writer, host);
    else
        write_host_and_port(writer, host, forwarding->listener->port);
    write_literal(writer, "\r\n");
}

static void write_hex(struct writer *writer, uint64_t number, int digits)
{
    char text[16];
    for (int i = digits - 1; i >= 0; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
    write_bytes(writer, text, (size_t)digits);
}

/* "1-", the time in 8 digits, "-", 24 digits of chance. */
static void write_new_trace(struct writer *writer, const struct forwarding *forwarding)
{
    write_literal(writer, "1-");
    write_hex(writer, (uint64_t)forwarding->unix_seconds, 8);
    write_literal(writer, "-");
    write_hex(writer, forwarding->random[0], 8);
    write_hex(writer, forwarding->random[1], 16);
}

/* The field "Name=..." of a trace id, with its name; empty if it is not there. */
static struct slice trace_field(struct slice value, const char *name, size_t name_size)
{
    for (const char *at = value.data, *end = at + value.size; at < end;) {
        while (at < end && (*at == ' ' || *at == ';'))
            at++;
        const char *stop = memchr(at, ';', (size_t)(end - at));
        stop = stop ? stop : end;
        if ((size_t)(stop - at) > name_size && memcmp(at, name, name_size) == 0)
            return (struct slice){at, (size_t)(stop - at)};
        at = stop;
    }
    return (struct slice){"", 0};
}

void write_trace_id(struct writer *writer, const struct http1_head *head,
                    const struct forwarding *forwarding)
{
    write_literal(writer, "X-Amzn-Trace-Id: ");
    struct slice value = {"", 0};
    if (head->known.trace_id >= 0 && head->size <= TRACED_HEAD_SIZE_MAX)
        value = head->headers[head->known.trace_id].value;
    struct slice root = trace_field(value, "Root=", 5), self = trace_field(value, "Self=", 5);
    if (!root.size) {
        write_literal(writer, "Root=");
        write_new_trace(writer, forwarding);
    } else {
        write_literal(writer, "Self=");
        write_new_trace(writer, forwarding);
        write_literal(writer, ";");
        if (self.size) { /* what stands around the old Self */
            const char *end = value.data + value.size, *after = self.data + self.size;
            const char *before = self.data;
            if (after < end)
                after++;
            else if (before > value.data && before[-1] == ';')
                before--;
            write_bytes(writer, value.data, (size_t)(before - value.data));
            write_bytes(writer, after, (size_t)(end - after));
        } else {
            write_slice(writer, value);
        }
    }
    write_literal(writer, "\r\n");
}

static void write_request_framing(struct writer *writer, const struct http1_head *head)
{
    if (head->body == HTTP1_BODY_CHUNKED) {
        write_literal(writer, "Transfer-Encoding: chunked\r\n");
    } else if (head->known.content_length >= 0) {
        write_literal(writer, "Content-Length: ");
        write_number(writer, head->content_length);
        write_literal(writer, "\r\n");
    }
}

static bool is_said_of_tls(const struct listener_attributes *attributes, struct slice name)
{
    const char *const names[] = {attributes->tls_version_name, attributes->tls_cipher_name};
    for (int i = 0; i < 2; i++)
        if (name.size == strlen(names[i]) && strncasecmp(name.data, names[i], name.size) == 0)
            return true;
    return false;
}

/* Whether a header that goes from end to end is kept from the target by an attribute. */
static bool is_dropped(const struct listener *listener, struct slice name)
{
    const struct balancer_attributes *attributes = &listener->load_balancer->attributes;
    return (attributes->drop_invalid_headers && !is_plain_name(name)) ||
           (attributes->tls_headers && is_said_of_tls(&listener->attributes, name));
}

static void write_request_headers(struct writer *writer, const struct http1_head *head,
                                  const struct listener *listener)
{
    bool named = connection_names_headers(head);
    for (int i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;
        if (role_of(name) == END_TO_END && !is_dropped(listener, name) &&
            !(named && named_by_connection(head, name)))
            write_header(writer, &head->headers[i]);
    }
}

static void write_target_headers(struct writer *writer, const struct http1_head *head,
                                 const struct listener_attributes *attributes)
{
    bool named = connection_names_headers(head);
    bool modified = attributes->strips_server || attributes->sets_response_headers;
    for (int i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;
        if (role_of(name) != HOP && !(modified && response_header_goes(attributes, name)) &&
            !(named && named_by_connection(head, name)))
            write_header(writer, &head->headers[i]);
    }
}

static void write_tls_headers(struct writer *writer, const struct forwarding *forwarding)
{
    const struct listener_attributes *attributes = &forwarding->listener->attributes;
    if (!forwarding->listener->load_balancer->attributes.tls_headers || !forwarding->tls_version)
        return;
    write_text(writer, attributes->tls_version_name);
    write_literal(writer, ": ");
    write_text(writer, forwarding->tls_version);
    write_literal(writer, "\r\n");
    write_text(writer, attributes->tls_cipher_name);
    write_literal(writer, ": ");
    write_text(writer, forwarding->tls_cipher);
    write_literal(writer, "\r\n");
}

void rewrite_request(struct writer *writer, const struct http1_head *head,
                     const struct target_parts *parts, const struct forwarding *forwarding)
{
    const struct listener *listener = forwarding->listener;
    write_slice(writer, head->method);
    write_literal(writer, " ");
    write_slice(writer, parts->path);
    write_slice(writer, parts->query);
    write_literal(writer, " HTTP/1.1\r\n");
    write_forwarded_for(writer, head, forwarding);
    if (listener->tls)
        write_literal(writer, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: ");
    else
        write_literal(writer, "X-Forwarded-Proto: http\r\nX-Forwarded-Port: ");
    write_number(writer, listener->port);
    write_literal(writer, "\r\n");
    write_host(writer, head, parts, forwarding);
    write_trace_id(writer, head, forwarding);
    write_request_framing(writer, head);
    write_tls_headers(writer, forwarding);
    write_request_headers(writer, head, listener);
    if (forwarding->upgrade)
        write_literal(writer, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    write_literal(writer, "\r\n");
}

void rewrite_response(struct writer *writer, const struct http1_head *head,
                      const struct listener_attributes *attributes, const char *date)
{
    write_literal(writer, "HTTP/1.1 ");
    write_number(writer, (uint64_t)head->status);
    write_literal(writer, " ");
    write_slice(writer, head->reason);
    write_literal(writer, "\r\n");
    if (head->known.date < 0) {
        write_literal(writer, "Date: ");
        write_bytes(writer, date, 29);
        write_literal(writer, "\r\n");
    }
    write_target_headers(writer, head, attributes);
    write_response_headers(writer, attributes);
}
