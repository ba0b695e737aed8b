#include "wire/http1_internal.h"

#include <string.h>

enum { TOKEN = 1, TARGET = 2 };

/* What each byte may be part of: a token (RFC 9110, 5.6.2); a request target as we forward it. */
static const uint8_t byte_class[256] = {
    ['!'] = 3, ['"'] = 2,          ['#'] = 1,         ['$' ... '\''] = 3, ['('] = 2,
    [')'] = 2, ['*'] = 3,          ['+'] = 3,         [','] = 2,          ['-'] = 3,
    ['.'] = 3, ['/'] = 2,          ['0' ... '9'] = 3, [':' ... '@'] = 2,  ['A' ... 'Z'] = 3,
    ['['] = 2, ['\\'] = 2,         [']'] = 2,         ['^'] = 3,          ['_'] = 3,
    ['`'] = 3, ['a' ... 'z'] = 3,  ['{'] = 2,         ['|'] = 3,          ['}'] = 2,
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
        http1_classify(head, HTTP1_ACCEPTABLE, "NonCrLfLineTermination");
    return (size_t)(end - data) + 1;
}

static struct slice trimmed(const char *data, const char *end)
{
    while (data < end && (*data == ' ' || *data == '\t'))
        data++;
    while (data < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct slice){data, (size_t)(end - data)};
}

/* No early exit, so that the compiler can look at many bytes at once. */
static bool has_control(struct slice value)
{
    unsigned char found = 0;
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        found |= (unsigned char)((byte < 0x20) & (byte != '\t')) | (byte == 0x7f);
    }
    return found;
}

static int check_name(struct http1_head *head, struct slice name)
{
    if (!name.size)
        return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "EmptyHeader");
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        if (byte_class[byte] & TOKEN)
            continue;
        if (byte == 0 || byte == '\r')
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadHeader");
        if (byte <= ' ' || byte == 0x7f) /* also white space before the colon (RFC 9112, 5.1) */
            return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "SuspiciousHeader");
        http1_classify(head, HTTP1_ACCEPTABLE, "NonCompliantHeader");
    }
    return 0;
}

static int parse_header(struct http1_head *head, struct slice line)
{
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "MultilineHeader");
    const char *colon = memchr(line.data, ':', line.size);
    if (!colon)
        return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "MissingHeaderColon");
    if (head->header_count == HTTP1_HEADERS_MAX || line.size > HTTP1_LINE_SIZE_MAX)
        return http1_refuse(head, 431, HTTP1_COMPLIANT, "");
    struct http1_header *header = &head->headers[head->header_count];
    header->name = (struct slice){line.data, (size_t)(colon - line.data)};
    header->value = trimmed(colon + 1, line.data + line.size);
    if (check_name(head, header->name) < 0)
        return HTTP1_BAD;
    if (has_control(header->value)) {
        if (memchr(header->value.data, 0, header->value.size) ||
            memchr(header->value.data, '\r', header->value.size))
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadHeader");
        return http1_refuse(head, 400, HTTP1_ACCEPTABLE, "NonCompliantHeader");
    }
    note_known(head, header->name, head->header_count++);
    return 0;
}

/* All headers up to the empty line. Returns the bytes used, HTTP1_MORE or HTTP1_BAD. */
static int parse_headers(struct http1_head *head, const char *data, size_t size)
{
    for (size_t used = 0;;) {
        struct slice line;
        size_t taken = take_line(head, data + used, size - used, &line);
        if (!taken)
            return size - used > HTTP1_LINE_SIZE_MAX + 2
                       ? http1_refuse(head, 431, HTTP1_COMPLIANT, "")
                       : HTTP1_MORE;
        used += taken;
        if (!line.size)
            return (int)used;
        if (parse_header(head, line) < 0)
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
    head->classification = HTTP1_COMPLIANT;
    head->classification_reason = "";
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.x"; refuses others with 505 if they are well formed. */
static int parse_version(struct http1_head *head, struct slice version)
{
    if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0 || !is_digit(version.data[5]) ||
        version.data[6] != '.' || !is_digit(version.data[7]))
        return http1_refuse(head, 400, HTTP1_SEVERE, "BadVersion");
    if (version.data[5] != '1')
        return http1_refuse(head, 505, HTTP1_SEVERE, "BadVersion");
    head->minor_version = version.data[7] - '0';
    if (head->minor_version > 1)
        http1_classify(head, HTTP1_ACCEPTABLE, "NonCompliantVersion");
    return 0;
}

static bool begins(struct slice text, const char *lower, size_t size)
{
    return text.size >= size && http1_is((struct slice){text.data, size}, lower, size);
}

/* Origin form, absolute form of http and https, or "*" of OPTIONS; never CONNECT's form. */
static int check_target(struct http1_head *head)
{
    struct slice target = head->target;
    for (size_t i = 0; i < target.size; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (byte_class[byte] & TARGET)
            continue;
        if (byte == 0 || byte == '\r')
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadUri");
        if (byte == ' ')
            return http1_refuse(head, 400, HTTP1_ACCEPTABLE, "SpaceInUri");
        return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "AmbiguousUri");
    }
    bool star = target.size == 1 && target.data[0] == '*' && head->method.size == 7 &&
                memcmp(head->method.data, "OPTIONS", 7) == 0;
    if (target.size && (target.data[0] == '/' || star || begins(target, "http://", 7) ||
                        begins(target, "https://", 8)))
        return 0;
    return http1_refuse(head, 400, HTTP1_AMBIGUOUS, "AmbiguousUri");
}

static int parse_request_line(struct http1_head *head, struct slice line)
{
    const char *end = line.data + line.size;
    const char *method_end = memchr(line.data, ' ', line.size);
    if (!method_end || method_end == line.data)
        return http1_refuse(head, 400, HTTP1_SEVERE, "BadMethod");
    head->method = (struct slice){line.data, (size_t)(method_end - line.data)};
    for (size_t i = 0; i < head->method.size; i++)
        if (!http1_is_token_byte((unsigned char)line.data[i]))
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadMethod");
    const char *target = method_end + 1;
    const char *target_end = memrchr(target, ' ', (size_t)(end - target));
    if (!target_end)
        return http1_refuse(head, 400, HTTP1_ACCEPTABLE, "NonCompliantVersion");
    head->target = (struct slice){target, (size_t)(target_end - target)};
    if (line.size > HTTP1_LINE_SIZE_MAX)
        return http1_refuse(head, 414, HTTP1_COMPLIANT, "");
    if (parse_version(head, (struct slice){target_end + 1, (size_t)(end - target_end - 1)}) < 0)
        return HTTP1_BAD;
    return check_target(head);
}

static int parse_status_line(struct http1_head *head, struct slice line)
{
    const char *text = line.data;
    if (line.size < 12 || text[8] != ' ' || !is_digit(text[9]) || !is_digit(text[10]) ||
        !is_digit(text[11]) || (line.size > 12 && text[12] != ' '))
        return http1_refuse(head, 502, HTTP1_SEVERE, "BadVersion");
    if (parse_version(head, (struct slice){text, 8}) < 0)
        return HTTP1_BAD;
    head->status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
    if (line.size > 13)
        head->reason = (struct slice){text + 13, line.size - 13};
    if (head->status < 100 || has_control(head->reason))
        return http1_refuse(head, 502, HTTP1_SEVERE, "BadHeader");
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
        return http1_refuse(head, 414, HTTP1_COMPLIANT, "");
    return size >= limit ? http1_refuse(head, 431, HTTP1_COMPLIANT, "") : HTTP1_MORE;
}

static int parse(const char *data, size_t size, size_t skip, size_t limit, struct http1_head *head,
                 int (*first_line)(struct http1_head *, struct slice))
{
    struct slice line;
    size_t used = take_line(head, data + skip, size - skip, &line);
    if (!used)
        return ask_for_more(head, data + skip, size - skip, limit);
    if (first_line(head, line) < 0)
        return HTTP1_BAD;
    used += skip;
    int taken = parse_headers(head, data + used, size - used);
    if (taken == HTTP1_BAD)
        return HTTP1_BAD;
    if (taken == HTTP1_MORE)
        return ask_for_more(head, data, size, limit);
    used += (size_t)taken;
    return used > limit ? http1_refuse(head, 431, HTTP1_COMPLIANT, "") : (int)used;
}

int http1_parse_request(const char *data, size_t size, size_t seen, struct http1_head *head)
{
    start_head(head);
    size_t skip = leading_lines(data, size);
    if (seen > skip && still_open(data, size, seen))
        return ask_for_more(head, data + skip, size - skip, HTTP1_HEAD_SIZE_MAX);
    int used = parse(data, size, skip, HTTP1_HEAD_SIZE_MAX, head, parse_request_line);
    return used > 0 && http1_frame_request(head) < 0 ? HTTP1_BAD : used;
}

int http1_parse_response(const char *data, size_t size, size_t seen, bool request_was_head,
                         struct http1_head *head)
{
    start_head(head);
    if (seen && still_open(data, size, seen))
        return ask_for_more(head, data, size, HTTP1_RESPONSE_HEAD_SIZE_MAX);
    int used = parse(data, size, 0, HTTP1_RESPONSE_HEAD_SIZE_MAX, head, parse_status_line);
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
