#include "wire/http2_head.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_SIZE = HTTP1_TIDY_SIZE_MAX + HTTP1_HEAD_SIZE_MAX };

static struct http1_header fields[HTTP2_FIELDS_MAX], again[HTTP2_FIELDS_MAX];
static struct http1_head head;
static char text[TEXT_SIZE], normal[TEXT_SIZE], last[TEXT_SIZE];

/* Fields are name, NUL, value, NUL; values with a NUL inside are made of the byte 0x01. */
static int read_fields(char *data, size_t size)
{
    int count = 0;
    for (char *at = data, *end = data + size; at < end && count < HTTP2_FIELDS_MAX; count++) {
        char *name_end = memchr(at, 0, (size_t)(end - at));
        if (!name_end)
            break;
        char *value = name_end + 1, *value_end = memchr(value, 0, (size_t)(end - value));
        value_end = value_end ? value_end : end;
        fields[count].name = (struct slice){at, (size_t)(name_end - at)};
        fields[count].value = (struct slice){value, (size_t)(value_end - value)};
        for (char *byte = value; byte < value_end; byte++)
            *byte = *byte == 1 ? 0 : *byte;
        at = value_end + (value_end < end);
    }
    return count;
}

/* No more lines than there are fields, and what else the text has: nothing was smuggled in. */
static void check_lines(size_t size, int count, int others)
{
    int lines = 0;
    for (size_t i = 0; i < size; i++) {
        assert(text[i] != '\n' || (i && text[i - 1] == '\r'));
        assert(text[i] != '\r' || (i + 1 < size && text[i + 1] == '\n'));
        assert(text[i]);
        lines += text[i] == '\n';
    }
    assert(lines <= count + others);
}

/* The head as the balancer writes it anew, in `normal`: its first line, then what was parsed. */
static size_t write_anew(const char *first_line)
{
    size_t size = (size_t)snprintf(normal, sizeof normal, "%s\r\n", first_line);
    for (int i = 0; i < head.header_count; i++)
        size += (size_t)snprintf(normal + size, sizeof normal - size, "%.*s: %.*s\r\n",
                                 (int)head.headers[i].name.size, head.headers[i].name.data,
                                 (int)head.headers[i].value.size, head.headers[i].value.data);
    return size + (size_t)snprintf(normal + size, sizeof normal - size, "\r\n");
}

/* Text becomes HTTP/1, HTTP/1 becomes fields, and those fields the same HTTP/1. */
static void check_request(int count, bool body_follows)
{
    static char tidy[HTTP1_TIDY_SIZE_MAX], line[TEXT_SIZE];
    int used = http2_request_text(fields, count, body_follows, text, sizeof text);
    if (used <= 0)
        return;
    check_lines((size_t)used, count, 4);
    int parsed = http1_parse_request(text, (size_t)used, 0, &head);
    assert(http2_request_text(fields, count, body_follows, last, (size_t)used - 1) < 0);
    assert(parsed == HTTP1_BAD || parsed == used);
    if (parsed == HTTP1_BAD)
        return;
    assert((head.body != HTTP1_BODY_NONE) <= body_follows);
    http1_tidy(&head, tidy);
    snprintf(line, sizeof line, "%.*s %.*s HTTP/1.1", (int)head.method.size, head.method.data,
             (int)head.target.size, head.target.data);
    size_t size = write_anew(line);
    memcpy(text, normal, size);
    int fields_again = http2_request_fields(text, size, (struct slice){"https", 5}, again);
    assert(fields_again >= 4);
    used = http2_request_text(again, fields_again, body_follows, last, sizeof last);
    assert(used == (int)size && memcmp(last, normal, size) == 0);
}

static void check_response(int count)
{
    char line[32];
    int used = http2_response_text(fields, count, text, sizeof text);
    if (used <= 0)
        return;
    check_lines((size_t)used, count, 3);
    int parsed = http1_parse_response(text, (size_t)used, 0, false, &head);
    assert(http2_response_text(fields, count, last, (size_t)used - 1) < 0);
    assert(parsed == HTTP1_BAD || parsed == used);
    if (parsed == HTTP1_BAD)
        return;
    snprintf(line, sizeof line, "HTTP/1.1 %d ", head.status);
    size_t size = write_anew(line);
    memcpy(text, normal, size);
    int fields_again = http2_response_fields(text, size, again);
    assert(fields_again >= 1);
    used = http2_response_text(again, fields_again, last, sizeof last);
    assert(used == (int)size && memcmp(last, normal, size) == 0);
}

/* Trailers are what the decoder of chunks takes for trailers, and become the same fields again. */
static void check_trailers(int count)
{
    struct http1_chunked chunked = {0};
    struct slice piece;
    int used = http2_trailers_text(fields, count, text, sizeof text);
    if (used <= 0)
        return;
    check_lines((size_t)used, count, 0);
    size_t size = (size_t)snprintf(normal, sizeof normal, "0\r\n%.*s\r\n", used, text);
    const char *at = normal;
    if (size < HTTP1_HEAD_SIZE_MAX) { /* else more than the decoder lets pass */
        assert(http1_chunked_next(&chunked, &at, &size, &piece) == 0);
        assert(chunked.done && !size && chunked.trailers.size == (size_t)used);
    }
    memcpy(normal, text, (size_t)used);
    int fields_again = http2_trailers_fields(text, (size_t)used, again);
    assert(fields_again > 0 && fields_again <= count);
    assert(http2_trailers_text(again, fields_again, last, sizeof last) == used);
    assert(memcmp(last, normal, (size_t)used) == 0);
}

/* Whatever the fields: the text is one head, and becomes the same fields again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char input[65536];
    if (!size || size > sizeof input)
        return 0;
    memcpy(input, data + 1, size - 1);
    int count = read_fields(input, size - 1);
    check_request(count, data[0] & 1);
    check_response(count);
    check_trailers(count);
    return 0;
}
