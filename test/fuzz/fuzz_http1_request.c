#include "wire/http1.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice slice, const char *text, size_t size)
{
    assert(slice.size == 0 || (slice.data >= text && slice.data + slice.size <= text + size));
}

/* Whatever the bytes: slices point into them, and arriving piece by piece changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head whole, pieces;
    const char *text = (const char *)data;
    int used = http1_parse_request(text, size, 0, &whole);
    assert(used <= (int)size);
    int result = HTTP1_MORE;
    for (size_t have = 0, seen = 0; have < size && result == HTTP1_MORE; seen = have) {
        have += 1 + have / 3;
        have = have > size ? size : have;
        result = http1_parse_request(text, have, seen, &pieces);
    }
    assert((used > 0) == (result > 0) && (used <= 0 || used == result));
    if (used <= 0)
        return 0;
    check_inside(whole.method, text, size);
    check_inside(whole.target, text, size);
    assert(whole.method.size && whole.target.size);
    for (int i = 0; i < whole.header_count; i++) {
        check_inside(whole.headers[i].name, text, size);
        check_inside(whole.headers[i].value, text, size);
        assert(!memchr(whole.headers[i].value.data, '\n', whole.headers[i].value.size));
    }
    assert(whole.body != HTTP1_BODY_UNTIL_CLOSE && whole.classification != HTTP1_SEVERE);
    return 0;
}
