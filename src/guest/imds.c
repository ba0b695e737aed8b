/* The instance metadata service, version 2 and, where the instance allows it, version 1. */
#include "base/cleanup.h"
#include "guest/guest_impl.h"
#include "os/clock.h"
#include "wire/uri.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TOKEN_PATH "/latest/api/token"
#define TTL_HEADER "x-aws-ec2-metadata-token-ttl-seconds"

enum { DEFAULT_TTL = 64, PATH_SIZE_MAX = 1024 };

static bool is(struct slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static void refuse(struct http_exchange *exchange, int status)
{
    auto_buf page = {0};
    const char *reason = http1_reason(status);

    buf_printf(&page,
               "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
               "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
               "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
               "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
               " <head>\n  <title>%d - %s</title>\n </head>\n"
               " <body>\n  <h1>%d - %s</h1>\n </body>\n</html>\n",
               status, reason, status, reason);
    http_respond(exchange, status, "Content-Type: text/html\r\n", page.data, page.size);
}

/* 1 to 21600 in plain digits; 0 if it is anything else. */
static int parse_ttl(const struct http1_header *header)
{
    int ttl = 0;
    if (!header || header->value.size == 0 || header->value.size > 5)
        return 0;
    for (size_t i = 0; i < header->value.size; i++) {
        char digit = header->value.data[i];
        if (digit < '0' || digit > '9')
            return 0;
        ttl = ttl * 10 + (digit - '0');
    }
    return ttl <= TOKEN_TTL_MAX_SECONDS ? ttl : 0;
}

static void issue_token(struct guest *guest, const struct guest_instance *instance,
                        struct http_exchange *exchange)
{
    const struct http1_head *head = http_request_head(exchange);
    char token[TOKEN_TEXT_SIZE], headers[128];
    int ttl = parse_ttl(http1_find(head, TTL_HEADER));

    if (!is(head->method, "PUT"))
        return refuse(exchange, 405);
    if (head->known.forwarded_for >= 0)
        return refuse(exchange, 403);
    if (!ttl)
        return refuse(exchange, 400);
    token_issue(guest->token_key, instance->id, clock_mono_ms() + ttl * 1000LL, token);
    snprintf(headers, sizeof(headers),
             "Content-Type: text/plain\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: %d\r\n", ttl);
    http_respond(exchange, 200, headers, token, strlen(token));
}

static bool has_valid_token(struct guest *guest, const struct guest_instance *instance,
                            const struct http1_head *head)
{
    const struct http1_header *header = http1_find(head, "x-aws-ec2-metadata-token");
    if (!header)
        return !instance->token_required;
    return token_check(guest->token_key, instance->id, clock_mono_ms(), header->value.data,
                       header->value.size);
}

/* "/latest/meta-data/": the part after the version, without slashes at its ends, decoded. */
static bool read_path(struct slice target, struct buf *path)
{
    const char *start = target.data + 1;
    const char *query = memchr(target.data, '?', target.size);
    const char *end = query ? query : target.data + target.size;
    const char *slash = memchr(start, '/', (size_t)(end - start));

    if (!metadata_has_version(start, (size_t)((slash ? slash : end) - start)))
        return false;
    start = slash ? slash + 1 : end;
    while (end > start && end[-1] == '/')
        end--;
    buf_append_string(path, "");
    return uri_decode(path, start, (size_t)(end - start), false) && !path->failed &&
           (!path->size || !memchr(path->data, '\0', path->size));
}

static void answer(const struct guest_instance *instance, struct http_exchange *exchange)
{
    struct slice target = http_request_head(exchange)->target;
    auto_buf path = {.size_limit = PATH_SIZE_MAX}, body = {0};

    if (is(target, "/"))
        metadata_list_versions(&body);
    else if (!read_path(target, &path) ||
             !metadata_get(&instance->metadata, path.size ? path.data : "", &body))
        return refuse(exchange, 404);
    bool is_data = path.size && strcmp(path.data, "user-data") == 0;
    http_respond(exchange, 200,
                 is_data ? "Content-Type: application/octet-stream\r\n"
                         : "Content-Type: text/plain\r\n",
                 body.data ? body.data : "", body.size);
}

/* A token shall not leave the instance for a container behind another hop. */
static void limit_hops(const struct guest_instance *instance, struct http_exchange *exchange)
{
    bool is_put = is(http_request_head(exchange)->method, "PUT");
    int ttl = is_put ? instance->hop_limit : DEFAULT_TTL;
    setsockopt(http_connection_fd(exchange), IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
}

void imds_on_request(struct http_exchange *exchange, void *owner)
{
    struct guest_vpc *vpc = owner;
    const struct http1_head *head = http_request_head(exchange);
    const struct sockaddr_in peer = http_peer(exchange);
    const struct guest_instance *instance =
        guest_find_caller(vpc->guest, vpc->id, ntohl(peer.sin_addr.s_addr));

    if (!instance)
        return refuse(exchange, 503);
    limit_hops(instance, exchange);
    if (!instance->endpoint_enabled)
        return refuse(exchange, 403);
    if (head->target.size == 0 || head->target.data[0] != '/')
        return refuse(exchange, 400);
    if (is(head->target, TOKEN_PATH))
        return issue_token(vpc->guest, instance, exchange);
    if (!is(head->method, "GET") && !is(head->method, "HEAD"))
        return refuse(exchange, 405);
    if (!has_valid_token(vpc->guest, instance, head))
        return refuse(exchange, 401);
    answer(instance, exchange);
}
