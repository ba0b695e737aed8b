#include "store/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bucket n > 0 holds values in (GROWTH^(n-1-OFFSET), GROWTH^(n-OFFSET)]. */
#define GROWTH 1.1
enum { OFFSET = 8192 };

static int32_t bucket_index(double value)
{
    if (value == 0 || !isfinite(value))
        return 0;
    int32_t magnitude = (int32_t)ceil(log(fabs(value)) / log(GROWTH)) + OFFSET;
    return value > 0 ? magnitude : -magnitude;
}

/* The middle of a bucket, in the sense that both its bounds are equally far in proportion. */
static double bucket_value(int32_t index)
{
    if (index == 0)
        return 0;
    double magnitude = pow(GROWTH, abs(index) - OFFSET) * 2 / (1 + GROWTH);
    return index > 0 ? magnitude : -magnitude;
}

void sketch_finish(struct sketch *sketch)
{
    free(sketch->buckets);
    *sketch = (struct sketch){0};
}

static bool make_room(struct sketch *sketch)
{
    if (sketch->count < sketch->capacity)
        return true;
    uint32_t capacity = sketch->capacity ? sketch->capacity * 2 : 2;
    struct sketch_bucket *grown = realloc(sketch->buckets, capacity * sizeof *grown);
    if (!grown)
        return false;
    sketch->buckets = grown;
    sketch->capacity = capacity;
    return true;
}

static void merge_lowest(struct sketch *sketch)
{
    sketch->buckets[1].count += sketch->buckets[0].count;
    sketch->count--;
    memmove(sketch->buckets, sketch->buckets + 1, sketch->count * sizeof *sketch->buckets);
}

static bool add_to_bucket(struct sketch *sketch, int32_t index, float count)
{
    uint32_t at = sketch->count;
    while (at > 0 && sketch->buckets[at - 1].index > index)
        at--;
    if (at > 0 && sketch->buckets[at - 1].index == index) {
        sketch->buckets[at - 1].count += count;
        return true;
    }
    if (!make_room(sketch))
        return false;
    memmove(sketch->buckets + at + 1, sketch->buckets + at,
            (sketch->count - at) * sizeof *sketch->buckets);
    sketch->buckets[at] = (struct sketch_bucket){.index = index, .count = count};
    sketch->count++;
    if (sketch->count > SERIES_BUCKETS)
        merge_lowest(sketch);
    return true;
}

bool sketch_add(struct sketch *sketch, double value, double count)
{
    return add_to_bucket(sketch, bucket_index(value), (float)count);
}

bool sketch_merge(struct sketch *sketch, const struct sketch *other)
{
    for (uint32_t i = 0; i < other->count; i++)
        if (!add_to_bucket(sketch, other->buckets[i].index, other->buckets[i].count))
            return false;
    return true;
}

double sketch_total(const struct sketch *sketch)
{
    double total = 0;
    for (uint32_t i = 0; i < sketch->count; i++)
        total += (double)sketch->buckets[i].count;
    return total;
}

double sketch_percentile(const struct sketch *sketch, double percentile)
{
    if (sketch->count == 0)
        return NAN;
    double rank = sketch_total(sketch) * percentile / 100;
    double seen = 0;
    for (uint32_t i = 0; i < sketch->count; i++) {
        seen += (double)sketch->buckets[i].count;
        if (seen >= rank)
            return bucket_value(sketch->buckets[i].index);
    }
    return bucket_value(sketch->buckets[sketch->count - 1].index);
}

void sketch_divide(const struct sketch *sketch, const struct series_bounds *bounds,
                   struct series_parts *ret_parts)
{
    double total = sketch_total(sketch), seen = 0;
    *ret_parts = (struct series_parts){.low = bounds->low, .high = bounds->high};
    if (bounds->by_percent) {
        ret_parts->low = sketch_percentile(sketch, bounds->low);
        ret_parts->high = sketch_percentile(sketch, bounds->high);
    }
    for (uint32_t i = 0; i < sketch->count; i++) {
        double count = (double)sketch->buckets[i].count;
        double value = bucket_value(sketch->buckets[i].index);
        double below = value <= bounds->low ? count : 0, above = value > bounds->high ? count : 0;
        if (bounds->by_percent) {
            /* Ranks within a bucket can lie on both sides of a bound. */
            below = fmin(count, fmax(0, total * bounds->low / 100 - seen));
            above = fmin(count - below, fmax(0, seen + count - total * bounds->high / 100));
        }
        ret_parts->below += below;
        ret_parts->above += above;
        ret_parts->within += count - below - above;
        ret_parts->within_sum += (count - below - above) * value;
        seen += count;
    }
}
