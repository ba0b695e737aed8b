#include "wire/glob.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the pattern, the rest the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *pattern = (const char *)data;
    const char *end = size ? memchr(pattern, '\n', size) : NULL;
    if (!end)
        return 0;
    size_t pattern_size = (size_t)(end - pattern), text_size = size - pattern_size - 1;
    bool exact = glob_match(pattern, pattern_size, end + 1, text_size);
    for (unsigned flags = 0; flags < 4; flags++) {
        struct glob glob;
        glob_init(&glob, pattern, pattern_size, flags);
        bool matches = glob_matches(&glob, end + 1, text_size);
        assert(flags != GLOB_ESCAPE || matches == exact);
        assert(flags != (GLOB_ESCAPE | GLOB_IGNORE_CASE) || matches >= exact);
    }
    assert(glob_match("*", 1, end + 1, text_size));
    return 0;
}
