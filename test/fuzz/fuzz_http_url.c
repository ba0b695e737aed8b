#include "wire/http_url.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read lies within the text, and can stand in the head of a request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_url url;
    const char *text = (const char *)data;
    if (!http_url_parse((struct slice){text, size}, &url))
        return 0;
    assert(url.authority.data >= text && url.target.data + url.target.size == text + size);
    assert(*url.host && strlen(url.host) <= url.authority.size && url.port > 0);
    for (size_t i = 0; i < size; i++)
        assert(data[i] > ' ' && data[i] < 0x7f);
    return 0;
}
