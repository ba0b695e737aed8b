#include "store/series.h"

#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "store/series_disk.h"
#include "store/sketch.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    EXPIRE_EVERY_MS = 60 * MINUTE_MS,
    HOT_MAX = 64,  /* minutes of a series in memory */
    HOT_LEAVE = 16 /* leave it at once when it is full */
};

/* Minutes that start at or after hot_from_ms are in hot[], all others on disk only. */
struct series {
    struct series_store *store;
    struct series_key key; /* dimensions sorted by name */
    char *unit;
    int64_t id; /* on disk */
    int64_t last_ms;
    int64_t hot_from_ms;
    struct minute *hot; /* ascending */
    size_t hot_count, hot_capacity;
    struct list dirty_link; /* in store->dirty when a minute differs from the disk */
};

struct series_store {
    struct series_disk *disk;
    struct map by_name; /* of struct series */
    struct list dirty;  /* of series.dirty_link */
    int64_t newest_ms;  /* the latest time that anything was added for */
    int64_t expired_ms; /* newest_ms when old minutes were deleted last */
};

/* ---- names ---- */

static int compare_dimensions(const void *left, const void *right)
{
    return strcmp(((const struct series_dimension *)left)->name,
                  ((const struct series_dimension *)right)->name);
}

/* A name that is equal for equal keys and holds all of the key; NULL if memory ran out. */
static char *name_of_key(const struct series_key *key)
{
    struct series_dimension sorted[SERIES_DIMENSIONS_MAX];
    if (key->dimension_count > SERIES_DIMENSIONS_MAX)
        return NULL;
    if (key->dimension_count > 0)
        memcpy(sorted, key->dimensions, key->dimension_count * sizeof *sorted);
    qsort(sorted, key->dimension_count, sizeof *sorted, compare_dimensions);
    json_auto_t *parts = json_pack("[s, s, s]", key->region, key->namespace, key->metric);
    for (size_t i = 0; i < key->dimension_count; i++) {
        json_array_append_new(parts, json_string(sorted[i].name));
        json_array_append_new(parts, json_string(sorted[i].value));
    }
    return json_dumps(parts, JSON_COMPACT);
}

static char *copy_part(const json_t *parts, size_t index)
{
    const char *text = json_string_value(json_array_get(parts, index));
    return text ? strdup(text) : NULL;
}

/* Fills the key from a name. False if memory ran out or the name is damaged. */
static bool key_of_name(const char *name, struct series_key *key)
{
    json_auto_t *parts = json_loads(name, 0, NULL);
    size_t count = json_array_size(parts);
    if (count < 3 || count % 2 == 0)
        return false;
    struct series_dimension *dimensions = calloc((count - 3) / 2 + 1, sizeof *dimensions);
    *key = (struct series_key){.region = copy_part(parts, 0),
                               .namespace = copy_part(parts, 1),
                               .metric = copy_part(parts, 2),
                               .dimensions = dimensions};
    if (!dimensions || !key->region || !key->namespace || !key->metric)
        return false;
    for (size_t i = 3; i < count; i += 2) {
        struct series_dimension *dimension = &dimensions[key->dimension_count++];
        dimension->name = copy_part(parts, i);
        dimension->value = copy_part(parts, i + 1);
        if (!dimension->name || !dimension->value)
            return false;
    }
    return true;
}

static void series_free(struct series *series)
{
    for (size_t i = 0; i < series->key.dimension_count; i++) {
        free((char *)series->key.dimensions[i].name);
        free((char *)series->key.dimensions[i].value);
    }
    free((struct series_dimension *)series->key.dimensions);
    free((char *)series->key.region);
    free((char *)series->key.namespace);
    free((char *)series->key.metric);
    for (size_t i = 0; i < series->hot_count; i++)
        sketch_finish(&series->hot[i].values);
    free(series->hot);
    free(series->unit);
    list_remove(&series->dirty_link);
    free(series);
}

/* ---- the table of series ---- */

/* A series without minutes in memory. NULL if memory ran out or the name is damaged. */
static struct series *series_insert(struct series_store *store, const char *name, const char *unit)
{
    struct series *series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    series->store = store;
    list_init(&series->dirty_link);
    series->unit = strdup(unit);
    if (!series->unit || !key_of_name(name, &series->key) ||
        map_set(&store->by_name, name, series) < 0) {
        series_free(series);
        return NULL;
    }
    return series;
}

static struct series *series_create(struct series_store *store, const char *name, const char *unit,
                                    struct err *err)
{
    if (store->by_name.count >= SERIES_MAX) {
        err_set(err, "there are already %d metrics", SERIES_MAX);
        return NULL;
    }
    struct series *series = series_insert(store, name, unit);
    if (!series) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (series_disk_add(store->disk, name, unit, &series->id, err) < 0) {
        map_remove(&store->by_name, name);
        series_free(series);
        return NULL;
    }
    return series;
}

bool series_fit(const struct series_store *store, const struct series_key *keys, size_t count)
{
    struct map added = {0};
    bool fit = true;
    if (store->by_name.count + count <= SERIES_MAX)
        return true;
    for (size_t i = 0; i < count && fit; i++) {
        auto_free char *name = name_of_key(&keys[i]);
        fit = name && (map_get(&store->by_name, name) || map_set(&added, name, &added) >= 0) &&
              store->by_name.count + added.count <= SERIES_MAX;
    }
    map_finish(&added);
    return fit;
}

static int load_series(void *arg, int64_t id, const char *name, const char *unit, int64_t last_ms,
                       struct err *err)
{
    struct series_store *store = arg;
    struct series *series = series_insert(store, name, unit);
    if (!series)
        return err_set(err, "metrics database: series %lld cannot be read", (long long)id);
    series->id = id;
    series->last_ms = last_ms;
    series->hot_from_ms = last_ms + MINUTE_MS;
    if (last_ms > store->newest_ms)
        store->newest_ms = last_ms;
    return 0;
}

struct series_store *series_open(const char *path, struct err *err)
{
    struct series_store *store = calloc(1, sizeof *store);
    if (!store) {
        err_set(err, "out of memory");
        return NULL;
    }
    list_init(&store->dirty);
    store->disk = series_disk_open(path, err);
    if (!store->disk || series_disk_each(store->disk, load_series, store, err) < 0) {
        series_close(store);
        return NULL;
    }
    return store;
}

void series_close(struct series_store *store)
{
    if (!store)
        return;
    map_each (entry, &store->by_name)
        series_free(entry->value);
    map_finish(&store->by_name);
    series_disk_close(store->disk);
    free(store);
}

/* ---- writing behind ---- */

static int write_series(struct series *series, struct err *err)
{
    for (size_t i = 0; i < series->hot_count; i++) {
        if (!series->hot[i].dirty)
            continue;
        if (series_disk_put(series->store->disk, series->id, &series->hot[i], err) < 0)
            return -1;
    }
    return 0;
}

static void forget_dirty(struct series_store *store)
{
    list_each_safe (series, &store->dirty, struct series, dirty_link) {
        for (size_t i = 0; i < series->hot_count; i++)
            series->hot[i].dirty = false;
        list_remove(&series->dirty_link);
    }
}

/* Writes all that is not on disk yet in one transaction. */
static int write_dirty(struct series_store *store, struct err *err)
{
    if (list_empty(&store->dirty))
        return 0;
    if (series_disk_begin(store->disk, err) < 0)
        return -1;
    int status = 0;
    for (struct list *link = store->dirty.next; link != &store->dirty && status == 0;
         link = link->next)
        status = write_series(container_of(link, struct series, dirty_link), err);
    struct err commit_err;
    if (series_disk_commit(store->disk, status == 0 ? err : &commit_err) < 0)
        status = -1;
    if (status < 0)
        return -1;
    forget_dirty(store);
    return 0;
}

/* ---- minutes ---- */

static void add_total(struct series_point *into, const struct series_point *from)
{
    bool first = into->count == 0;
    into->minimum = first || from->minimum < into->minimum ? from->minimum : into->minimum;
    into->maximum = first || from->maximum > into->maximum ? from->maximum : into->maximum;
    into->count += from->count;
    into->sum += from->sum;
}

static int merge_minute(struct minute *into, const struct minute *from, struct err *err)
{
    add_total(&into->total, &from->total);
    into->dirty = true;
    return sketch_merge(&into->values, &from->values) ? 0 : err_set(err, "out of memory");
}

/* Makes the ring shorter by its oldest minutes, which are then on disk only. */
static int evict(struct series *series, struct err *err)
{
    bool dirty = false;
    for (size_t i = 0; i < HOT_LEAVE; i++)
        dirty |= series->hot[i].dirty;
    if (dirty && write_dirty(series->store, err) < 0)
        return -1;
    for (size_t i = 0; i < HOT_LEAVE; i++)
        sketch_finish(&series->hot[i].values);
    series->hot_count -= HOT_LEAVE;
    memmove(series->hot, series->hot + HOT_LEAVE, series->hot_count * sizeof *series->hot);
    series->hot_from_ms = series->hot[0].total.start_ms;
    return 0;
}

static int grow(struct series *series, struct err *err)
{
    size_t capacity = series->hot_capacity ? series->hot_capacity * 2 : 4;
    struct minute *grown = realloc(series->hot, capacity * sizeof *grown);
    if (!grown)
        return err_set(err, "out of memory");
    series->hot = grown;
    series->hot_capacity = capacity;
    return 0;
}

/* The minute in memory, created if need be; NULL and err on failure. start_ms >= hot_from_ms. */
static struct minute *hot_minute(struct series *series, int64_t start_ms, struct err *err)
{
    size_t at = series->hot_count;
    while (at > 0 && series->hot[at - 1].total.start_ms > start_ms)
        at--;
    if (at > 0 && series->hot[at - 1].total.start_ms == start_ms)
        return &series->hot[at - 1];
    if (series->hot_count == series->hot_capacity && grow(series, err) < 0)
        return NULL;
    memmove(series->hot + at + 1, series->hot + at, (series->hot_count - at) * sizeof *series->hot);
    series->hot[at] = (struct minute){.total.start_ms = start_ms};
    series->hot_count++;
    if (at == 0)
        series->hot_from_ms = start_ms;
    return &series->hot[at];
}

struct merge {
    struct minute *into;
    struct err *err;
    int status;
};

static bool merge_row(void *arg, const struct minute *row)
{
    struct merge *merge = arg;
    merge->status = merge_minute(merge->into, row, merge->err);
    return true;
}

/* Adds a minute that may be on disk to the one in `into`. */
static int merge_from_disk(const struct series *series, struct minute *into, struct err *err)
{
    struct merge merge = {.into = into, .err = err};
    int64_t start_ms = into->total.start_ms;
    int status = series_disk_read(series->store->disk, series->id, start_ms, start_ms + MINUTE_MS,
                                  merge_row, &merge, err);
    return status < 0 ? status : merge.status;
}

/* Adds to a minute that is older than what is in memory. */
static int add_cold(struct series *series, const struct minute *added, struct err *err)
{
    struct minute minute = {.total.start_ms = added->total.start_ms};
    int status = merge_minute(&minute, added, err);
    if (status == 0)
        status = merge_from_disk(series, &minute, err);
    if (status == 0)
        status = series_disk_put(series->store->disk, series->id, &minute, err);
    sketch_finish(&minute.values);
    return status;
}

/* After a restart the last minute on disk may still be growing: brings it back to memory. */
static int warm_up(struct series *series, struct err *err)
{
    series->hot_from_ms = series->last_ms;
    struct minute *minute = hot_minute(series, series->last_ms, err);
    return minute ? merge_from_disk(series, minute, err) : -1;
}

static int add_minute(struct series *series, const struct minute *added, struct err *err)
{
    int64_t start_ms = added->total.start_ms;
    if (series->hot_count == 0 && start_ms == series->last_ms && warm_up(series, err) < 0)
        return -1;
    if (series->hot_count == HOT_MAX && evict(series, err) < 0)
        return -1;
    if (start_ms < series->hot_from_ms)
        return add_cold(series, added, err);
    struct minute *minute = hot_minute(series, start_ms, err);
    if (!minute || merge_minute(minute, added, err) < 0)
        return -1;
    if (list_empty(&series->dirty_link))
        list_append(&series->store->dirty, &series->dirty_link);
    return 0;
}

int series_add_values(struct series_store *store, const struct series_key *key, const char *unit,
                      int64_t at_ms, const struct series_point *total,
                      const struct series_value *values, size_t value_count, struct err *err)
{
    auto_free char *name = name_of_key(key);
    if (!name)
        return err_set(err, "out of memory");
    struct series *series = map_get(&store->by_name, name);
    if (!series)
        series = series_create(store, name, unit, err);
    if (!series)
        return -1;
    struct minute added = {.total = *total};
    added.total.start_ms = at_ms - at_ms % MINUTE_MS;
    bool ok = true;
    for (size_t i = 0; i < value_count && ok; i++)
        ok = sketch_add(&added.values, values[i].value, values[i].count);
    int status = ok ? add_minute(series, &added, err) : err_set(err, "out of memory");
    sketch_finish(&added.values);
    if (status == 0 && added.total.start_ms > series->last_ms)
        series->last_ms = added.total.start_ms;
    if (status == 0 && added.total.start_ms > store->newest_ms)
        store->newest_ms = added.total.start_ms;
    return status;
}

int series_add(struct series_store *store, const struct series_key *key, const char *unit,
               int64_t at_ms, const struct series_point *value, struct err *err)
{
    struct series_value single = {.value = value->minimum, .count = value->count};
    bool known = value->minimum == value->maximum;
    return series_add_values(store, key, unit, at_ms, value, &single, known, err);
}

/* Deletes minutes, and series whose last minute is older than what is kept. */
static int expire(struct series_store *store, struct err *err)
{
    int64_t before_ms = store->newest_ms - (int64_t)SERIES_MINUTES_KEPT * MINUTE_MS;
    if (series_disk_expire(store->disk, before_ms, err) < 0)
        return -1;
    for (struct map_entry *entry = store->by_name.first, *next; entry; entry = next) {
        next = entry->next;
        struct series *series = entry->value;
        if (series->last_ms >= before_ms)
            continue;
        if (series_disk_remove(store->disk, series->id, err) < 0)
            return -1;
        map_remove(&store->by_name, entry->key);
        series_free(series);
    }
    store->expired_ms = store->newest_ms;
    return 0;
}

int series_flush(struct series_store *store, struct err *err)
{
    if (write_dirty(store, err) < 0)
        return -1;
    bool due = store->newest_ms - store->expired_ms >= EXPIRE_EVERY_MS;
    return due ? expire(store, err) : 0;
}

/* ---- reading ---- */

const struct series *series_find(const struct series_store *store, const struct series_key *key)
{
    auto_free char *name = name_of_key(key);
    return name ? map_get(&store->by_name, name) : NULL;
}

/* Visits minutes in [from_ms, to_ms), ascending, from disk and memory. What cannot be read is
 * missing data: there is nobody to tell here. */
static void each_minute(const struct series *series, int64_t from_ms, int64_t to_ms,
                        minute_visitor *visit, void *arg)
{
    int64_t cold_to_ms = to_ms < series->hot_from_ms ? to_ms : series->hot_from_ms;
    struct err ignored;
    if (from_ms < cold_to_ms)
        series_disk_read(series->store->disk, series->id, from_ms, cold_to_ms, visit, arg,
                         &ignored);
    for (size_t i = 0; i < series->hot_count; i++) {
        const struct minute *minute = &series->hot[i];
        if (minute->total.start_ms >= from_ms && minute->total.start_ms < to_ms &&
            !visit(arg, minute))
            return;
    }
}

struct reading {
    int64_t from_ms, period_ms;
    struct series_point *out;
    size_t count, limit;
};

static bool read_minute(void *arg, const struct minute *minute)
{
    struct reading *reading = arg;
    int64_t offset_ms = minute->total.start_ms - reading->from_ms;
    int64_t start_ms = reading->from_ms + offset_ms - offset_ms % reading->period_ms;
    if (reading->count == 0 || reading->out[reading->count - 1].start_ms != start_ms) {
        if (reading->count == reading->limit)
            return false;
        reading->out[reading->count++] = (struct series_point){.start_ms = start_ms};
    }
    add_total(&reading->out[reading->count - 1], &minute->total);
    return true;
}

size_t series_read(const struct series *series, int64_t from_ms, int64_t to_ms, int64_t period_ms,
                   struct series_point *out, size_t limit)
{
    struct reading reading = {
        .from_ms = from_ms, .period_ms = period_ms, .out = out, .limit = limit};
    each_minute(series, from_ms, to_ms, read_minute, &reading);
    return reading.count;
}

static bool collect_minute(void *arg, const struct minute *minute)
{
    struct minute *all = arg;
    struct err ignored;
    return merge_minute(all, minute, &ignored) == 0;
}

/* All values over a time, whose distribution is known; otherwise false and nothing to free. */
static bool collect_values(const struct series *series, int64_t from_ms, int64_t to_ms,
                           struct minute *ret_all)
{
    *ret_all = (struct minute){0};
    each_minute(series, from_ms, to_ms, collect_minute, ret_all);
    /* Counts are kept as floats: a difference below one in a million is none. */
    if (ret_all->total.count > 0 &&
        sketch_total(&ret_all->values) > ret_all->total.count * (1 - 1e-6))
        return true;
    sketch_finish(&ret_all->values);
    return false;
}

double series_percentile(const struct series *series, int64_t from_ms, int64_t to_ms,
                         double percentile)
{
    struct minute all;
    if (!collect_values(series, from_ms, to_ms, &all))
        return NAN;
    double value = fmin(fmax(sketch_percentile(&all.values, percentile), all.total.minimum),
                        all.total.maximum);
    sketch_finish(&all.values);
    return value;
}

bool series_divide(const struct series *series, int64_t from_ms, int64_t to_ms,
                   const struct series_bounds *bounds, struct series_parts *ret_parts)
{
    struct minute all;
    if (!collect_values(series, from_ms, to_ms, &all))
        return false;
    sketch_divide(&all.values, bounds, ret_parts);
    sketch_finish(&all.values);
    return true;
}

void series_each(const struct series_store *store, const char *region, series_visitor *visit,
                 void *arg)
{
    map_each (entry, &store->by_name) {
        const struct series *series = entry->value;
        if (strcmp(series->key.region, region) == 0 && !visit(arg, series))
            return;
    }
}

const struct series_key *series_key(const struct series *series)
{
    return &series->key;
}

const char *series_unit(const struct series *series)
{
    return series->unit;
}

int64_t series_last_ms(const struct series *series)
{
    return series->last_ms;
}
