/* Fields behind a body. */
#include "wire/http1_internal.h"

#include <string.h>

/*
 * What decides about framing, routing, or who the client is must be known before the body
 * (RFC 9110, 6.5.1), and a target must not hear from a client what we say.
 */
bool http1_may_be_trailer(struct slice name)
{
    static const struct slice banned[] = {
        {"authorization", 13}, {"cache-control", 13},
        {"connection", 10},    {"content-encoding", 16},
        {"content-range", 13}, {"content-type", 12},
        {"cookie", 6},         {"expect", 6},
        {"forwarded", 9},      {"host", 4},
        {"keep-alive", 10},    {"max-forwards", 12},
        {"set-cookie", 10},    {"te", 2},
        {"trailer", 7},        {"upgrade", 7},
    };
    for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++)
        if (http1_is(name, banned[i].data, banned[i].size))
            return false;
    bool said_by_us =
        (name.size >= 12 && http1_is((struct slice){name.data, 12}, "x-forwarded-", 12)) ||
        (name.size >= 7 && http1_is((struct slice){name.data, 7}, "x-amzn-", 7)) ||
        (name.size >= 6 && http1_is((struct slice){name.data, 6}, "proxy-", 6));
    return !said_by_us && !http1_imitates_framing(name);
}

static bool line_may_be_sent(struct slice line)
{
    const char *colon = memchr(line.data, ':', line.size);
    if (!colon)
        return false;
    struct slice name = {line.data, (size_t)(colon - line.data)};
    for (size_t i = 0; i < name.size; i++)
        if (!http1_is_token_byte((unsigned char)name.data[i]))
            return false;
    return name.size && http1_may_be_trailer(name);
}

size_t http1_filter_trailers(char *text, size_t size)
{
    size_t kept = 0;
    for (const char *at = text, *end = text + size; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            break;
        struct slice line = {at, (size_t)(line_end + 1 - at)};
        if (line_may_be_sent(line)) {
            memmove(text + kept, line.data, line.size);
            kept += line.size;
        }
        at = line_end + 1;
    }
    return kept;
}
