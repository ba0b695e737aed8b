#include "wire/cookie.h"

#include <string.h>

static struct slice trim(struct slice text)
{
    while (text.size && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* What stands before the first `mark`, which is taken off *rest; all of it if there is none. */
static struct slice take_until(struct slice *rest, char mark, bool *found)
{
    const char *at = rest->size ? memchr(rest->data, mark, rest->size) : NULL;
    struct slice before = {rest->data, at ? (size_t)(at - rest->data) : rest->size};
    size_t used = before.size + (at != NULL);
    rest->data += used;
    rest->size -= used;
    *found = at != NULL;
    return before;
}

bool cookie_next(struct cookie_reader *reader, struct cookie *out)
{
    while (reader->rest.size && reader->count < COOKIES_MAX) {
        bool more, named;
        struct slice pair = take_until(&reader->rest, ';', &more);
        struct slice name = take_until(&pair, '=', &named);
        reader->count++;
        *out = (struct cookie){trim(name), trim(pair)};
        if (named && out->name.size && out->value.size <= COOKIE_VALUE_SIZE_MAX)
            return true;
    }
    return false;
}

bool cookie_sets(struct slice set_cookie, const char *name)
{
    bool more, named;
    struct slice pair = take_until(&set_cookie, ';', &more);
    struct slice found = trim(take_until(&pair, '=', &named));
    return named && found.size == strlen(name) && memcmp(found.data, name, found.size) == 0;
}

/* The number behind `product`, or 0. */
static int version_of(struct slice user_agent, const char *product)
{
    enum { VERSION_MAX = 100000 };
    const char *end = user_agent.data + user_agent.size;
    const char *at = memmem(user_agent.data, user_agent.size, product, strlen(product));
    int version = 0;
    if (!at)
        return 0;
    for (at += strlen(product); at < end && *at >= '0' && *at <= '9' && version < VERSION_MAX; at++)
        version = version * 10 + (*at - '0');
    return version;
}

bool cookie_agent_wants_same_site(struct slice user_agent)
{
    return version_of(user_agent, "Chrome/") >= 80 || version_of(user_agent, "Chromium/") >= 80;
}
