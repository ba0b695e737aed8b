/* What the headers of a head mean together: where the body ends, and what happens after it. */
#include "wire/http1_internal.h"

#include <string.h>

struct list_cursor {
    const char *at, *end;
    bool finished;
};

/* The next element of a comma-separated list, without white space around it (it may be empty). */
static bool next_element(struct list_cursor *cursor, struct slice *element)
{
    if (cursor->finished)
        return false;
    const char *comma = memchr(cursor->at, ',', (size_t)(cursor->end - cursor->at));
    const char *data = cursor->at, *end = comma ? comma : cursor->end;
    cursor->finished = !comma;
    cursor->at = comma ? comma + 1 : cursor->end;
    while (data < end && (*data == ' ' || *data == '\t'))
        data++;
    while (data < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *element = (struct slice){data, (size_t)(end - data)};
    return true;
}

bool http1_has_token(struct slice value, const char *lower_token)
{
    size_t size = strlen(lower_token);
    struct list_cursor cursor = {value.data, value.data + value.size, false};
    for (struct slice element; next_element(&cursor, &element);)
        if (http1_is(element, lower_token, size))
            return true;
    return false;
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
        return http1_refuse(head, 400, HTTP1_SEVERE, "BadContentLength");
    for (size_t i = 0; i < value.size; i++) {
        unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, digit, &length))
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadContentLength");
    }
    if (length > INT64_MAX)
        return http1_refuse(head, 400, HTTP1_SEVERE, "BadContentLength");
    if (framing->length_count++) {
        if (length != framing->length)
            return http1_refuse(head, 400, HTTP1_SEVERE, "MultipleContentLength");
        http1_classify(head, HTTP1_AMBIGUOUS, "DuplicateContentLength");
    }
    framing->length = length;
    return 0;
}

static bool is_compression(struct slice coding)
{
    return http1_is(coding, "gzip", 4) || http1_is(coding, "deflate", 7) ||
           http1_is(coding, "compress", 8) || http1_is(coding, "x-gzip", 6);
}

/* Only `chunked`, last and once, and `identity`, which says nothing, can be framed. */
static int parse_encoding(struct http1_head *head, struct slice value, struct framing *framing)
{
    struct list_cursor cursor = {value.data, value.data + value.size, false};
    framing->encoding_count++;
    for (struct slice coding; next_element(&cursor, &coding);) {
        bool chunked = http1_is(coding, "chunked", 7);
        if (framing->chunked)
            return http1_refuse(head, 400, HTTP1_SEVERE,
                                chunked ? "MultipleTransferEncodingChunked"
                                        : "BadTransferEncoding");
        if (is_compression(coding))
            return http1_refuse(head, 501, HTTP1_COMPLIANT, "");
        if (!chunked && !http1_is(coding, "identity", 8))
            return http1_refuse(head, 400, HTTP1_SEVERE, "BadTransferEncoding");
        framing->chunked = chunked;
    }
    return 0;
}

/* A name that some parser may read as a framing header: equal but for what is no letter or digit.
 */
static bool looks_like(struct slice name, const char *letters)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.data[i] | 0x20;
        bool alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!alphanumeric)
            continue;
        if (byte != (unsigned char)*letters)
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
        if (header->name.size < 13 || header->name.size > 40)
            continue;
        if (http1_is(header->name, "content-length", 14)) {
            if (parse_length(head, header->value, framing) < 0)
                return HTTP1_BAD;
        } else if (http1_is(header->name, "transfer-encoding", 17)) {
            if (parse_encoding(head, header->value, framing) < 0)
                return HTTP1_BAD;
        } else if (http1_imitates_framing(header->name)) {
            http1_classify(head, HTTP1_AMBIGUOUS, "SuspiciousHeader");
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
    head->keep_alive = !close && (head->minor_version >= 1 || keep_alive);
    head->upgrade = upgrade && head->known.upgrade >= 0;
}

/* Letters, digits and what a host, a port or an address in brackets may have besides. */
static bool host_is_sound(struct slice host)
{
    for (size_t i = 0; i < host.size; i++)
        if (!http1_is_token_byte((unsigned char)host.data[i]) && !strchr(":[]", host.data[i]))
            return false;
    return true;
}

static int check_host(struct http1_head *head)
{
    if (head->known.host < 0)
        return head->minor_version >= 1 ? http1_refuse(head, 400, HTTP1_COMPLIANT, "") : 0;
    for (int i = head->known.host + 1; i < head->header_count; i++)
        if (http1_is(head->headers[i].name, "host", 4))
            return http1_refuse(head, 400, HTTP1_COMPLIANT, "");
    if (!host_is_sound(head->headers[head->known.host].value))
        return http1_refuse(head, 400, HTTP1_COMPLIANT, "");
    return 0;
}

static bool is_get_or_head(struct slice method)
{
    return (method.size == 3 && memcmp(method.data, "GET", 3) == 0) ||
           (method.size == 4 && memcmp(method.data, "HEAD", 4) == 0);
}

static void classify_request(struct http1_head *head, const struct framing *framing)
{
    bool bodiless = is_get_or_head(head->method);
    if (framing->encoding_count && (bodiless || head->minor_version == 0))
        http1_classify(head, HTTP1_AMBIGUOUS, "UndefinedTransferEncodingSemantics");
    if (framing->encoding_count && framing->length_count)
        http1_classify(head, HTTP1_AMBIGUOUS, "BothTeClPresent");
    if (framing->length_count && bodiless) {
        if (framing->length)
            http1_classify(head, HTTP1_AMBIGUOUS, "UndefinedContentLengthSemantics");
        else
            http1_classify(head, HTTP1_ACCEPTABLE, "GetHeadZeroContentLength");
    }
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
    if (read_framing(head, &framing) < 0 || check_host(head) < 0)
        return HTTP1_BAD;
    classify_request(head, &framing);
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
        return http1_refuse(head, 502, HTTP1_AMBIGUOUS, "BothTeClPresent");
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
