#include "wire/recurrence.h"

/* The first minute of the schedule at or after a time on the clock on the wall, in seconds. */
static int64_t next_on_wall(const struct cron *cron, int64_t wall_s)
{
    int64_t minute = wall_s / 60 + (wall_s % 60 > 0);
    int64_t found = cron_next(cron, minute);
    return found == INT64_MAX ? INT64_MAX : found * 60;
}

/* Whether the schedule has a time that the clocks left out when the stretch began. */
static bool is_left_out(const struct cron *cron, const struct zone_span *span)
{
    return !cron->any_hour &&
           next_on_wall(cron, span->begin_s + span->before_s) < span->begin_s + span->offset_s;
}

int64_t recurrence_next(const struct cron *cron, const struct time_zone *zone, int64_t after_s)
{
    int64_t from_s = after_s + 1;
    for (;;) {
        struct zone_span span = time_zone_span(zone, from_s);
        if (from_s == span.begin_s && is_left_out(cron, &span))
            return from_s;
        int64_t wall_s = from_s + span.offset_s;
        /* What clocks show again has been before. */
        if (!cron->any_hour && span.begin_s != INT64_MIN && wall_s < span.begin_s + span.before_s)
            wall_s = span.begin_s + span.before_s;
        wall_s = next_on_wall(cron, wall_s);
        if (wall_s == INT64_MAX || wall_s - span.offset_s < span.end_s)
            return wall_s == INT64_MAX ? INT64_MAX : wall_s - span.offset_s;
        from_s = span.end_s;
    }
}

int64_t recurrence_latest(const struct cron *cron, const struct time_zone *zone, int64_t after_s,
                          int64_t until_s)
{
    int64_t found_s = recurrence_next(cron, zone, after_s);
    int64_t high_s = until_s; /* none comes after it that is wanted */
    if (found_s > until_s)
        return INT64_MAX;
    while (found_s < high_s) {
        int64_t middle_s = found_s + (high_s - found_s) / 2;
        int64_t next_s = recurrence_next(cron, zone, middle_s);
        if (next_s <= until_s)
            found_s = next_s;
        else
            high_s = middle_s;
    }
    return found_s;
}
