#include "wire/http1_internal.h"

#include <string.h>
#include <strings.h>

enum { TOKEN = 1, TARGET = 2, PLAIN = 4 };

/* What each byte may be part of: a token (RFC 9110, 5.6.2); a request target as we forward it. */
static const uint8_t byte_class[256] = {
    ['!'] = 3, ['"'] = 2,          ['#'] = 1,         ['$' ... '\''] = 3, ['('] = 2,
    [')'] = 2, ['*'] = 3,          ['+'] = 3,         [','] = 2,          ['-'] = 7,
    ['.'] = 3, ['/'] = 2,          ['0' ... '9'] = 7, [':' ... '@'] = 2,  ['A' ... 'Z'] = 7,
    ['['] = 2, ['\\'] = 2,         [']'] = 2,         ['^'] = 3,          ['_'] = 3,
    ['`'] = 3, ['a' ... 'z'] = 7,  ['{'] = 2,         ['|'] = 3,          ['}'] = 2,
    ['~'] = 3, [0x80 ... 0xff] = 2};

bool http1_is_token_byte(unsigned char byte)
{
    return byte_class[byte] & TOKEN;
}

struct known_name {
    const char *name;
    size_t offset; /* in struct http1_known */
};

#define KNOWN(text, member)                                                                        \
    {                                                                                              \
        text, offsetof(struct http1_known, member)                                                 \
    }

/* By length of the name: most headers are told to be unknown by that alone. */
static const struct known_name known_names[18][3] = {
    [2] = {KNOWN("te", te)},
    [4] = {KNOWN("host", host), KNOWN("date", date)},
    [6] = {KNOWN("server", server), KNOWN("expect", expect)},
    [7] = {KNOWN("trailer", trailer), KNOWN("upgrade", upgrade)},
    [10] = {KNOWN("connection", connection), KNOWN("user-agent", user_agent),
            KNOWN("keep-alive", keep_alive)},
    [12] = {KNOWN("content-type", content_type)},
    [13] = {KNOWN("authorization", authorization)},
    [14] = {KNOWN("content-length", content_length)},
    [15] = {KNOWN("x-forwarded-for", forwarded_for), KNOWN("x-amzn-trace-id", trace_id)},
    [16] = {KNOWN("proxy-connection", proxy_connection)},
    [17] = {KNOWN("transfer-encoding", transfer_encoding)},
};

static void note_known(struct http1_head *head, struct slice name, int index)
{
    if (name.size >= sizeof known_names / sizeof known_names[0])
        return;
    const struct known_name *known = known_names[name.size];
    for (int i = 0; i < 3 && known[i].name; i++) {
        if (!http1_is(name, known[i].name, name.size))
            continue;
        int16_t *slot = (int16_t *)(void *)((char *)&head->known + known[i].offset);
        if (*slot < 0)
            *slot = (int16_t)index;
        return;
    }
}

/* One line without its end. Returns the bytes used with the end, 0 if the end is not there yet. */
static size_t take_line(struct http1_head *head, const char *data, size_t size, struct slice *line)
{
    const char *end = memchr(data, '\n', size);
    if (!end)
        return 0;
    *line = (struct slice){data, (size_t)(end - data)};
    if (line->size && end[-1] == '\r')
        line->size--;
    else
        head->odd = true;
    return (size_t)(end - data) + 1;
}

struct slice http1_trimmed(const char *data, const char *end)
{
    while (data < end && (*data == ' ' || *data == '\t'))
        data++;
    while (data < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct slice){data, (size_t)(end - data)};
}

/* No early exit, so that the compiler can look at many bytes at once. */
bool http1_has_control(struct slice value)
{
    unsigned char found = 0;
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        found |= (unsigned char)((byte < 0x20) & (byte != '\t')) | (byte == 0x7f);
    }
    return found;
}

/* Tokens, and oddities that are still visible ASCII, are names; the rest nobody would agree on. */
static bool check_name(struct http1_head *head, struct slice name)
{
    unsigned char outside = 0;
    bool visible = name.size > 0;
    for (size_t i = 0; i < name.size; i++)
        outside |= (unsigned char)~byte_class[(unsigned char)name.data[i]];
    head->invalid_names |= (outside & PLAIN) != 0;
    if (!(outside & TOKEN) && visible)
        return true;
    head->odd = true;
    for (size_t i = 0; i < name.size; i++)
        visible &= name.data[i] > ' ' && name.data[i] < 0x7f;
    head->malformed |= !visible;
    return visible;
}

enum parsed { DROPPED, STORED };

/* The line goes on with the header before it, which has taken all bytes in between. */
static int continue_header(struct http1_head *head, struct slice line, enum parsed before)
{
    http1_mark_malformed(head);
    if (before == DROPPED)
        return DROPPED;
    struct http1_header *header = &head->headers[head->header_count - 1];
    header->value = http1_trimmed(header->value.data, line.data + line.size);
    return header->value.size > HTTP1_LINE_SIZE_MAX ? http1_refuse(head, 431) : STORED;
}

/* `before` is what became of the line before. HTTP1_BAD, or what became of this one. */
static int parse_header(struct http1_head *head, struct slice line, enum parsed before)
{
    if (line.size > HTTP1_LINE_SIZE_MAX)
        return http1_refuse(head, 431);
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return continue_header(head, line, before);
    const char *colon = memchr(line.data, ':', line.size);
    if (!colon) {
        http1_mark_malformed(head);
        return DROPPED;
    }
    if (head->header_count == HTTP1_HEADERS_MAX)
        return http1_refuse(head, 431);
    struct http1_header *header = &head->headers[head->header_count];
    header->name = (struct slice){line.data, (size_t)(colon - line.data)};
    header->value = http1_trimmed(colon + 1, line.data + line.size);
    if (http1_has_control(header->value))
        http1_mark_malformed(head);
    if (!check_name(head, header->name))
        return DROPPED;
    note_known(head, header->name, head->header_count++);
    return STORED;
}

/* All headers up to the empty line. Returns the bytes used, HTTP1_MORE or HTTP1_BAD. */
static int parse_headers(struct http1_head *head, const char *data, size_t size)
{
    int before = DROPPED;
    for (size_t used = 0;;) {
        struct slice line;
        size_t taken = take_line(head, data + used, size - used, &line);
        if (!taken)
            return size - used > HTTP1_LINE_SIZE_MAX + 2 ? http1_refuse(head, 431) : HTTP1_MORE;
        used += taken;
        if (!line.size)
            return (int)used;
        before = parse_header(head, line, before);
        if (before < 0)
            return HTTP1_BAD;
    }
}

static void start_head(struct http1_head *head)
{
    memset(&head->known, 0xff, sizeof head->known);
    head->method = head->target = head->reason = (struct slice){"", 0};
    head->status = head->header_count = head->minor_version = head->error_status = 0;
    head->body = HTTP1_BODY_NONE;
    head->content_length = 0;
    head->keep_alive = head->expect_continue = head->upgrade = false;
    head->http09 = head->malformed = head->odd = head->invalid_names = false;
    head->classification = HTTP1_COMPLIANT;
    head->classification_reason = "";
}

/* ---- the request line ---- */

bool http1_split_request_line(struct slice line, struct http1_request_line *parts)
{
    const char *end = line.data + line.size;
    const char *space = memchr(line.data, ' ', line.size);
    parts->method = (struct slice){line.data, (size_t)((space ? space : end) - line.data)};
    parts->target = parts->version = (struct slice){"", 0};
    if (!space || space + 1 == end)
        return false;
    const char *rest = space + 1, *token = end;
    while (token > rest && !http1_is_token_byte((unsigned char)token[-1]))
        token--;
    const char *before = memrchr(rest, ' ', (size_t)(token - rest));
    if (!before) { /* one word: the target of HTTP/0.9, or no target */
        parts->target = (struct slice){rest, (size_t)(end - rest)};
        return parts->target.size < 7 || memcmp(rest, "HTTP/1.", 7) != 0;
    }
    parts->target = (struct slice){rest, (size_t)(before - rest)};
    parts->version = (struct slice){before + 1, (size_t)(end - before - 1)};
    return true;
}

/* "HTTP/1.x", or 0.9; refuses others with 505 if they are well formed. */
static int parse_version(struct http1_head *head, struct slice version)
{
    if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0 ||
        !http1_is_digit(version.data[5]) || version.data[6] != '.' ||
        !http1_is_digit(version.data[7]))
        return http1_refuse(head, 400);
    head->minor_version = version.data[7] - '0';
    head->odd |= head->minor_version > 1;
    if (version.data[5] == '0' && version.data[7] == '9') {
        head->minor_version = 0;
        head->http09 = head->odd = true;
        return 0;
    }
    return version.data[5] == '1' ? 0 : http1_refuse(head, version.data[5] == '0' ? 400 : 505);
}

/* Not http1_is(): a target may hold control bytes, and 0x0f is no slash. */
static bool begins(struct slice text, const char *lower, size_t size)
{
    return text.size >= size && strncasecmp(text.data, lower, size) == 0;
}

/* What stands between "http://" and the path must be fit for a Host header. */
static bool has_sound_authority(struct slice target, size_t scheme_size)
{
    const char *host = target.data + scheme_size, *end = target.data + target.size, *stop = host;
    while (stop < end && *stop != '/' && *stop != '?')
        stop++;
    return stop > host && *host != ':' &&
           http1_is_host((struct slice){host, (size_t)(stop - host)});
}

/* Origin form, absolute form of http and https, or "*" of OPTIONS; never CONNECT's form. */
static int check_target(struct http1_head *head)
{
    struct slice target = head->target;
    unsigned char outside = 0;
    for (size_t i = 0; i < target.size; i++)
        outside |= (unsigned char)~byte_class[(unsigned char)target.data[i]];
    if (outside & TARGET) {
        http1_mark_malformed(head);
        head->target = target = http1_trimmed(target.data, target.data + target.size);
    }
    if (target.size && target.data[0] == '/')
        return 0;
    bool star = target.size == 1 && target.data[0] == '*' && head->method.size == 7 &&
                memcmp(head->method.data, "OPTIONS", 7) == 0;
    if (star || (begins(target, "http://", 7) && has_sound_authority(target, 7)) ||
        (begins(target, "https://", 8) && has_sound_authority(target, 8)))
        return 0;
    head->odd = true;
    return http1_refuse(head, 400);
}

enum { LINE_IS_HEAD = 1 };

/* A line that is not three words with one space between them. */
static int parse_odd_request_line(struct http1_head *head, struct slice line)
{
    struct http1_request_line parts;
    http1_mark_malformed(head);
    bool has_target = http1_split_request_line(line, &parts);
    head->method = parts.method;
    head->target = parts.target;
    if (!has_target)
        return http1_refuse(head, 400);
    struct slice version =
        http1_trimmed(parts.version.data, parts.version.data + parts.version.size);
    if (version.size)
        return parse_version(head, version);
    head->http09 = true;
    return LINE_IS_HEAD;
}

static int parse_request_line(struct http1_head *head, struct slice line)
{
    if (line.size > HTTP1_LINE_SIZE_MAX)
        return http1_refuse(head, 414);
    enum { VERSION_SIZE = 9 }; /* with the space before */
    const char *method_end = memchr(line.data, ' ', line.size);
    const char *version = line.data + (line.size > VERSION_SIZE ? line.size - VERSION_SIZE : 0);
    int result = 0;
    if (method_end && version > method_end && memcmp(version, " HTTP/1.", 8) == 0 &&
        (version[8] == '1' || version[8] == '0')) {
        head->method = (struct slice){line.data, (size_t)(method_end - line.data)};
        head->target = (struct slice){method_end + 1, (size_t)(version - method_end - 1)};
        head->minor_version = version[8] - '0';
    } else {
        result = parse_odd_request_line(head, line);
    }
    bool token = head->method.size > 0;
    for (size_t i = 0; i < head->method.size; i++)
        token &= http1_is_token_byte((unsigned char)line.data[i]);
    if (!token) {
        head->odd = true;
        return http1_refuse(head, 400);
    }
    return result < 0 || check_target(head) < 0 ? HTTP1_BAD : result;
}

/* ---- whole heads ---- */

static int parse_status_line(struct http1_head *head, struct slice line)
{
    const char *text = line.data;
    if (line.size < 12 || text[8] != ' ' || !http1_is_digit(text[9]) || !http1_is_digit(text[10]) ||
        !http1_is_digit(text[11]) || (line.size > 12 && text[12] != ' '))
        return http1_refuse(head, 502);
    if (parse_version(head, (struct slice){text, 8}) < 0 || head->http09)
        return http1_refuse(head, 502);
    head->status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
    if (line.size > 13)
        head->reason = (struct slice){text + 13, line.size - 13};
    if (head->status < 100 || http1_has_control(head->reason))
        return http1_refuse(head, 502);
    return 0;
}

/*
 * Whether the head cannot end yet, judged by the new bytes alone: a head that comes in small
 * pieces is looked at once, not once a piece. `seen` bytes were looked at before.
 */
static bool still_open(const char *data, size_t size, size_t seen)
{
    size_t from = seen > 3 ? seen - 3 : 0;
    for (const char *end = data + size, *at = data + from; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            return true;
        if (at + 1 < end && (at[1] == '\n' || (at[1] == '\r' && at + 2 < end && at[2] == '\n')))
            return false;
    }
    return true;
}

/* Empty lines that some clients send before a request (RFC 9112, 2.2). */
static size_t leading_lines(const char *data, size_t size)
{
    size_t used = 0;
    while (used < 4 && used < size && (data[used] == '\r' || data[used] == '\n'))
        used++;
    return used;
}

/* What to answer when `size` bytes hold no whole first line, or no whole head. */
static int ask_for_more(struct http1_head *head, const char *data, size_t size, size_t limit)
{
    if (size > HTTP1_LINE_SIZE_MAX + 2 && !memchr(data, '\n', HTTP1_LINE_SIZE_MAX + 2))
        return http1_refuse(head, 414);
    return size >= limit ? http1_refuse(head, 431) : HTTP1_MORE;
}

/* `looked_at` is set to the bytes of the lines that a refusal concerns. */
static int parse(const char *data, size_t size, size_t limit, struct http1_head *head,
                 int (*first_line)(struct http1_head *, struct slice), size_t *looked_at)
{
    struct slice line;
    size_t used = take_line(head, data, size, &line);
    if (!used)
        return ask_for_more(head, data, size, limit);
    *looked_at = used;
    int result = first_line(head, line);
    if (result != 0)
        return result == LINE_IS_HEAD ? (int)used : HTTP1_BAD;
    int taken = parse_headers(head, data + used, size - used);
    if (taken == HTTP1_BAD)
        return HTTP1_BAD;
    if (taken == HTTP1_MORE)
        return ask_for_more(head, data, size, limit);
    *looked_at = used += (size_t)taken;
    return used > limit ? http1_refuse(head, 431) : (int)used;
}

/* Whether the first line, which may be a whole request (HTTP/0.9), ends in data[seen..size). */
static bool first_line_is_new(const char *data, size_t size, size_t seen)
{
    return memchr(data + seen, '\n', size - seen) && !memchr(data, '\n', seen);
}

int http1_parse_request(const char *data, size_t size, size_t seen, struct http1_head *head)
{
    start_head(head);
    size_t skip = leading_lines(data, size), looked_at = 0;
    if (seen > skip && still_open(data, size, seen) &&
        !first_line_is_new(data + skip, size - skip, seen - skip))
        return ask_for_more(head, data + skip, size - skip, HTTP1_HEAD_SIZE_MAX);
    data += skip;
    int used = parse(data, size - skip, HTTP1_HEAD_SIZE_MAX, head, parse_request_line, &looked_at);
    if (used > 0 && http1_frame_request(head) < 0)
        used = HTTP1_BAD;
    if (head->odd && used != HTTP1_MORE)
        http1_classify(head, (struct slice){data, looked_at});
    head->size = used > 0 ? (size_t)used : 0;
    return used > 0 ? used + (int)skip : used;
}

int http1_parse_response(const char *data, size_t size, size_t seen, bool request_was_head,
                         struct http1_head *head)
{
    start_head(head);
    size_t looked_at = 0;
    if (seen && still_open(data, size, seen))
        return ask_for_more(head, data, size, HTTP1_RESPONSE_HEAD_SIZE_MAX);
    int used = parse(data, size, HTTP1_RESPONSE_HEAD_SIZE_MAX, head, parse_status_line, &looked_at);
    if (used > 0 && head->malformed)
        return http1_refuse(head, 502);
    return used > 0 && http1_frame_response(head, request_was_head) < 0 ? HTTP1_BAD : used;
}

const struct http1_header *http1_find(const struct http1_head *head, const char *lower_name)
{
    size_t size = strlen(lower_name);
    for (int i = 0; i < head->header_count; i++)
        if (http1_is(head->headers[i].name, lower_name, size))
            return &head->headers[i];
    return NULL;
}
