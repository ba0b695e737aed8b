/*
 * When a schedule comes in a time zone. Where clocks are moved forward, what falls into the hour
 * that is left out comes at the moment when they are moved; where they are moved back, what falls
 * into the hour that there is twice comes the first time only. A schedule of every hour (`*`)
 * follows real time: it comes in each hour that there is.
 */
#pragma once

#include "wire/cron.h"
#include "wire/time_zone.h"

/* The first time after `after_s`, in seconds since 1970; INT64_MAX if there is none. */
int64_t recurrence_next(const struct cron *cron, const struct time_zone *zone, int64_t after_s);
/* The last time after `after_s` and not after `until_s`; INT64_MAX if there is none. */
int64_t recurrence_latest(const struct cron *cron, const struct time_zone *zone, int64_t after_s,
                          int64_t until_s);
