/*
 * ALB's desync mitigation: what is odd about a request, and how dangerous that is.
 *
 * Only heads that the parser found odd come here, as text: the checks and their order are AWS's own
 * (lines, headers, framing, method, version, target), whatever the parser makes of the same bytes.
 * The verdict is the highest class found; of several reasons in it, the first.
 */
#include "wire/http1_internal.h"

#include <string.h>
#include <strings.h>

static void judge(struct http1_head *head, enum http1_class classification, const char *reason)
{
    if (classification > head->classification) {
        head->classification = classification;
        head->classification_reason = reason;
    }
}

/* ---- lines ---- */

/* A header, or a continuation line as one. */
struct field {
    struct slice name, value;
    bool no_colon, folded;
};

struct field_cursor {
    const char *at, *end;
    struct slice name; /* of the last header that was none of these lines */
    bool media_type;   /* it is Content-Type, which may be folded */
};

/* The next line without its end. False at the empty line, or when there is no more. */
static bool next_line(const char **at, const char *end, struct slice *line)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (!stop)
        return false;
    *line = (struct slice){*at, (size_t)(stop - *at)};
    *at = stop + 1;
    if (line->size && stop[-1] == '\r')
        line->size--;
    return line->size > 0;
}

/*
 * A continuation line belongs to the header before it. But where it has a colon it may pass for a
 * header of its own, to somebody who trims lines, and so it is looked at as one.
 */
static bool next_field(struct field_cursor *cursor, struct field *field)
{
    struct slice line;
    if (!next_line(&cursor->at, cursor->end, &line))
        return false;
    const char *end = line.data + line.size;
    const char *colon = memchr(line.data, ':', line.size);
    bool continued = line.data[0] == ' ' || line.data[0] == '\t';
    struct slice first = {line.data, (size_t)((colon ? colon : end) - line.data)};
    if (!continued && colon) {
        cursor->name = first;
        cursor->media_type = http1_is(first, "content-type", 12);
    }
    if (continued && cursor->name.data && (cursor->media_type || !colon)) {
        field->name = cursor->name;
        field->value = first;
    } else {
        field->name = first;
        field->value =
            colon ? (struct slice){colon + 1, (size_t)(end - colon - 1)} : (struct slice){"", 0};
    }
    field->no_colon = !continued && !colon;
    field->folded = continued && !cursor->media_type;
    return true;
}

static void judge_lines(struct http1_head *head, struct slice text, struct field_cursor cursor)
{
    const char *end = text.data + text.size;
    for (const char *at = text.data; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        if (at == text.data || at[-1] != '\r')
            judge(head, HTTP1_ACCEPTABLE, "NonCrLfLineTermination");
    for (struct field field; next_field(&cursor, &field);) {
        if (field.no_colon)
            judge(head, HTTP1_AMBIGUOUS, "MissingHeaderColon");
        if (field.folded)
            judge(head, HTTP1_AMBIGUOUS, "MultilineHeader");
    }
}

/* ---- headers ---- */

static bool is_bad_byte(unsigned char byte)
{
    return byte == 0 || byte == '\r' || byte == '\n';
}

static enum http1_class class_of_bytes(const struct field *field)
{
    enum http1_class found = HTTP1_COMPLIANT;
    for (size_t i = 0; i < field->name.size; i++) {
        unsigned char byte = (unsigned char)field->name.data[i];
        if (is_bad_byte(byte))
            return HTTP1_SEVERE;
        if (!http1_is_token_byte(byte))
            found = HTTP1_ACCEPTABLE;
    }
    for (size_t i = 0; i < field->value.size; i++) {
        unsigned char byte = (unsigned char)field->value.data[i];
        if (is_bad_byte(byte))
            return HTTP1_SEVERE;
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            found = HTTP1_ACCEPTABLE;
    }
    return found;
}

static bool is_name(struct slice name, const char *lower)
{
    size_t size = strlen(lower);
    return name.size == size && strncasecmp(name.data, lower, size) == 0;
}

static bool is_blank(struct slice name)
{
    return !http1_trimmed(name.data, name.data + name.size).size;
}

static bool is_framing_name(struct slice name)
{
    return is_name(name, "content-length") || is_name(name, "transfer-encoding");
}

static void judge_headers(struct http1_head *head, struct field_cursor cursor)
{
    for (struct field field; next_field(&cursor, &field);) {
        enum http1_class bytes = class_of_bytes(&field);
        judge(head, bytes, bytes == HTTP1_SEVERE ? "BadHeader" : "NonCompliantHeader");
        if (is_blank(field.name))
            judge(head, HTTP1_AMBIGUOUS, "EmptyHeader");
        else if (bytes < HTTP1_SEVERE && !is_framing_name(field.name) &&
                 http1_imitates_framing(field.name))
            judge(head, HTTP1_AMBIGUOUS, "SuspiciousHeader");
    }
}

/* ---- framing ---- */

/* The next header called `lower`, or imitating it: somebody may read it as one. */
static bool next_framing(struct field_cursor *cursor, const char *lower, struct slice *value)
{
    for (struct field field; next_field(cursor, &field);) {
        bool same = is_name(field.name, lower);
        bool alike = !same && !is_framing_name(field.name) && http1_imitates_framing(field.name) &&
                     class_of_bytes(&field) < HTTP1_SEVERE;
        if (alike) { /* which of the two: no other name has this letter */
            bool length = memchr(field.name.data, 'L', field.name.size) ||
                          memchr(field.name.data, 'l', field.name.size);
            alike = length == (lower[0] == 'c');
        }
        *value = http1_trimmed(field.value.data, field.value.data + field.value.size);
        if (same || alike)
            return true;
    }
    return false;
}

static bool is_coding(struct slice name)
{
    return http1_is(name, "chunked", 7) || http1_is(name, "identity", 8) ||
           http1_is(name, "gzip", 4) || http1_is(name, "deflate", 7) ||
           http1_is(name, "compress", 8);
}

static void judge_encodings(struct http1_head *head, struct field_cursor cursor)
{
    int chunked = 0;
    for (struct slice value; next_framing(&cursor, "transfer-encoding", &value);) {
        struct http1_list list = {value.data, value.data + value.size, false};
        for (struct slice coding; http1_list_next(&list, &coding);) {
            struct slice name = http1_coding_name(coding);
            if (!is_coding(name))
                judge(head, HTTP1_SEVERE, "BadTransferEncoding");
            chunked += http1_is(name, "chunked", 7);
            if (chunked > 1)
                judge(head, HTTP1_SEVERE, "MultipleTransferEncodingChunked");
        }
    }
}

static bool read_number(struct slice digits, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.size; i++)
        if (!http1_is_digit(digits.data[i]) || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (unsigned)(digits.data[i] - '0'), number))
            return false;
    return digits.size > 0;
}

/* Whether some Content-Length is a number, and which. */
static bool judge_lengths(struct http1_head *head, struct field_cursor cursor, uint64_t *length)
{
    bool known = false;
    uint64_t number;
    for (struct slice value; next_framing(&cursor, "content-length", &value);) {
        if (!read_number(value, &number)) {
            judge(head, HTTP1_SEVERE, "BadContentLength");
        } else if (!known) {
            known = true;
            *length = number;
        } else if (number == *length) {
            judge(head, HTTP1_AMBIGUOUS, "DuplicateContentLength");
        } else {
            judge(head, HTTP1_SEVERE, "MultipleContentLength");
        }
    }
    return known;
}

static bool is_exactly(struct slice text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* `version` is empty for HTTP/0.9. */
static void judge_framing(struct http1_head *head, struct field_cursor cursor, struct slice method,
                          struct slice version)
{
    struct slice value;
    bool encoded =
        next_framing(&(struct field_cursor){cursor.at, cursor.end}, "transfer-encoding", &value);
    if (encoded && (!version.size || is_exactly(version, "HTTP/1.0"))) {
        judge(head, HTTP1_AMBIGUOUS, "UndefinedTransferEncodingSemantics");
        return;
    }
    if (!version.size &&
        next_framing(&(struct field_cursor){cursor.at, cursor.end}, "content-length", &value)) {
        judge(head, HTTP1_AMBIGUOUS, "UndefinedContentLengthSemantics");
        return;
    }
    uint64_t length = 0;
    judge_encodings(head, cursor);
    bool known = judge_lengths(head, cursor, &length);
    bool bodiless = is_exactly(method, "GET") || is_exactly(method, "HEAD");
    if (bodiless && encoded)
        judge(head, HTTP1_AMBIGUOUS, "UndefinedTransferEncodingSemantics");
    if (bodiless && known && length)
        judge(head, HTTP1_AMBIGUOUS, "UndefinedContentLengthSemantics");
    else if (bodiless && known)
        judge(head, HTTP1_ACCEPTABLE, "GetHeadZeroContentLength");
    if (known && encoded)
        judge(head, HTTP1_AMBIGUOUS, "BothTeClPresent");
}

/* ---- the request line ---- */

static void judge_version(struct http1_head *head, struct slice written, struct slice version)
{
    if (!version.size)
        judge(head, HTTP1_ACCEPTABLE, "NonCompliantVersion");
    else if (version.size != 8 || memcmp(version.data, "HTTP/1.", 7) != 0 ||
             !http1_is_digit(version.data[7]))
        judge(head, HTTP1_SEVERE, "BadVersion");
    else if (version.data[7] > '1' || written.size != version.size)
        judge(head, HTTP1_ACCEPTABLE, "NonCompliantVersion");
}

static void judge_target(struct http1_head *head, struct slice target)
{
    for (size_t i = 0; i < target.size; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (is_bad_byte(byte))
            judge(head, HTTP1_SEVERE, "BadUri");
        else if (byte == ' ')
            judge(head, HTTP1_ACCEPTABLE, "SpaceInUri");
        else if (byte < ' ' || byte == 0x7f)
            judge(head, HTTP1_AMBIGUOUS, "AmbiguousUri");
    }
}

static void judge_method(struct http1_head *head, struct slice method)
{
    for (size_t i = 0; i < method.size; i++)
        if (!http1_is_token_byte((unsigned char)method.data[i]))
            judge(head, HTTP1_SEVERE, "BadMethod");
}

/* HTTP/2.0 and later in a request line: not this protocol, and so not judged. */
static bool is_later_version(struct slice version)
{
    return version.size == 8 && memcmp(version.data, "HTTP/", 5) == 0 && version.data[5] >= '2' &&
           version.data[5] <= '9';
}

void http1_classify(struct http1_head *head, struct slice text)
{
    struct http1_request_line parts;
    struct slice line;
    const char *at = text.data;
    if (!next_line(&at, text.data + text.size, &line))
        return;
    bool has_target = http1_split_request_line(line, &parts);
    struct slice version =
        http1_trimmed(parts.version.data, parts.version.data + parts.version.size);
    if (is_later_version(version))
        return;
    if (is_exactly(version, "HTTP/0.9"))
        version.size = 0;
    struct field_cursor cursor = {at, text.data + text.size};
    if (!has_target)
        judge(head, HTTP1_AMBIGUOUS, "MissingUri");
    judge_lines(head, text, cursor);
    judge_headers(head, cursor);
    judge_framing(head, cursor, parts.method, version);
    judge_method(head, parts.method);
    judge_version(head, parts.version, version);
    judge_target(head, parts.target);
}
