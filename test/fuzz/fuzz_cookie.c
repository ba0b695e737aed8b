#include "wire/cookie.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct slice part, const char *data, size_t size)
{
    return part.data >= data && part.data + part.size <= data + size;
}

/* The bytes as a Cookie header, a Set-Cookie header and a User-Agent. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct cookie_reader reader = {{text, size}, 0};
    struct cookie cookie;
    int count = 0;
    while (cookie_next(&reader, &cookie)) {
        assert(is_inside(cookie.name, text, size) && is_inside(cookie.value, text, size));
        assert(cookie.name.size && cookie.value.size <= COOKIE_VALUE_SIZE_MAX);
        assert(!memchr(cookie.name.data, ';', cookie.name.size));
        assert(++count <= COOKIES_MAX);
    }
    cookie_sets((struct slice){text, size}, "AWSALB");
    cookie_agent_wants_same_site((struct slice){text, size});
    return 0;
}
