#include "balancer/rewrite.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_about_body_of_get(const char *reason)
{
    return strcmp(reason, "UndefinedContentLengthSemantics") == 0 ||
           strcmp(reason, "UndefinedTransferEncodingSemantics") == 0 ||
           strcmp(reason, "GetHeadZeroContentLength") == 0;
}

/*
 * Whatever is taken from a client, the head that is made of it can be read in one way only: it
 * follows the grammar, nothing in it is odd but names in visible ASCII and a body of GET, and its
 * body is framed as the client's was.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head, again;
    static char tidy[HTTP1_TIDY_SIZE_MAX], out[HTTP1_TIDY_SIZE_MAX + HTTP1_HEAD_SIZE_MAX];
    static char dns_name[] = "lb", version[] = "a", cipher[] = "b";
    static struct load_balancer load_balancer = {.dns_name = dns_name};
    static const struct listener listener = {
        .load_balancer = &load_balancer, .port = 8080, .attributes = {version, cipher}};
    const struct forwarding forwarding = {.listener = &listener};
    struct writer writer = {out, out + sizeof out, false};
    load_balancer.attributes.xff_mode = size % 3;
    if (http1_parse_request((const char *)data, size, 0, &head) <= 0)
        return 0;
    http1_tidy(&head, tidy);
    struct target_parts parts = split_target(head.target);
    rewrite_request(&writer, &head, &parts, &forwarding);
    assert(!writer.full);
    size_t written = (size_t)(writer.at - out);
    int used = http1_parse_request(out, written, 0, &again);
    if (used == HTTP1_BAD) { /* our own headers are on top of theirs */
        assert(again.error_status == 431 || again.error_status == 414);
        return 0;
    }
    assert(used == (int)written && !again.malformed && again.minor_version == 1);
    assert(again.body == head.body && again.content_length == head.content_length);
    assert(again.classification == HTTP1_COMPLIANT ||
           strcmp(again.classification_reason, "NonCompliantHeader") == 0 ||
           is_about_body_of_get(again.classification_reason));
    return 0;
}
