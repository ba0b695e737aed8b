/* How a zone goes on: the rule at the end of a TZif file, "CET-1CEST,M3.5.0,M10.5.0/3". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of time in which clocks are not moved. */
struct zone_span {
    int64_t begin_s, end_s; /* from, and before; INT64_MIN, INT64_MAX: there is no limit */
    int32_t offset_s;       /* of the clock on the wall to UTC */
    int32_t before_s;       /* the offset that ended at begin_s */
};

/* The day of a year on which clocks are moved, and the time on the clock on the wall. */
struct rule_date {
    char kind; /* 'M': a weekday of a month, 'J': a day that is never 29 February, 'N': any day */
    int month, week, weekday; /* of 'M': the week is 1 to 5, where 5 is the last */
    int day;                  /* of 'J' from 1, of 'N' from 0 */
    int32_t time_s;
};

struct zone_rule {
    int32_t standard_s, daylight_s; /* offsets to UTC */
    bool has_daylight;
    struct rule_date begin, end; /* of daylight saving time */
};

/* 0, or -1 if the text is no rule. Without a text there is none: UTC. */
int zone_rule_read(struct zone_rule *ret_rule, const char *text, size_t size);
/* The stretch that holds `time_s`, as if the rule had always been valid. */
struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t time_s);
