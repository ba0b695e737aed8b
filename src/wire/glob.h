/* Patterns with `*` (any run, also empty) and `?` (exactly one byte). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    GLOB_IGNORE_CASE = 1, /* of ASCII letters */
    GLOB_ESCAPE = 2,      /* `\` takes the next byte literally: `\*`, `\?`, `\\` */
};

/* A pattern made ready to be compared with many texts. It points into the pattern's own bytes. */
struct glob {
    const char *pattern;
    size_t size;
    size_t prefix; /* literal bytes in front of all else */
    unsigned flags;
};

void glob_init(struct glob *glob, const char *pattern, size_t size, unsigned flags);
/* Whether the whole of `text` matches. Constant memory, O(pattern x text) time, no recursion. */
bool glob_matches(const struct glob *glob, const char *text, size_t size);

/* The same in one call, with GLOB_ESCAPE. */
bool glob_match(const char *pattern, size_t pattern_size, const char *text, size_t text_size);
