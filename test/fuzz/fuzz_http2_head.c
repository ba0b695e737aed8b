#include "wire/http2_head.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields are name, NUL, value, NUL; values with a NUL inside are made of the byte 0x01. */
static int read_fields(char *data, size_t size, struct http1_header *fields)
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
static void check_lines(const char *text, size_t size, int count, int others)
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

/* Whatever the fields: the text is one head, and becomes fields again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_header fields[HTTP2_FIELDS_MAX], again[HTTP2_FIELDS_MAX];
    static struct http1_head head;
    static char input[65536], text[2 * HTTP1_HEAD_SIZE_MAX];
    if (!size || size > sizeof input)
        return 0;
    memcpy(input, data + 1, size - 1);
    bool body_follows = data[0] & 1;
    int count = read_fields(input, size - 1, fields);
    int used = http2_request_text(fields, count, body_follows, text, sizeof text);
    if (used > 0) {
        check_lines(text, (size_t)used, count, 4);
        int parsed = http1_parse_request(text, (size_t)used, 0, &head);
        assert(parsed == HTTP1_BAD || parsed == used);
        assert(parsed == HTTP1_BAD || (head.body != HTTP1_BODY_NONE) <= body_follows);
        http2_request_fields(text, (size_t)used, (struct slice){"https", 5}, again);
    }
    used = http2_response_text(fields, count, text, sizeof text);
    if (used > 0) {
        check_lines(text, (size_t)used, count, 3);
        int parsed = http1_parse_response(text, (size_t)used, 0, false, &head);
        assert(parsed == HTTP1_BAD || parsed == used);
        assert(http2_response_fields(text, (size_t)used, again) > 0 || count >= HTTP2_FIELDS_MAX);
    }
    used = http2_trailers_text(fields, count, text, sizeof text);
    if (used > 0)
        assert(http2_trailers_fields(text, (size_t)used, again) <= count);
    return 0;
}
