/*
 * Records of usage. A record says how much of one item a resource has used: intervals in which it
 * had a quantity (one instance, 8 GiB), or counts (GB, LCU-hours). Intervals that have ended are
 * only sums in it, so it does not grow. Documents of the kinds "usage-…", see docs/state.md.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Documents of the kind that says since when usage is recorded; region "", this id. */
extern const char usage_mark_kind[], usage_mark_id[];
/* The kinds of records; ends with NULL. */
extern const char *const usage_kinds[];

/* What is charged, and how time is rounded. */
struct usage_item {
    const char *name; /* of an item, or what comes before the ':' of one ("instance:t3.micro") */
    const char *unit; /* "hour", "GiB-month" */
    double hours;     /* in a unit */
    int64_t minimum_ms, step_ms; /* an interval is charged for at least, and in steps of */
};

enum { USAGE_MONTH_HOURS = 730 }; /* as AWS's own estimates have it */

/* The row of an item; NULL if there is none. */
const struct usage_item *usage_item_find(const char *item);

/* A record without usage; `group` is that of an instance or of its maximum, else
 * "". A new reference. */
json_t *usage_make(const char *resource, const char *item, const char *group);
bool usage_is_open(const json_t *record);
/* Begins an interval; one that is open ends. */
void usage_begin(json_t *record, double quantity, int64_t now_ms);
/* Ends the interval that is open, if one is. */
void usage_end(json_t *record, int64_t now_ms);
/* Adds a count, in units. */
void usage_count(json_t *record, double units);
/* Adds what `record` has used to `sum`. */
void usage_fold(json_t *sum, const json_t *record);

/* What was used until now, in units: as it is charged, and exactly. */
double usage_charged(const json_t *record, int64_t now_ms);
double usage_exact(const json_t *record, int64_t now_ms);
