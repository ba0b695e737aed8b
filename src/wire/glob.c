#include "wire/glob.h"

static unsigned char fold(unsigned char byte, bool nocase)
{
    return nocase && byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : byte;
}

/*
 * Greedy with one remembered star: when a byte does not fit, the last star takes one byte more.
 * Only the last star ever needs to be retried, so no pattern is worse than quadratic.
 */
static bool match(const char *pattern, size_t pattern_size, const char *text, size_t text_size,
                  bool nocase)
{
    size_t at = 0, pos = 0, star_at = 0, star_pos = 0;
    bool star = false;
    while (pos < text_size) {
        if (at < pattern_size && pattern[at] == '*') {
            star = true;
            star_at = ++at;
            star_pos = pos;
            continue;
        }
        if (at < pattern_size) {
            bool any = pattern[at] == '?';
            size_t literal = at + (pattern[at] == '\\' && at + 1 < pattern_size);
            if (any || fold((unsigned char)pattern[literal], nocase) ==
                           fold((unsigned char)text[pos], nocase)) {
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

bool glob_match(const char *pattern, size_t pattern_size, const char *text, size_t text_size)
{
    return match(pattern, pattern_size, text, text_size, false);
}

bool glob_match_nocase(const char *pattern, size_t pattern_size, const char *text, size_t text_size)
{
    return match(pattern, pattern_size, text, text_size, true);
}
