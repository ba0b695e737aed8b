/*
 * The distribution of the values of one period, for percentiles: counts in buckets whose bounds
 * grow by 10 %, so a value is known to within 5 %. Only buckets with values are kept, in ascending
 * order; beyond SERIES_BUCKETS the lowest ones are merged, which keeps the upper percentiles exact.
 */
#pragma once

#include "store/series.h"

#include <stdbool.h>
#include <stdint.h>

struct sketch_bucket {
    int32_t index; /* of the bucket: 0 holds zero, negative ones negative values */
    float count;
};

struct sketch {
    struct sketch_bucket *buckets;
    uint32_t count;    /* buckets in use */
    uint32_t capacity; /* buckets allocated */
};

void sketch_finish(struct sketch *sketch);
/* Adds `count` values of about `value`. False if memory ran out. */
bool sketch_add(struct sketch *sketch, double value, double count);
/* Adds all of `other`. False if memory ran out. */
bool sketch_merge(struct sketch *sketch, const struct sketch *other);
/* How many values it holds. */
double sketch_total(const struct sketch *sketch);
/* The `percentile` (0..100); NAN when empty. */
double sketch_percentile(const struct sketch *sketch, double percentile);
/* Divides the values by bounds; see series_divide(). */
void sketch_divide(const struct sketch *sketch, const struct series_bounds *bounds,
                   struct series_parts *ret_parts);
