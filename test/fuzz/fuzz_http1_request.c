#include "wire/http1.h"
#include "wire/http1_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice slice, const char *text, size_t size)
{
    assert(slice.size == 0 || (slice.data >= text && slice.data + slice.size <= text + size));
}

static bool has_control(struct slice slice)
{
    for (size_t i = 0; i < slice.size; i++)
        if (((unsigned char)slice.data[i] < ' ' && slice.data[i] != '\t') || slice.data[i] == 0x7f)
            return true;
    return false;
}

/* A tidy head can be written as it is: no byte of it could end a line or a word. */
static void check_tidy(struct http1_head *head)
{
    static char out[HTTP1_TIDY_SIZE_MAX];
    enum http1_body body = head->body;
    http1_tidy(head, out);
    assert(!head->malformed && head->body == body && head->target.size);
    assert(!has_control(head->target) && !memchr(head->target.data, ' ', head->target.size));
    for (int i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;
        assert(name.size && !has_control(name) && !memchr(name.data, ' ', name.size));
        assert(!has_control(head->headers[i].value));
        assert(head->headers[i].value.size <= HTTP1_LINE_SIZE_MAX);
    }
}

static bool same(struct slice a, struct slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/*
 * Written anew, a tidy head is one head again, and means the same. What its hop-by-hop headers said
 * was read before: a control byte in them, which is a space now, may have hidden a word.
 */
static void check_written(const struct http1_head *head, bool was_malformed)
{
    static char out[HTTP1_TIDY_SIZE_MAX + HTTP1_HEAD_SIZE_MAX];
    static struct http1_head again;
    int size = snprintf(out, sizeof out, "%.*s %.*s HTTP/1.%d\r\n", (int)head->method.size,
                        head->method.data, (int)head->target.size, head->target.data,
                        head->minor_version > 0);
    for (int i = 0; i < head->header_count; i++)
        size += snprintf(out + size, sizeof out - (size_t)size, "%.*s: %.*s\r\n",
                         (int)head->headers[i].name.size, head->headers[i].name.data,
                         (int)head->headers[i].value.size, head->headers[i].value.data);
    size += snprintf(out + size, sizeof out - (size_t)size, "\r\n");
    int used = http1_parse_request(out, (size_t)size, 0, &again);
    if (used == HTTP1_BAD) { /* bytes became %XX */
        assert(again.error_status == 431 || again.error_status == 414);
        return;
    }
    assert(used == size && same(again.method, head->method) && same(again.target, head->target));
    assert(again.body == head->body && again.content_length == head->content_length);
    assert(was_malformed ||
           (again.expect_continue == head->expect_continue && again.upgrade == head->upgrade &&
            again.keep_alive == head->keep_alive));
    assert(again.header_count == head->header_count);
    for (int i = 0; i < head->header_count; i++)
        assert(same(again.headers[i].name, head->headers[i].name) &&
               same(again.headers[i].value, head->headers[i].value));
    assert(memcmp(&again.known, &head->known, sizeof again.known) == 0);
}

/* The parser asks for a classification whenever there is something to classify. */
static void check_not_odd(const char *text, size_t size)
{
    static struct http1_head head;
    head.classification = HTTP1_COMPLIANT;
    http1_classify(&head, (struct slice){text, size});
    assert(head.classification == HTTP1_COMPLIANT);
}

/* Whatever the bytes: slices point into them, and arriving piece by piece changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head whole, pieces;
    const char *text = (const char *)data;
    int used = http1_parse_request(text, size, 0, &whole);
    assert(used <= (int)size);
    int result = HTTP1_MORE;
    for (size_t have = 0, seen = 0; have < size && result == HTTP1_MORE; seen = have) {
        have += 1 + have / 3;
        have = have > size ? size : have;
        result = http1_parse_request(text, have, seen, &pieces);
    }
    assert((used > 0) == (result > 0) && (used <= 0 || used == result));
    assert((whole.classification == HTTP1_COMPLIANT) == !*whole.classification_reason);
    if (used <= 0)
        return 0;
    assert(whole.classification == pieces.classification &&
           whole.classification_reason == pieces.classification_reason);
    check_inside(whole.method, text, size);
    check_inside(whole.target, text, size);
    assert(whole.method.size && whole.target.size);
    for (int i = 0; i < whole.header_count; i++) {
        check_inside(whole.headers[i].name, text, size);
        check_inside(whole.headers[i].value, text, size);
    }
    assert(whole.body != HTTP1_BODY_UNTIL_CLOSE);
    if (!whole.odd) {
        size_t skip = (size_t)(whole.method.data - text);
        check_not_odd(text + skip, (size_t)used - skip);
    }
    bool was_malformed = whole.malformed;
    check_tidy(&whole);
    check_written(&whole, was_malformed);
    return 0;
}
