/*
 * What is counted for the metrics: one cell for each load balancer, target group and zone, with
 * counters of its own for each thread, which alone writes them. The main thread sums them up.
 */
#pragma once

#include "base/list.h"
#include "ipc/message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one thread. Totals since the cell was made, except where said. */
struct counters {
#define X(name) uint64_t name;
    TRAFFIC_COUNTERS(X)
#undef X
    uint64_t target_status[6], elb_status[6];
    uint64_t active_connections;                           /* now */
    uint64_t response_time_min_us, response_time_max_us;   /* since the last report */
    uint32_t response_time_buckets[RESPONSE_TIME_BUCKETS]; /* wrap around */
    char padding[64]; /* no two threads write the same cache line */
};

struct cell {
    struct list link; /* of struct traffic_table */
    char load_balancer[DIMENSION_SIZE], target_group[DIMENSION_SIZE], zone[ID_SIZE];
    atomic_uint uses;        /* snapshots and connections; main frees the cell some time after 0 */
    struct traffic reported; /* totals at the last report */
    struct counters threads[];
};

struct traffic_table {
    struct list cells;
    int thread_count;
};

static inline void counter_add(uint64_t *counter, uint64_t count)
{
    __atomic_store_n(counter, *counter + count, __ATOMIC_RELAXED);
}

void traffic_table_init(struct traffic_table *table, int thread_count);
void traffic_table_finish(struct traffic_table *table);
/* The cell of these names with one more use, made if it is not there; NULL if memory ran out. */
struct cell *traffic_cell(struct traffic_table *table, const char *load_balancer,
                          const char *target_group, const char *zone);
/* Notes that a target answered after `us`; by the thread that owns `counters`. */
void traffic_response_time(struct counters *counters, uint64_t us);
/*
 * Writes what was counted since the last call, one row a cell with anything to tell, to `rows`
 * (malloc'd, to be freed by the caller). Returns the number of rows, or -1 if memory ran out.
 * Forgets cells that nobody uses.
 */
int traffic_collect(struct traffic_table *table, struct traffic **rows);
