#include "wire/http1.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct decoded {
    char *bytes, *trailers;
    size_t size, trailers_size, used;
    int result;
    bool done;
};

/* Decodes, given at most `step` bytes at a time. */
static struct decoded decode(const char *text, size_t size, size_t step)
{
    struct http1_chunked chunked = {0};
    struct decoded out = {.bytes = malloc(size + 1), .trailers = malloc(size + 1)};
    while (out.used < size && !chunked.done && out.result == 0) {
        const char *at = text + out.used;
        size_t left = size - out.used < step ? size - out.used : step;
        while (left && !chunked.done && out.result == 0) {
            struct slice piece;
            out.result = http1_chunked_next(&chunked, &at, &left, &piece);
            if (out.result < 0)
                break;
            memcpy(out.bytes + out.size, piece.data, piece.size);
            out.size += piece.size;
            memcpy(out.trailers + out.trailers_size, chunked.trailers.data, chunked.trailers.size);
            out.trailers_size += chunked.trailers.size;
        }
        out.used = (size_t)(at - text);
    }
    out.done = chunked.done;
    return out;
}

static void forget(struct decoded *decoded)
{
    free(decoded->bytes);
    free(decoded->trailers);
}

/* What is kept of any text is whole lines, each with a name. */
static void check_filter(const char *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    size_t kept = http1_filter_trailers(text, size);
    assert(kept <= size && (!kept || text[kept - 1] == '\n'));
    assert(http1_filter_trailers(text, kept) == kept);
    free(text);
}

/* What is kept of trailers are trailers. */
static void check_trailers(const struct decoded *decoded)
{
    static const char begin[] = "0\r\n", end[] = "\r\n";
    char *text = malloc(decoded->trailers_size + sizeof begin + sizeof end);
    memcpy(text, begin, sizeof begin - 1);
    memcpy(text + sizeof begin - 1, decoded->trailers, decoded->trailers_size);
    size_t kept = http1_filter_trailers(text + sizeof begin - 1, decoded->trailers_size);
    size_t size = sizeof begin - 1 + kept;
    memcpy(text + size, end, sizeof end - 1);
    size += sizeof end - 1;
    struct decoded again = decode(text, size, size);
    assert(again.result == 0 && again.used == size && again.trailers_size == kept);
    assert(memcmp(again.trailers, text + sizeof begin - 1, kept) == 0);
    forget(&again);
    free(text);
}

/* However the bytes are cut, the same body and the same trailers come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded whole = decode((const char *)data, size, size);
    struct decoded cut = decode((const char *)data, size, 3);
    assert(whole.result == cut.result && whole.size == cut.size && whole.used == cut.used);
    assert(memcmp(whole.bytes, cut.bytes, whole.size) == 0);
    if (whole.result == 0) {
        assert(whole.trailers_size == cut.trailers_size);
        assert(memcmp(whole.trailers, cut.trailers, whole.trailers_size) == 0);
    }
    if (whole.result == 0 && whole.done)
        check_trailers(&whole);
    forget(&whole);
    forget(&cut);
    check_filter((const char *)data, size);
    return 0;
}
