/* Targets: what the threads share about each, and what each thread keeps for itself. */
#pragma once

#include "base/list.h"
#include "ipc/message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct health_check;

/* Of one thread, which alone touches it. */
struct target_thread {
    struct list idle;   /* of struct upstream.link, the one used last first */
    struct list active; /* of struct upstream.link, with an exchange */
    int idle_count;
    bool gone;              /* it left the configuration: keep no connection to it */
    int64_t avoid_until_ms; /* a connection just failed: prefer others */
    char padding[64];       /* no two threads write the same cache line */
};

/* Where connections to it come from: a node of its load balancer. */
struct source {
    char vpc[ID_SIZE]; /* "" alone */
    uint32_t address;
};

struct target {
    struct list link; /* of struct target_table */
    char group[DIMENSION_SIZE];
    char id[64];
    uint32_t address;
    uint16_t port;
    struct source source;
    uint64_t generation;        /* of the last snapshot that has it; written by the main thread */
    int uses;                   /* snapshots; main thread */
    atomic_int state;           /* enum target_state; written by the main thread */
    int reason, detail;         /* of the state, see struct target_health; main thread */
    struct health_check *check; /* main thread; NULL while it is not checked */
    struct target_thread threads[];
};

struct target_table {
    struct list targets;
    int thread_count;
};

void target_table_init(struct target_table *table, int thread_count);
/* The target that equals all these, with one more use; NULL if memory ran out. */
struct target *target_get(struct target_table *table, const char *group, const char *id,
                          uint32_t address, uint16_t port, const struct source *source);
/* One use less; the last one frees it (its check must be gone by then). */
void target_release(struct target *target);
