/* Patterns with `*` (any run, also empty), `?` (exactly one byte) and `\` to take one literally. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the whole of `text` matches. Linear memory, O(pattern x text) time, no recursion. */
bool glob_match(const char *pattern, size_t pattern_size, const char *text, size_t text_size);
/* The same, without regard to the case of ASCII letters. */
bool glob_match_nocase(const char *pattern, size_t pattern_size, const char *text,
                       size_t text_size);
