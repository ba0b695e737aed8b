#include "wire/recurrence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stretches hold the time that is asked for, end where the next begins, and schedules go on. */
static void check(const struct time_zone *zone, const struct cron *cron, int64_t time_s)
{
    struct zone_span span = time_zone_span(zone, time_s);
    assert(span.begin_s <= time_s && time_s < span.end_s);
    if (span.end_s < INT64_MAX) {
        struct zone_span next = time_zone_span(zone, span.end_s);
        assert(next.begin_s == span.end_s);
    }
    int64_t next_s = recurrence_next(cron, zone, time_s);
    assert(next_s > time_s);
    if (next_s < INT64_MAX)
        assert(recurrence_latest(cron, zone, time_s, next_s) == next_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const schedules[] = {"30 2 * * *", "*/7 * * * *", "0 0 29 2 *"};
    static const int64_t times_s[] = {-4000000000, -1, 0, 1767323045, 2145914000, 8000000000};
    struct time_zone zone;
    struct cron cron;
    if (time_zone_read(&zone, data, size) < 0)
        return 0;
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        assert(cron_parse(schedules[i], &cron) == 0);
        for (size_t k = 0; k < sizeof times_s / sizeof *times_s; k++)
            check(&zone, &cron, times_s[k]);
    }
    return 0;
}
