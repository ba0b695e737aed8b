/*
 * A web page of somebody else could make the user's browser sign with the well-known key and send
 * it here. Two things give such a page away; AWS's clients do neither.
 */
#include "front/exchange.h"

#include <string.h>
#include <strings.h>

/* What browsers say of the page that asks, when it is under a name of its own (Fetch Metadata). */
static bool says_it_is_foreign(const struct front_request *request)
{
    struct slice site = front_header(request, "sec-fetch-site");
    return site.size && !(site.size == 11 && memcmp(site.data, "same-origin", 11) == 0) &&
           !(site.size == 4 && memcmp(site.data, "none", 4) == 0);
}

static struct slice without_port(struct slice host)
{
    const char *end = host.size && host.data[0] == '[' ? memchr(host.data, ']', host.size)
                                                       : memchr(host.data, ':', host.size);
    size_t size = end ? (size_t)(end - host.data) : host.size;
    if (size && host.data[size - 1] == '.')
        size--;
    return (struct slice){host.data, size};
}

static bool is_below(struct slice name, const char *domain)
{
    size_t size = strlen(domain);
    return name.size >= size && strncasecmp(name.data + name.size - size, domain, size) == 0 &&
           (name.size == size || name.data[name.size - size - 1] == '.');
}

static bool is_address(struct slice name)
{
    bool digits = name.size > 0 && name.data[0] != '[';
    for (size_t i = 0; i < name.size && digits; i++)
        digits = (name.data[i] >= '0' && name.data[i] <= '9') || name.data[i] == '.';
    return digits || (name.size && name.data[0] == '[');
}

/*
 * A page can bind its own public name to this machine's address, and is then at home here (DNS
 * rebinding). Nobody outside can do that with an address, a name without a dot, or one of these.
 */
static bool is_name_of_somebody(struct slice host)
{
    static const char *const ours[] = {"localhost",     "test",
                                       "local",         "internal",
                                       "lan",           "home.arpa",
                                       "amazonaws.com", "amazonaws.com.cn",
                                       "api.aws",       "localhost.localstack.cloud"};
    struct slice name = without_port(host);
    if (is_address(name) || !memchr(name.data, '.', name.size))
        return false;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (is_below(name, ours[i]))
            return false;
    return true;
}

bool front_is_from_foreign_page(const struct front_request *request)
{
    return says_it_is_foreign(request) || is_name_of_somebody(front_header(request, "host"));
}
