#include "balancer/answer_page.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {301, "Moved Permanently"},
    {302, "Found"},
    {400, "Bad Request"},
    {401, "Authorization Required"},
    {403, "Forbidden"},
    {405, "Not Allowed"},
    {408, "Request Time-out"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Large"},
    {463, ""},
    {464, ""},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Temporarily Unavailable"},
    {504, "Gateway Time-out"},
    {505, "HTTP Version Not Supported"},
};

const char *answer_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return http1_reason(status);
}

/* Some browsers show a page of their own instead of one shorter than 512 bytes. */
static const char padding[] =
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

size_t answer_page(int status, bool padded, char *out)
{
    const char *reason = answer_reason(status);
    if (!*reason)
        return 0;
    int size = snprintf(out, ANSWER_PAGE_SIZE_MAX,
                        "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n"
                        "<center><h1>%d %s</h1></center>\r\n</body>\r\n</html>\r\n",
                        status, reason, status, reason);
    for (int i = 0; padded && status >= 400 && i < 6; i++)
        size += snprintf(out + size, ANSWER_PAGE_SIZE_MAX - (size_t)size, "%s", padding);
    return (size_t)size;
}

static bool names(struct slice user_agent, const char *product)
{
    return memmem(user_agent.data, user_agent.size, product, strlen(product)) != NULL;
}

bool answer_is_padded_for(struct slice user_agent)
{
    if (!user_agent.size || names(user_agent, "Opera"))
        return false;
    return names(user_agent, "MSIE ") ||
           (names(user_agent, "Chrome/") && !names(user_agent, "Gecko/"));
}

struct slice answer_user_agent(struct slice head)
{
    static const char name[] = "\nUser-Agent: ";
    const char *at = head.data, *end = head.data + head.size;
    while (at && (at = memchr(at, '\n', (size_t)(end - at)))) {
        if ((size_t)(end - at) >= sizeof name && strncasecmp(at, name, sizeof name - 1) == 0) {
            const char *value = at + sizeof name - 1;
            const char *stop = memchr(value, '\r', (size_t)(end - value));
            return (struct slice){value, (size_t)((stop ? stop : end) - value)};
        }
        at++;
    }
    return (struct slice){"", 0};
}
