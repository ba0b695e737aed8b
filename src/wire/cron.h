/*
 * Schedules as crontab has them: minute, hour, day of month, month, day of week. A field is `*`, or
 * numbers, ranges and names with commas between them; `/n` behind `*` or a range takes each n-th.
 * Where neither day begins with `*`, either of them is enough.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cron {
    uint64_t minutes; /* bit n: at minute n; the others alike */
    uint32_t hours, days, months;
    uint32_t weekdays;                   /* bit 0: Sunday */
    bool any_day, any_weekday, any_hour; /* the field begins with `*` */
};

/* 0, or -1 if the text is no schedule or one that never comes, like 30 February. */
int cron_parse(const char *text, struct cron *ret_cron);
/*
 * The first minute of the schedule at or after `minute`; minutes since 1970 on the clock on the
 * wall. INT64_MAX if there is none: never of a schedule that cron_parse() took, before the year
 * 10000.
 */
int64_t cron_next(const struct cron *cron, int64_t minute);
