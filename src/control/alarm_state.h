/*
 * What state an alarm is in: M out of N datapoints, missing data, and the words for why. Pure
 * arithmetic; alarms.c reads the metrics and acts.
 */
#pragma once

#include "service/cloudwatch/alarm.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALARM_LATE_PERIODS = 2, /* how much further back than N to look for data */
    ALARM_DATAPOINTS_MAX = ALARM_PERIODS_MAX + ALARM_LATE_PERIODS,
};

/* One period. */
struct alarm_datapoint {
    int64_t start_ms;
    bool missing;
    double value;
    double sample_count;
};

struct alarm_verdict {
    const char *state; /* "OK", "ALARM", "INSUFFICIENT_DATA"; NULL: stays as it is */
    double newest;     /* the newest value there is; NAN: none */
    json_t *reason;    /* StateReason, when there is a state; owned */
    json_t *data;      /* StateReasonData as a string; owned */
};

/* How many periods to read for an alarm: more than it evaluates, because data come late. */
size_t alarm_range(const json_t *alarm);
/* Judges `count` periods, the newest first. */
struct alarm_verdict alarm_judge(const json_t *alarm, const struct alarm_datapoint *datapoints,
                                 size_t count, int64_t now_ms);
void alarm_verdict_finish(struct alarm_verdict *verdict);
