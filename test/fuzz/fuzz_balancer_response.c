#include "balancer/rewrite.h"
#include "wire/http2_head.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char date[] = "Sat, 21 Nov 2026 02:37:02 GMT";
static const char policy[] = "Content-Security-Policy: none\r\n";

static struct http1_head head, again;
static char out[2 * HTTP1_RESPONSE_HEAD_SIZE_MAX];

static bool same(struct slice a, struct slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool is_the_targets(const struct http1_header *header)
{
    for (int i = 0; i < head.header_count; i++)
        if (same(head.headers[i].name, header->name) && same(head.headers[i].value, header->value))
            return true;
    return false;
}

/* The body's framing is said by whoever sends it: here, as clients of HTTP/1 hear it. */
static void write_framing(struct writer *writer)
{
    if (head.body == HTTP1_BODY_CHUNKED) {
        write_literal(writer, "Transfer-Encoding: chunked\r\n");
    } else if (head.known.content_length >= 0) {
        write_literal(writer, "Content-Length: ");
        write_number(writer, head.content_length);
        write_literal(writer, "\r\n");
    }
    write_literal(writer, "\r\n");
}

/* Names are such as HTTP/2 can carry, and there is nothing but what HTTP/1 would say. */
static void check_http2(size_t size)
{
    static struct http1_header fields[HTTP2_FIELDS_MAX];
    static char text[2 * HTTP1_RESPONSE_HEAD_SIZE_MAX];
    int count = http2_response_fields(out, size, fields);
    assert(count >= 1 && count <= again.header_count + 1);
    if (head.status != 101 && head.status < 600) /* HTTP/2 has neither */
        assert(http2_response_text(fields, count, text, sizeof text) > 0);
}

static void check(const struct listener_attributes *attributes)
{
    struct writer writer = {out, out + sizeof out, false};
    rewrite_response(&writer, &head, attributes, date);
    write_framing(&writer);
    assert(!writer.full);
    size_t written = (size_t)(writer.at - out);
    int used = http1_parse_response(out, written, 0, false, &again);
    if (used == HTTP1_BAD && head.header_count > HTTP1_HEADERS_MAX - 3)
        return; /* ours are on top of theirs */
    assert(used == (int)written && again.status == head.status);
    assert(same(again.reason, head.reason) && again.minor_version == 1);
    assert(again.body == head.body && again.content_length == head.content_length);
    assert(again.known.upgrade < 0 && again.known.connection < 0);
    assert(!attributes->strips_server || again.known.server < 0);
    int ours = 0;
    for (int i = 0; i < again.header_count; i++)
        ours += !is_the_targets(&again.headers[i]);
    assert(ours <= 3);
    check_http2(written);
}

/* Whatever is taken from a target: what is made of it means the same, and to everybody. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct listener_attributes unset = {0};
    static const struct listener_attributes set = {
        .strips_server = true,
        .sets_response_headers = true,
        .response_headers = {[1] = {policy, sizeof policy - 1}}};
    if (http1_parse_response((const char *)data, size, 0, false, &head) <= 0)
        return 0;
    check(&unset);
    check(&set);
    return 0;
}
