/*
 * Regular expressions whose matching takes time linear in the text, whatever the pattern: an
 * automaton, never backtracking. The syntax is RE2's, on bytes:
 *
 *   literals, `.`, [a-z] [^...] [[:alpha:]], \d \D \w \W \s \S, \t \n \r \f \v \a \xHH,
 *   ^ $ \A \z \b \B, (...), (?:...), (?P<name>...), (?i) (?s) (?m) and (?i:...), |,
 *   * + ? {n} {n,} {n,m}, each also lazy with a `?` behind
 *
 * Refused with an error that names them: look-around, back-references, atomic groups, possessive
 * quantifiers, subroutines and recursion, \p{...}, and what does not fit the limits.
 * Which of several matches is reported is Perl's rule: the leftmost, and there the preferred one.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REGEX_SIZE_MAX = 1024,    /* of a pattern */
    REGEX_GROUPS_MAX = 9,     /* that capture, besides the whole match */
    REGEX_REPEAT_MAX = 255,   /* n and m in {n,m} */
    REGEX_PROGRAM_MAX = 2048, /* instructions, after repetitions are written out */
    REGEX_TEXT_MAX = 65534,   /* longer texts do not match */
};

enum { REGEX_IGNORE_CASE = 1 }; /* flags: of ASCII letters */

struct regex;

/* Where a group matched, in bytes from the start of the text; both -1 if it took no part. */
struct regex_span {
    int start, end;
};

/* Working memory of one search, not initialised by the caller; one serves any number of them. */
struct regex_scratch {
    uint16_t saved[2][REGEX_PROGRAM_MAX][2 * (REGEX_GROUPS_MAX + 1)];
    uint16_t threads[2][REGEX_PROGRAM_MAX]; /* instructions, the preferred first */
    uint16_t place[2][REGEX_PROGRAM_MAX];   /* of an instruction among them */
    uint32_t stack[2 * REGEX_PROGRAM_MAX + 2 * REGEX_GROUPS_MAX + 4];
};

/* NULL, and err says what is wrong with the pattern. A compiled pattern never changes. */
struct regex *regex_compile(const char *pattern, size_t size, unsigned flags, struct err *err);
void regex_free(struct regex *regex);
/* The number of capturing groups. */
int regex_groups(const struct regex *regex);
/* Whether the pattern matches somewhere in the text. Allocates nothing. */
bool regex_matches(const struct regex *regex, const char *text, size_t size,
                   struct regex_scratch *scratch);
/* The same, and where: spans[0] is the whole match, spans[n] group n, up to regex_groups(). */
bool regex_search(const struct regex *regex, const char *text, size_t size,
                  struct regex_span spans[REGEX_GROUPS_MAX + 1], struct regex_scratch *scratch);
