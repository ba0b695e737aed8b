/* What rules look at, made of a request's head. */
#include "balancer/rules.h"

#include <ctype.h>
#include <string.h>

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Decodes %XX of characters that never need encoding (RFC 3986, 2.3). */
static size_t decode_unreserved(struct slice path, char *out)
{
    size_t size = 0;
    for (size_t i = 0; i < path.size; i++) {
        char byte = path.data[i];
        if (byte == '%' && i + 2 < path.size) {
            int high = hex_value(path.data[i + 1]), low = hex_value(path.data[i + 2]);
            int decoded = high >= 0 && low >= 0 ? high * 16 + low : 0;
            if (decoded && decoded < 0x80 && (isalnum(decoded) || strchr("-._~", decoded))) {
                byte = (char)decoded;
                i += 2;
            }
        }
        out[size++] = byte;
    }
    return size;
}

/* Removes "." and ".." segments in place (RFC 3986, 5.2.4); the path begins with "/". */
static size_t remove_dots(char *path, size_t size)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        const char *slash = memchr(path + at + 1, '/', size - at - 1);
        size_t end = slash ? (size_t)(slash - path) : size;
        size_t length = end - at; /* of "/segment" */
        bool one = length == 2 && path[at + 1] == '.';
        bool two = length == 3 && path[at + 1] == '.' && path[at + 2] == '.';
        if (two)
            while (out > 0 && path[--out] != '/')
                ;
        if (!one && !two) {
            memmove(path + out, path + at, length);
            out += length;
        } else if (end == size) {
            path[out++] = '/';
        }
        at = end;
    }
    return out;
}

size_t rules_normalise_path(struct slice path, char *out)
{
    if (!path.size || path.data[0] != '/') {
        memcpy(out, path.data, path.size);
        return path.size;
    }
    return remove_dots(out, decode_unreserved(path, out));
}

struct slice rules_host_name(struct slice host)
{
    size_t size = host.size;
    if (size && host.data[0] == '[') {
        const char *end = memchr(host.data, ']', size);
        return end ? (struct slice){host.data, (size_t)(end - host.data) + 1} : host;
    }
    const char *colon = memchr(host.data, ':', size);
    return colon ? (struct slice){host.data, (size_t)(colon - host.data)} : host;
}

/*
 * Most paths say what they mean; then nothing is copied. Nor does the query stand behind a path
 * that the client left out.
 */
static bool needs_copy(const struct target_parts *parts)
{
    struct slice path = parts->path, query = parts->query;
    return memchr(path.data, '%', path.size) || memmem(path.data, path.size, "/.", 2) ||
           (query.size && path.data + path.size != query.data);
}

static struct slice lower_case(struct slice text, char *out)
{
    for (size_t i = 0; i < text.size; i++)
        out[i] =
            text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] | 0x20) : text.data[i];
    return (struct slice){out, text.size};
}

void rules_facts(struct request_facts *facts, const struct http1_head *head,
                 const struct target_parts *parts, uint32_t client_address, char *out)
{
    struct slice host = parts->host;
    if (!host.size && head->known.host >= 0)
        host = head->headers[head->known.host].value;
    facts->head = head;
    facts->method = head->method;
    facts->host = lower_case(rules_host_name(host), out);
    out += facts->host.size;
    facts->path = parts->path;
    if (needs_copy(parts)) {
        facts->path = (struct slice){out, rules_normalise_path(parts->path, out)};
        memcpy(out + facts->path.size, parts->query.data, parts->query.size);
    }
    facts->url = (struct slice){facts->path.data, facts->path.size + parts->query.size};
    size_t mark = parts->query.size > 0;
    facts->query = (struct slice){parts->query.data + mark, parts->query.size - mark};
    memset(facts->address, 0, 10);
    memset(facts->address + 10, 0xff, 2);
    for (int i = 0; i < 4; i++)
        facts->address[12 + i] = (uint8_t)(client_address >> (24 - 8 * i));
}
