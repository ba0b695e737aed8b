/* What the headers of a head mean together: where the body ends, and what happens after it. */
#include "wire/http1_internal.h"

#include <string.h>

bool http1_list_next(struct http1_list *list, struct slice *element)
{
    if (list->finished)
        return false;
    const char *comma = memchr(list->at, ',', (size_t)(list->end - list->at));
    const char *end = comma ? comma : list->end;
    *element = http1_trimmed(list->at, end);
    list->finished = !comma;
    list->at = comma ? comma + 1 : list->end;
    return true;
}

bool http1_has_token(struct slice value, const char *lower_token)
{
    size_t size = strlen(lower_token);
    struct http1_list list = {value.data, value.data + value.size, false};
    for (struct slice element; http1_list_next(&list, &element);)
        if (http1_is(element, lower_token, size))
            return true;
    return false;
}

struct slice http1_coding_name(struct slice coding)
{
    const char *end = memchr(coding.data, ';', coding.size);
    return end ? http1_trimmed(coding.data, end) : coding;
}

struct framing {
    int length_count, encoding_count; /* headers of each sort */
    uint64_t length;
    bool chunked;
};

static int parse_length(struct http1_head *head, struct slice value, struct framing *framing)
{
    uint64_t length = 0;
    if (!value.size)
        return http1_refuse(head, 400);
    for (size_t i = 0; i < value.size; i++) {
        unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, digit, &length))
            return http1_refuse(head, 400);
    }
    if (length > INT64_MAX || (framing->length_count && length != framing->length))
        return http1_refuse(head, 400);
    framing->length_count++;
    framing->length = length;
    return 0;
}

/*
 * `chunked`, last and once, can be framed; `identity` says nothing. AWS has 501 for other codings,
 * whether anybody has heard of them or not.
 */
static int parse_encoding(struct http1_head *head, struct slice value, struct framing *framing)
{
    struct http1_list list = {value.data, value.data + value.size, false};
    framing->encoding_count++;
    for (struct slice coding; http1_list_next(&list, &coding);) {
        struct slice name = http1_coding_name(coding);
        bool chunked = http1_is(name, "chunked", 7);
        if (framing->chunked)
            return http1_refuse(head, 400);
        if (!chunked && !http1_is(name, "identity", 8))
            return http1_refuse(head, 501);
        framing->chunked = chunked;
    }
    return 0;
}

/* The letter at *at in lower case, and how many bytes it takes: some are other letters' capitals.
 */
static char letter_at(const unsigned char *at, size_t left, size_t *taken)
{
    *taken = 1;
    if (at[0] >= 'A' && at[0] <= 'Z')
        return (char)(at[0] | 0x20);
    if ((at[0] >= 'a' && at[0] <= 'z') || http1_is_digit((char)at[0]))
        return (char)at[0];
    *taken = 2;
    if (left > 1 && at[0] == 0xc5 && at[1] == 0xbf) /* U+017F, whose upper case is S */
        return 's';
    if (left > 1 && at[0] == 0xc4 && at[1] == 0xb1) /* U+0131, whose upper case is I */
        return 'i';
    *taken = 1;
    return 0;
}

static bool looks_like(struct slice name, const char *letters)
{
    const unsigned char *at = (const unsigned char *)name.data;
    for (size_t i = 0, taken; i < name.size; i += taken) {
        char letter = letter_at(at + i, name.size - i, &taken);
        if (!letter)
            continue;
        if (letter != *letters)
            return false;
        letters++;
    }
    return !*letters;
}

bool http1_imitates_framing(struct slice name)
{
    return name.size >= 13 &&
           (looks_like(name, "contentlength") || looks_like(name, "transferencoding"));
}

static int read_framing(struct http1_head *head, struct framing *framing)
{
    for (int i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (header->name.size < 13)
            continue;
        if (http1_is(header->name, "content-length", 14)) {
            if (parse_length(head, header->value, framing) < 0)
                return HTTP1_BAD;
        } else if (http1_is(header->name, "transfer-encoding", 17)) {
            if (parse_encoding(head, header->value, framing) < 0)
                return HTTP1_BAD;
        } else if (http1_imitates_framing(header->name)) {
            head->odd = true;
        }
    }
    return 0;
}

static void read_connection(struct http1_head *head)
{
    bool close = false, keep_alive = false, upgrade = false;
    for (int i = head->known.connection; i >= 0 && i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (!http1_is(header->name, "connection", 10))
            continue;
        close |= http1_has_token(header->value, "close");
        keep_alive |= http1_has_token(header->value, "keep-alive");
        upgrade |= http1_has_token(header->value, "upgrade");
    }
    head->keep_alive = !close && (head->minor_version >= 1 || keep_alive) && !head->http09;
    head->upgrade = upgrade && head->known.upgrade >= 0;
}

/* What a name or an IPv4 address may have (RFC 3986, 3.2.2), but for what ends or joins lists. */
static bool is_name_byte(unsigned char byte)
{
    if (http1_is_token_byte(byte))
        return byte != '#' && byte != '^' && byte != '`' && byte != '|';
    return byte == '=' || byte == '(' || byte == ')';
}

static bool is_address_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') ||
           byte == ':' || byte == '.';
}

/* A name, or an address in brackets, and then perhaps a port of digits. */
bool http1_is_host(struct slice host)
{
    size_t at = 0;
    if (host.size && host.data[0] == '[') {
        for (at = 1; at < host.size && is_address_byte((unsigned char)host.data[at]);)
            at++;
        if (at == host.size || host.data[at++] != ']')
            return false;
    } else {
        while (at < host.size && is_name_byte((unsigned char)host.data[at]))
            at++;
    }
    if (at < host.size && host.data[at++] != ':')
        return false;
    while (at < host.size && host.data[at] >= '0' && host.data[at] <= '9')
        at++;
    return at == host.size;
}

/* Several are malformed, but AWS passes them on if it is to preserve Host; the first counts. */
static int check_host(struct http1_head *head)
{
    if (head->known.host < 0)
        return head->minor_version >= 1 ? http1_refuse(head, 400) : 0;
    for (int i = head->known.host; i < head->header_count; i++) {
        if (i > head->known.host && !http1_is(head->headers[i].name, "host", 4))
            continue;
        head->malformed |= i > head->known.host;
        if (!http1_is_host(head->headers[i].value))
            return http1_refuse(head, 400);
    }
    return 0;
}

static bool is_get_or_head(struct slice method)
{
    return (method.size == 3 && memcmp(method.data, "GET", 3) == 0) ||
           (method.size == 4 && memcmp(method.data, "HEAD", 4) == 0);
}

/* Framing that is clear, but that somebody else may not read as we do. */
static bool is_odd(const struct http1_head *head, const struct framing *framing)
{
    if (!framing->encoding_count && !framing->length_count)
        return false;
    return head->minor_version == 0 || is_get_or_head(head->method) ||
           framing->encoding_count + framing->length_count > 1;
}

static void set_body(struct http1_head *head, const struct framing *framing)
{
    if (framing->chunked) {
        head->body = HTTP1_BODY_CHUNKED;
    } else if (framing->length_count) {
        head->body = framing->length ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
        head->content_length = framing->length;
    }
}

int http1_frame_request(struct http1_head *head)
{
    struct framing framing = {0};
    if (read_framing(head, &framing) < 0) {
        head->odd = true;
        return HTTP1_BAD;
    }
    head->odd |= is_odd(head, &framing);
    if (check_host(head) < 0)
        return HTTP1_BAD;
    set_body(head, &framing);
    read_connection(head);
    if (head->known.expect >= 0 && head->minor_version >= 1)
        head->expect_continue =
            http1_is(head->headers[head->known.expect].value, "100-continue", 12);
    return 0;
}

int http1_frame_response(struct http1_head *head, bool request_was_head)
{
    struct framing framing = {0};
    if (read_framing(head, &framing) < 0)
        return HTTP1_BAD;
    bool faulty = framing.encoding_count &&
                  (framing.length_count || head->minor_version == 0 || !framing.chunked);
    if (faulty)
        return http1_refuse(head, 502);
    set_body(head, &framing);
    if (request_was_head || head->status < 200 || head->status == 204 || head->status == 304)
        head->body = HTTP1_BODY_NONE;
    else if (!framing.chunked && !framing.length_count)
        head->body = HTTP1_BODY_UNTIL_CLOSE;
    read_connection(head);
    if (head->body == HTTP1_BODY_UNTIL_CLOSE)
        head->keep_alive = false;
    return 0;
}
