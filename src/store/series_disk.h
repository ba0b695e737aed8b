/* The database file of the metric series: one row a series, one row a minute with data. */
#pragma once

#include "base/err.h"
#include "store/series.h"
#include "store/sketch.h"

#include <stdbool.h>
#include <stdint.h>

struct series_disk;

struct minute {
    struct series_point total; /* total.start_ms names the minute */
    struct sketch values;      /* its total is less than total.count if not all values are known */
    bool dirty;                /* differs from the row on disk */
};

/* Opens or creates; NULL path: in memory. */
struct series_disk *series_disk_open(const char *path, struct err *err);
void series_disk_close(struct series_disk *disk);

/* Several writes become one transaction between these two. */
int series_disk_begin(struct series_disk *disk, struct err *err);
int series_disk_commit(struct series_disk *disk, struct err *err);

/* Adds a series; its number is written to *ret_id. */
int series_disk_add(struct series_disk *disk, const char *name, const char *unit, int64_t *ret_id,
                    struct err *err);
/* Deletes a series with its minutes. */
int series_disk_remove(struct series_disk *disk, int64_t id, struct err *err);
/* Deletes every minute before `before_ms`. */
int series_disk_expire(struct series_disk *disk, int64_t before_ms, struct err *err);
/* Adds or replaces a minute. */
int series_disk_put(struct series_disk *disk, int64_t id, const struct minute *minute,
                    struct err *err);

/* Called with each row; stops if it returns false. `minute` is borrowed. */
typedef bool minute_visitor(void *arg, const struct minute *minute);
/* Minutes of a series that start in [from_ms, to_ms), ascending. */
int series_disk_read(const struct series_disk *disk, int64_t id, int64_t from_ms, int64_t to_ms,
                     minute_visitor *visit, void *arg, struct err *err);

typedef int series_disk_visitor(void *arg, int64_t id, const char *name, const char *unit,
                                int64_t last_ms, struct err *err);
/* All series that have minutes. */
int series_disk_each(const struct series_disk *disk, series_disk_visitor *visit, void *arg,
                     struct err *err);
