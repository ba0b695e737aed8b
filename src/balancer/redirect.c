#include "balancer/redirect.h"

#include <stdio.h>
#include <string.h>

enum { PROTOCOL, HOST, PORT, PATH, QUERY, PLACEHOLDERS };

static const char *const names[PLACEHOLDERS] = {"#{protocol}", "#{host}", "#{port}", "#{path}",
                                                "#{query}"};

/* The index of the placeholder that `text` begins with, or PLACEHOLDERS. */
static int placeholder_at(const char *text)
{
    int index = 0;
    while (index < PLACEHOLDERS && strncmp(text, names[index], strlen(names[index])) != 0)
        index++;
    return index;
}

static void expand(struct writer *out, const char *template, const struct slice *values)
{
    while (*template) {
        int index = *template == '#' ? placeholder_at(template) : PLACEHOLDERS;
        if (index < PLACEHOLDERS) {
            write_slice(out, values[index]);
            template += strlen(names[index]);
        } else {
            write_bytes(out, template ++, 1);
        }
    }
}

/* HTTP and HTTPS are configured in upper case and written in lower case. */
static void write_scheme(struct writer *out, const char *protocol, const struct slice *values)
{
    if (strcmp(protocol, names[PROTOCOL]) == 0)
        write_slice(out, values[PROTOCOL]);
    else
        write_bytes(out, strcmp(protocol, "HTTPS") == 0 ? "https" : "http", strlen(protocol));
}

/*
 * The host and the target of a request have no control bytes and no spaces (wire/http1), nothing
 * is decoded here, and the configuration is visible ASCII: no header can be forged.
 */
void redirect_write(struct writer *out, const struct action *action,
                    const struct redirect_facts *facts)
{
    char port[8];
    int port_size = snprintf(port, sizeof port, "%u", facts->port);
    const struct slice values[PLACEHOLDERS] = {
        [PROTOCOL] = facts->protocol,
        [HOST] = facts->host,
        [PORT] = {port, (size_t)port_size},
        [PATH] = {facts->path.data + 1, facts->path.size - 1},
        [QUERY] = facts->query,
    };
    write_scheme(out, action->protocol, values);
    write_literal(out, "://");
    expand(out, action->host, values);
    write_literal(out, ":");
    expand(out, action->port, values);
    expand(out, action->path, values);
    char *before_query = out->at;
    write_literal(out, "?");
    expand(out, action->query, values);
    if (out->at == before_query + 1)
        out->at = before_query;
}
