#include "wire/regex.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the pattern, the rest the text: whatever they are, the answers agree. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct regex_scratch scratch;
    const char *pattern = (const char *)data;
    const char *end = size ? memchr(pattern, '\n', size) : NULL;
    if (!end)
        return 0;
    size_t pattern_size = (size_t)(end - pattern), text_size = size - pattern_size - 1;
    struct err err = {0};
    struct regex *regex = regex_compile(pattern, pattern_size, 0, &err);
    assert(regex || err.text[0]);
    if (!regex)
        return 0;
    struct regex_span spans[REGEX_GROUPS_MAX + 1];
    bool found = regex_search(regex, end + 1, text_size, spans, &scratch);
    assert(found == regex_matches(regex, end + 1, text_size, &scratch));
    for (int i = 0; found && i <= regex_groups(regex); i++) {
        assert(spans[i].start <= spans[i].end && spans[i].end <= (int)text_size);
        assert(i > 0 || spans[i].start >= 0);
    }
    regex_free(regex);
    struct regex *nocase = regex_compile(pattern, pattern_size, REGEX_IGNORE_CASE, &err);
    regex_free(nocase);
    return 0;
}
