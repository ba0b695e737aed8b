#include "balancer/traffic.h"

#include "ipc/response_time.h"

#include <stdlib.h>
#include <string.h>

void traffic_table_init(struct traffic_table *table, int thread_count)
{
    list_init(&table->cells);
    table->thread_count = thread_count;
}

void traffic_table_finish(struct traffic_table *table)
{
    list_each_safe (cell, &table->cells, struct cell, link)
        free(cell);
    list_init(&table->cells);
}

static struct cell *add_cell(struct traffic_table *table, const char *load_balancer,
                             const char *target_group, const char *zone)
{
    size_t size = sizeof(struct cell) + (size_t)table->thread_count * sizeof(struct counters);
    struct cell *cell = calloc(1, size);
    if (!cell)
        return NULL;
    strncpy(cell->load_balancer, load_balancer, sizeof cell->load_balancer - 1);
    strncpy(cell->target_group, target_group, sizeof cell->target_group - 1);
    strncpy(cell->zone, zone, sizeof cell->zone - 1);
    for (int i = 0; i < table->thread_count; i++)
        cell->threads[i].response_time_min_us = UINT64_MAX;
    list_append(&table->cells, &cell->link);
    return cell;
}

struct cell *traffic_cell(struct traffic_table *table, const char *load_balancer,
                          const char *target_group, const char *zone)
{
    list_each (cell, &table->cells, struct cell, link) {
        if (strcmp(cell->load_balancer, load_balancer) == 0 &&
            strcmp(cell->target_group, target_group) == 0 && strcmp(cell->zone, zone) == 0) {
            atomic_fetch_add(&cell->uses, 1);
            return cell;
        }
    }
    struct cell *cell = add_cell(table, load_balancer, target_group, zone);
    if (cell)
        atomic_init(&cell->uses, 1);
    return cell;
}

void traffic_response_time(struct counters *counters, uint64_t us)
{
    counter_add(&counters->response_time_count, 1);
    counter_add(&counters->response_time_sum_us, us);
    if (us < __atomic_load_n(&counters->response_time_min_us, __ATOMIC_RELAXED))
        __atomic_store_n(&counters->response_time_min_us, us, __ATOMIC_RELAXED);
    if (us > __atomic_load_n(&counters->response_time_max_us, __ATOMIC_RELAXED))
        __atomic_store_n(&counters->response_time_max_us, us, __ATOMIC_RELAXED);
    uint32_t *bucket = &counters->response_time_buckets[response_time_bucket(us)];
    __atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
}

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Adds one thread's totals; the extremes start again with each report. */
static void add_thread(struct traffic *sum, struct counters *counters)
{
#define X(name) sum->name += load(&counters->name);
    TRAFFIC_COUNTERS(X)
#undef X
    sum->active_connections += load(&counters->active_connections);
    for (int i = 0; i < 6; i++) {
        sum->target_status[i] += load(&counters->target_status[i]);
        sum->elb_status[i] += load(&counters->elb_status[i]);
    }
    for (int i = 0; i < RESPONSE_TIME_BUCKETS; i++)
        sum->response_time_buckets[i] +=
            __atomic_load_n(&counters->response_time_buckets[i], __ATOMIC_RELAXED);
    uint64_t min =
        __atomic_exchange_n(&counters->response_time_min_us, UINT64_MAX, __ATOMIC_RELAXED);
    uint64_t max = __atomic_exchange_n(&counters->response_time_max_us, 0, __ATOMIC_RELAXED);
    if (min < sum->response_time_min_us)
        sum->response_time_min_us = min;
    if (max > sum->response_time_max_us)
        sum->response_time_max_us = max;
}

/* Turns totals into what came since `before`. Returns whether that is anything. */
static bool since(struct traffic *row, const struct traffic *total, const struct traffic *before)
{
    bool any = total->active_connections || before->active_connections;
    *row = *total;
#define X(name) any |= (row->name -= before->name) != 0;
    TRAFFIC_COUNTERS(X)
#undef X
    for (int i = 0; i < 6; i++) {
        any |= (row->target_status[i] -= before->target_status[i]) != 0;
        any |= (row->elb_status[i] -= before->elb_status[i]) != 0;
    }
    for (int i = 0; i < RESPONSE_TIME_BUCKETS; i++)
        row->response_time_buckets[i] -= before->response_time_buckets[i];
    if (!row->response_time_count)
        row->response_time_min_us = row->response_time_max_us = 0;
    return any;
}

static bool collect_cell(struct cell *cell, int thread_count, struct traffic *row)
{
    struct traffic total = {.response_time_min_us = UINT64_MAX};
    for (int i = 0; i < thread_count; i++)
        add_thread(&total, &cell->threads[i]);
    memcpy(total.load_balancer, cell->load_balancer, sizeof total.load_balancer);
    memcpy(total.target_group, cell->target_group, sizeof total.target_group);
    memcpy(total.zone, cell->zone, sizeof total.zone);
    bool any = since(row, &total, &cell->reported);
    cell->reported = total;
    return any;
}

int traffic_collect(struct traffic_table *table, struct traffic **rows)
{
    int capacity = 0, count = 0;
    list_each (cell, &table->cells, struct cell, link)
        capacity++;
    *rows = calloc((size_t)capacity + 1, sizeof **rows);
    if (!*rows)
        return -1;
    list_each_safe (cell, &table->cells, struct cell, link) {
        bool any = collect_cell(cell, table->thread_count, &(*rows)[count]);
        count += any;
        if (!any && !atomic_load(&cell->uses)) {
            list_remove(&cell->link);
            free(cell);
        }
    }
    return count;
}
