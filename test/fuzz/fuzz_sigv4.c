/* The first line is an Authorization header, the second a path, the third a query string. */
#include "wire/sigv4.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice take_line(const char **text, size_t *size)
{
    const char *end = *size ? memchr(*text, '\n', *size) : NULL;
    struct slice line = {*text, end ? (size_t)(end - *text) : *size};
    size_t used = line.size + (end ? 1 : 0);
    *text += used;
    *size -= used;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct slice authorization = take_line(&text, &size);
    const struct http1_header headers[] = {{{"Host", 4}, {"h", 1}},
                                           {{"X-Amz-Date", 10}, {"20260102T030405Z", 16}},
                                           {{"Authorization", 13}, authorization}};
    struct sigv4_request request = {.method = {"GET", 3},
                                    .headers = headers,
                                    .header_count = authorization.size ? 3 : 2,
                                    .body = {"", 0}};
    request.path = take_line(&text, &size);
    request.query = take_line(&text, &size);
    struct sigv4_claim claim;
    struct err err = {0};
    int found = sigv4_read(&request, &claim, &err);
    assert(found >= 0 || err.text[0]);
    if (found > 0) {
        auto_buf canonical = {0};
        sigv4_canonical_request(&request, &claim, &canonical);
        sigv4_verify(&request, &claim, "secret");
    }
    return 0;
}
