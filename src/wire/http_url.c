#include "wire/http_url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool skip(struct slice *text, const char *prefix)
{
    size_t size = strlen(prefix);
    if (text->size < size || strncasecmp(text->data, prefix, size) != 0)
        return false;
    text->data += size;
    text->size -= size;
    return true;
}

/* Labels of letters, digits, hyphens and underscores; an address is made of such too. */
static bool read_host(struct slice text, char out[HTTP_HOST_SIZE])
{
    if (text.size == 0 || text.size >= HTTP_HOST_SIZE)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool ends = i == 0 || out[i - 1] == '.';
        if (byte != '.' && byte != '-' && byte != '_' && (byte >= 0x80 || !isalnum(byte)))
            return false;
        if (byte == '.' && ends)
            return false;
        out[i] = (char)tolower(byte);
    }
    out[text.size] = 0;
    return out[text.size - 1] != '.';
}

static bool read_port(struct slice text, uint16_t *port)
{
    unsigned number = 0;
    if (text.size == 0 || text.size > 5)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number > 0 && number <= 65535;
}

static bool is_target(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte >= 0x7f || strchr("\"<>\\^`{|}#", byte))
            return false;
    }
    return true;
}

bool http_url_parse(struct slice text, struct http_url *url)
{
    *url = (struct http_url){.port = 80};
    if (text.size > HTTP_URL_SIZE_MAX)
        return false;
    if (skip(&text, "https://")) {
        url->tls = true;
        url->port = 443;
    } else if (!skip(&text, "http://")) {
        return false;
    }
    size_t size = 0;
    while (size < text.size && text.data[size] != '/' && text.data[size] != '?')
        size++;
    url->authority = (struct slice){text.data, size};
    url->target = (struct slice){text.data + size, text.size - size};
    const char *colon = size ? memchr(text.data, ':', size) : NULL;
    struct slice host = {text.data, colon ? (size_t)(colon - text.data) : size};
    if (colon && !read_port((struct slice){colon + 1, size - host.size - 1}, &url->port))
        return false;
    return read_host(host, url->host) && is_target(url->target);
}
