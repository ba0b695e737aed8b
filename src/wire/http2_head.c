#include "wire/http2_head.h"

#include "wire/http1_internal.h"

#include <string.h>

/* ---- text that is written ---- */

struct text {
    char *at, *end;
    bool full;
};

static void put(struct text *text, const char *data, size_t size)
{
    if ((size_t)(text->end - text->at) < size) {
        text->full = true;
        return;
    }
    memcpy(text->at, data, size);
    text->at += size;
}

#define PUT(text, literal) put(text, "" literal, sizeof(literal) - 1)

static void put_slice(struct text *text, struct slice slice)
{
    put(text, slice.data, slice.size);
}

static void put_field(struct text *text, const struct http1_header *field)
{
    put_slice(text, field->name);
    PUT(text, ": ");
    put_slice(text, field->value);
    PUT(text, "\r\n");
}

static int text_size(const struct text *text, const char *start)
{
    return text->full ? HTTP2_TOO_LARGE : (int)(text->at - start);
}

/* ---- fields that come in ---- */

static bool is(struct slice a, const char *text)
{
    return a.size == strlen(text) && memcmp(a.data, text, a.size) == 0;
}

static bool is_any(struct slice a, const char *const *texts)
{
    for (; *texts; texts++)
        if (is(a, *texts))
            return true;
    return false;
}

/* Lower-case tokens. */
static bool name_is_sound(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        if (!http1_is_token_byte(byte) || (byte >= 'A' && byte <= 'Z'))
            return false;
    }
    return name.size > 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* No byte that ends a line, and no white space around it. */
static bool value_is_sound(struct slice value)
{
    unsigned char found = 0;
    for (size_t i = 0; i < value.size; i++)
        found |= (value.data[i] == 0) | (value.data[i] == '\r') | (value.data[i] == '\n');
    return !found &&
           (!value.size || (!is_blank(value.data[0]) && !is_blank(value.data[value.size - 1])));
}

/* What HTTP/1 says between neighbours has no place in HTTP/2 (RFC 9113, 8.2.2). */
static bool belongs_to_http1(const struct http1_header *field)
{
    static const char *const names[] = {"connection",        "keep-alive", "proxy-connection",
                                        "transfer-encoding", "upgrade",    NULL};
    return is_any(field->name, names) ||
           (is(field->name, "te") && !http1_is(field->value, "trailers", 8));
}

static bool field_is_sound(const struct http1_header *field)
{
    return name_is_sound(field->name) && value_is_sound(field->value) && !belongs_to_http1(field);
}

/* ---- requests ---- */

struct pseudo {
    struct slice method, scheme, authority, path;
};

static bool has_none_of(struct slice value, const char *bytes)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if (byte <= ' ' || byte == 0x7f || strchr(bytes, byte))
            return false;
    }
    return true;
}

static bool is_token(struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if (!http1_is_token_byte((unsigned char)value.data[i]))
            return false;
    return value.size > 0;
}

static bool pseudo_is_sound(const struct pseudo *pseudo)
{
    if (!is_token(pseudo->method) || !has_none_of(pseudo->authority, "/\\@?#,"))
        return false;
    if (is(pseudo->method, "CONNECT"))
        return pseudo->authority.size && !pseudo->path.data && !pseudo->scheme.data;
    bool star = is(pseudo->path, "*") && is(pseudo->method, "OPTIONS");
    return (is(pseudo->scheme, "https") || is(pseudo->scheme, "http")) && pseudo->path.size &&
           (pseudo->path.data[0] == '/' || star) && has_none_of(pseudo->path, "");
}

/* Reads the pseudo-headers at the beginning. Returns how many there are, or HTTP2_MALFORMED. */
static int read_pseudo(const struct http1_header *fields, int count, struct pseudo *pseudo)
{
    const struct {
        const char *name;
        struct slice *slot;
    } known[] = {{":method", &pseudo->method},
                 {":scheme", &pseudo->scheme},
                 {":authority", &pseudo->authority},
                 {":path", &pseudo->path}};
    int i = 0;
    for (; i < count && fields[i].name.size && fields[i].name.data[0] == ':'; i++) {
        struct slice *slot = NULL;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            if (is(fields[i].name, known[k].name))
                slot = known[k].slot;
        if (!slot || slot->data)
            return HTTP2_MALFORMED;
        *slot = fields[i].value;
    }
    return pseudo_is_sound(pseudo) ? i : HTTP2_MALFORMED;
}

static bool is_same_host(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        char left = a.data[i], right = b.data[i];
        left = (char)(left >= 'A' && left <= 'Z' ? left | 0x20 : left);
        right = (char)(right >= 'A' && right <= 'Z' ? right | 0x20 : right);
        if (left != right)
            return false;
    }
    return true;
}

/* "host" must say what :authority says, or stand for it. Its line; false if it says otherwise. */
static bool put_host(struct text *text, struct slice authority, const struct http1_header *fields,
                     int count)
{
    struct slice host = authority;
    bool seen = false;
    for (int i = 0; i < count; i++) {
        if (!is(fields[i].name, "host"))
            continue;
        if (seen || (authority.data && !is_same_host(authority, fields[i].value)))
            return false;
        host = fields[i].value;
        seen = true;
    }
    if (authority.data || seen)
        put_field(text, &(struct http1_header){{"Host", 4}, host});
    return true;
}

/* One line for all pieces of the cookie (RFC 9113, 8.2.3). */
static void put_cookie(struct text *text, const struct http1_header *fields, int count)
{
    PUT(text, "cookie: ");
    put_slice(text, fields[0].value);
    for (int i = 1; i < count; i++)
        if (is(fields[i].name, "cookie")) {
            PUT(text, "; ");
            put_slice(text, fields[i].value);
        }
    PUT(text, "\r\n");
}

/* A number, and 0 if there is no body. */
static bool length_is_sound(struct slice length, bool body_follows)
{
    for (size_t i = 0; i < length.size; i++)
        if (!is_digit(length.data[i]) || (!body_follows && length.data[i] != '0'))
            return false;
    return length.size > 0;
}

/* The fields behind the pseudo-headers. *length: there is a content-length. */
static bool put_request_fields(struct text *text, const struct http1_header *fields, int count,
                               bool body_follows, bool *length)
{
    bool cookie = false;
    *length = false;
    for (int i = 0; i < count; i++) {
        const struct http1_header *field = &fields[i];
        if (!field_is_sound(field))
            return false;
        if (is(field->name, "host"))
            continue;
        if (is(field->name, "cookie")) {
            if (!cookie)
                put_cookie(text, field, count - i);
            cookie = true;
            continue;
        }
        if (is(field->name, "content-length")) {
            if (*length || !length_is_sound(field->value, body_follows))
                return false;
            *length = true;
        }
        put_field(text, field);
    }
    return true;
}

int http2_request_text(const struct http1_header *fields, int count, bool body_follows, char *out,
                       size_t size)
{
    struct text text = {out, out + size, false};
    struct pseudo pseudo = {0};
    bool length;
    int used = read_pseudo(fields, count, &pseudo);
    if (used < 0)
        return used;
    put_slice(&text, pseudo.method);
    PUT(&text, " ");
    put_slice(&text, pseudo.path.data ? pseudo.path : pseudo.authority);
    PUT(&text, " HTTP/1.1\r\n");
    if (!put_host(&text, pseudo.authority, fields + used, count - used) ||
        !put_request_fields(&text, fields + used, count - used, body_follows, &length))
        return HTTP2_MALFORMED;
    if (body_follows && !length)
        PUT(&text, "Transfer-Encoding: chunked\r\n");
    PUT(&text, "\r\n");
    return text_size(&text, out);
}

/* ---- responses and trailers ---- */

int http2_response_text(const struct http1_header *fields, int count, char *out, size_t size)
{
    struct text text = {out, out + size, false};
    if (!count || !is(fields[0].name, ":status"))
        return HTTP2_MALFORMED;
    struct slice status = fields[0].value;
    if (status.size != 3 || status.data[0] < '1' || status.data[0] > '5' ||
        !is_digit(status.data[1]) || !is_digit(status.data[2]) || is(status, "101"))
        return HTTP2_MALFORMED;
    PUT(&text, "HTTP/1.1 ");
    put_slice(&text, status);
    PUT(&text, " \r\n");
    bool length = false;
    for (int i = 1; i < count; i++) {
        if (!field_is_sound(&fields[i]) || is(fields[i].name, "te"))
            return HTTP2_MALFORMED;
        length |= is(fields[i].name, "content-length");
        put_field(&text, &fields[i]);
    }
    if (!length)
        PUT(&text, "Transfer-Encoding: chunked\r\n");
    PUT(&text, "\r\n");
    return text_size(&text, out);
}

int http2_trailers_text(const struct http1_header *fields, int count, char *out, size_t size)
{
    struct text text = {out, out + size, false};
    for (int i = 0; i < count; i++) {
        if (!field_is_sound(&fields[i]) || http1_has_control(fields[i].value))
            return HTTP2_MALFORMED;
        if (http1_may_be_trailer(fields[i].name))
            put_field(&text, &fields[i]);
    }
    return text_size(&text, out);
}

/* ---- heads that go out ---- */

/* Takes the next line of ours, without its end. False at the empty line or the end. */
static bool next_line(char **at, char *end, struct slice *line)
{
    char *start = *at, *line_end = memchr(start, '\n', (size_t)(end - start));
    if (!line_end || line_end - start < 2)
        return false;
    *line = (struct slice){start, (size_t)(line_end - start - 1)};
    *at = line_end + 1;
    return true;
}

/* Splits "Name: value" and makes the name lower case. */
static bool read_line(struct slice line, struct http1_header *field)
{
    char *data = (char *)line.data, *colon = memchr(data, ':', line.size);
    if (!colon)
        return false;
    for (char *at = data; at < colon; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at |= 0x20;
    const char *value = colon + 1, *end = data + line.size;
    while (value < end && is_blank(*value))
        value++;
    *field = (struct http1_header){{data, (size_t)(colon - data)}, {value, (size_t)(end - value)}};
    return true;
}

/*
 * Adds the fields of lines to fields[count...]; "host" becomes *authority if that is wanted. A
 * target of HTTP/1 may have names that are no tokens: clients of HTTP/2 would take them ill.
 */
static int read_lines(char *at, char *end, struct slice *authority, struct http1_header *fields,
                      int count)
{
    struct http1_header field;
    for (struct slice line; next_line(&at, end, &line);) {
        if (!read_line(line, &field) || !name_is_sound(field.name) ||
            (belongs_to_http1(&field) && !is(field.name, "te")))
            continue;
        if (authority && is(field.name, "host")) {
            *authority = field.value;
            continue;
        }
        if (count == HTTP2_FIELDS_MAX)
            return HTTP2_TOO_LARGE;
        fields[count++] = field;
    }
    return count;
}

int http2_request_fields(char *text, size_t size, struct slice scheme, struct http1_header *fields)
{
    char *at = text, *end = text + size;
    struct slice line;
    if (!next_line(&at, end, &line))
        return HTTP2_TOO_LARGE;
    const char *line_end = line.data + line.size, *method_end = memchr(line.data, ' ', line.size);
    const char *target_end = memrchr(line.data, ' ', line.size);
    if (!method_end || target_end == method_end || !target_end || target_end > line_end)
        return HTTP2_TOO_LARGE;
    fields[0] =
        (struct http1_header){{":method", 7}, {line.data, (size_t)(method_end - line.data)}};
    fields[1] = (struct http1_header){{":scheme", 7}, scheme};
    fields[2] = (struct http1_header){{":path", 5},
                                      {method_end + 1, (size_t)(target_end - method_end - 1)}};
    fields[3] = (struct http1_header){{":authority", 10}, {"", 0}};
    return read_lines(at, end, &fields[3].value, fields, 4);
}

int http2_response_fields(char *text, size_t size, struct http1_header *fields)
{
    char *at = text, *end = text + size;
    struct slice line;
    if (!next_line(&at, end, &line) || line.size < 12)
        return HTTP2_TOO_LARGE;
    fields[0] = (struct http1_header){{":status", 7}, {line.data + 9, 3}};
    return read_lines(at, end, NULL, fields, 1);
}

int http2_trailers_fields(char *text, size_t size, struct http1_header *fields)
{
    return read_lines(text, text + size, NULL, fields, 0);
}
