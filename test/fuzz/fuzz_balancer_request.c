#include "balancer/rewrite.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http1_head head, again;
static char out[HTTP1_TIDY_SIZE_MAX + 2 * HTTP1_HEAD_SIZE_MAX];

static bool is(struct slice name, const char *lower)
{
    return name.size == strlen(lower) && strncasecmp(name.data, lower, name.size) == 0;
}

static bool is_any(struct slice name, const char *const *lower)
{
    for (; *lower; lower++)
        if (is(name, *lower))
            return true;
    return false;
}

/* Headers that we say, whatever the client says, and those that go no further. */
static bool is_not_passed_on(struct slice name)
{
    static const char *const names[] = {
        "host",       "x-forwarded-for",  "x-forwarded-proto", "x-forwarded-port",
        "expect",     "x-amzn-trace-id",  "content-length",    "transfer-encoding",
        "te",         "trailer",          "connection",        "upgrade",
        "keep-alive", "proxy-connection", "x-tls-version",     "x-tls-cipher",
        NULL};
    return is_any(name, names) || http1_imitates_framing(name);
}

static int count_of(const char *lower)
{
    int count = 0;
    for (int i = 0; i < again.header_count; i++)
        count += is(again.headers[i].name, lower);
    return count;
}

static bool same(struct slice a, struct slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* What is not ours is the client's: the same headers in the same order, and none is invented. */
static void check_headers(bool all)
{
    int at = 0, passed_on = 0, found = 0;
    for (int i = 0; i < head.header_count; i++)
        passed_on += !is_not_passed_on(head.headers[i].name);
    for (int i = 0; i < again.header_count; i++) {
        if (is_not_passed_on(again.headers[i].name))
            continue;
        while (at < head.header_count && !(same(head.headers[at].name, again.headers[i].name) &&
                                           same(head.headers[at].value, again.headers[i].value)))
            at++;
        assert(at++ < head.header_count);
        found++;
    }
    assert(found == passed_on || !all);
}

static bool is_about_body_of_get(const char *reason)
{
    return strcmp(reason, "UndefinedContentLengthSemantics") == 0 ||
           strcmp(reason, "UndefinedTransferEncodingSemantics") == 0 ||
           strcmp(reason, "GetHeadZeroContentLength") == 0;
}

/* What a target gets can be read in one way: its framing is one, and as the client's was. */
static void check_meaning(const struct target_parts *parts, bool preserves_host)
{
    int hosts = count_of("host");
    assert(hosts == 1 || (hosts > 1 && preserves_host));
    assert(again.malformed == (hosts > 1));
    assert(again.minor_version == 1 && same(again.method, head.method));
    assert(again.target.size == parts->path.size + parts->query.size);
    assert(!memcmp(again.target.data, parts->path.data, parts->path.size));
    assert(!memcmp(again.target.data + parts->path.size, parts->query.data, parts->query.size));
    assert(again.body == head.body && again.content_length == head.content_length);
    assert(count_of("content-length") + count_of("transfer-encoding") <= 1);
    assert(count_of("x-forwarded-proto") == 1 && count_of("x-forwarded-port") == 1);
    assert(count_of("x-forwarded-for") <= 1 && count_of("x-amzn-trace-id") == 1);
    assert(again.classification == HTTP1_COMPLIANT ||
           strcmp(again.classification_reason, "NonCompliantHeader") == 0 ||
           is_about_body_of_get(again.classification_reason));
}

/* With every attribute as it is at first, or with every one set. */
static void check(enum xff_mode mode, bool set)
{
    static char dns_name[] = "lb", version[] = "x-tls-version", cipher[] = "x-tls-cipher";
    static struct load_balancer load_balancer = {.dns_name = dns_name};
    static const struct listener listener = {
        .load_balancer = &load_balancer, .port = 8080, .attributes = {version, cipher}};
    const struct forwarding forwarding = {.listener = &listener,
                                          .upgrade = set && head.upgrade && !head.body,
                                          .tls_version = set ? "TLSv1.3" : NULL,
                                          .tls_cipher = set ? "TLS_AES_128_GCM_SHA256" : NULL};
    load_balancer.attributes = (struct balancer_attributes){.xff_mode = mode,
                                                            .xff_client_port = set,
                                                            .drop_invalid_headers = set,
                                                            .preserve_host = set,
                                                            .tls_headers = set};
    struct writer writer = {out, out + sizeof out, false};
    struct target_parts parts = split_target(head.target);
    rewrite_request(&writer, &head, &parts, &forwarding);
    assert(!writer.full);
    size_t written = (size_t)(writer.at - out);
    int used = http1_parse_request(out, written, 0, &again);
    if (used == HTTP1_BAD) { /* our own headers are on top of theirs */
        assert(again.error_status == 431 || again.error_status == 414);
        return;
    }
    assert(used == (int)written);
    check_meaning(&parts, set);
    check_headers(!set && head.known.connection < 0);
}

/* Whatever is taken from a client: what is made of it means the same, and to everybody. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char tidy[HTTP1_TIDY_SIZE_MAX];
    if (http1_parse_request((const char *)data, size, 0, &head) <= 0)
        return 0;
    count_forwarded_for(&head);
    http1_tidy(&head, tidy);
    for (int mode = XFF_APPEND; mode <= XFF_REMOVE; mode++) {
        check((enum xff_mode)mode, false);
        check((enum xff_mode)mode, true);
    }
    return 0;
}
