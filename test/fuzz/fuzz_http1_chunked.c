#include "wire/http1.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct decoded {
    char *bytes;
    size_t size, used;
    int result;
};

/* Decodes, given at most `step` bytes at a time. */
static struct decoded decode(const char *text, size_t size, size_t step)
{
    struct http1_chunked chunked = {0};
    struct decoded out = {.bytes = malloc(size + 1)};
    while (out.used < size && !chunked.done && out.result == 0) {
        const char *at = text + out.used;
        size_t left = size - out.used < step ? size - out.used : step;
        while (left && !chunked.done && out.result == 0) {
            struct slice piece;
            out.result = http1_chunked_next(&chunked, &at, &left, &piece);
            if (out.result == 0) {
                memcpy(out.bytes + out.size, piece.data, piece.size);
                out.size += piece.size;
            }
        }
        out.used = (size_t)(at - text);
    }
    return out;
}

/* What is kept of any text is whole lines, each with a name. */
static void check_trailers(const char *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    size_t kept = http1_filter_trailers(text, size);
    assert(kept <= size && (!kept || text[kept - 1] == '\n'));
    assert(http1_filter_trailers(text, kept) == kept);
    free(text);
}

/* However the bytes are cut, the same body comes out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded whole = decode((const char *)data, size, size);
    struct decoded cut = decode((const char *)data, size, 3);
    assert(whole.result == cut.result && whole.size == cut.size && whole.used == cut.used);
    assert(memcmp(whole.bytes, cut.bytes, whole.size) == 0);
    free(whole.bytes);
    free(cut.bytes);
    check_trailers((const char *)data, size);
    return 0;
}
