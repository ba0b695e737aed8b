#include "cli/duration.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}};

static const int64_t LONGEST_MS = INT64_C(3650) * 86400 * 1000;

int duration_parse(const char *text, int64_t *ret_ms)
{
    int64_t total_ms = 0;
    if (!*text)
        return -1;
    while (*text) {
        size_t digits = strspn(text, "0123456789");
        size_t letters = strcspn(text + digits, "0123456789");
        if (digits < 1 || digits > 12)
            return -1;
        int64_t number = strtoll(text, NULL, 10), unit_ms = 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (strlen(units[i].name) == letters &&
                strncmp(text + digits, units[i].name, letters) == 0)
                unit_ms = units[i].ms;
        if (!unit_ms || number > LONGEST_MS / unit_ms)
            return -1;
        total_ms += number * unit_ms;
        text += digits + letters;
    }
    if (total_ms > LONGEST_MS)
        return -1;
    *ret_ms = total_ms;
    return 0;
}
