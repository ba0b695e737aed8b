#include "wire/glob.h"

#include <string.h>

static unsigned char fold(char byte, unsigned flags)
{
    bool upper = (flags & GLOB_IGNORE_CASE) && byte >= 'A' && byte <= 'Z';
    return (unsigned char)(upper ? byte + 32 : byte);
}

static bool same(const char *a, const char *b, size_t size, unsigned flags)
{
    if (!(flags & GLOB_IGNORE_CASE))
        return memcmp(a, b, size) == 0;
    for (size_t i = 0; i < size; i++)
        if (fold(a[i], flags) != fold(b[i], flags))
            return false;
    return true;
}

/*
 * Greedy with one remembered star: when a byte does not fit, the last star takes one byte more.
 * Only the last star ever needs to be retried, so no pattern is worse than quadratic.
 */
static bool match(const char *pattern, size_t pattern_size, const char *text, size_t text_size,
                  unsigned flags)
{
    size_t at = 0, pos = 0, star_at = 0, star_pos = 0;
    bool star = false;
    while (pos < text_size) {
        if (at < pattern_size && pattern[at] == '*') {
            if (++at == pattern_size)
                return true;
            star = true;
            star_at = at;
            star_pos = pos;
            continue;
        }
        if (at < pattern_size) {
            bool escape = (flags & GLOB_ESCAPE) && pattern[at] == '\\' && at + 1 < pattern_size;
            size_t literal = at + escape;
            if ((pattern[at] == '?' && !escape) ||
                fold(pattern[literal], flags) == fold(text[pos], flags)) {
                at = literal + 1;
                pos++;
                continue;
            }
        }
        if (!star)
            return false;
        at = star_at;
        pos = ++star_pos;
    }
    while (at < pattern_size && pattern[at] == '*')
        at++;
    return at == pattern_size;
}

void glob_init(struct glob *glob, const char *pattern, size_t size, unsigned flags)
{
    *glob = (struct glob){.pattern = pattern, .size = size, .flags = flags};
    while (glob->prefix < size && pattern[glob->prefix] != '*' && pattern[glob->prefix] != '?' &&
           !((flags & GLOB_ESCAPE) && pattern[glob->prefix] == '\\'))
        glob->prefix++;
}

bool glob_matches(const struct glob *glob, const char *text, size_t size)
{
    size_t prefix = glob->prefix, rest = glob->size - prefix;
    if (size < prefix || (!rest && size > prefix) ||
        !same(glob->pattern, text, prefix, glob->flags))
        return false;
    return !rest || match(glob->pattern + prefix, rest, text + prefix, size - prefix, glob->flags);
}

bool glob_match(const char *pattern, size_t pattern_size, const char *text, size_t text_size)
{
    return match(pattern, pattern_size, text, text_size, GLOB_ESCAPE);
}
