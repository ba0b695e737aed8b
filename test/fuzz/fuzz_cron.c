#include "base/cleanup.h"
#include "wire/cron.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A schedule that is taken has a next time from everywhere, which is its own next time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { STEP = 60 * 24 * 1234 + 5, STEPS = 20 };
    auto_free char *text = strndup((const char *)data, size);
    struct cron cron;
    if (cron_parse(text, &cron) < 0)
        return 0;
    for (int64_t minute = -STEP; minute < (int64_t)STEP * STEPS; minute += STEP) {
        int64_t next = cron_next(&cron, minute);
        assert(next >= minute && next < INT64_MAX);
        assert(cron_next(&cron, next) == next);
        assert(cron_next(&cron, minute - 1) <= next);
    }
    return 0;
}
