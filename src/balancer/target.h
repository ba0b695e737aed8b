/* Targets: what the threads share about each, and what each thread keeps for itself. */
#pragma once

#include "base/list.h"
#include "ipc/message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct health_check;
struct ssl_session_st;

enum { TARGET_FULL_SHARE = 1000 };

/* Of one thread, which alone writes it. */
struct target_thread {
    struct list idle;   /* of struct upstream.link, the one used last first */
    struct list active; /* of struct upstream.link, with an exchange */
    struct list shared; /* of struct http2_link.link: connections that take more exchanges */
    int idle_count;
    int credit;             /* towards its next turn, while its share is not full */
    bool gone;              /* it left the configuration: keep no connection to it */
    int64_t avoid_until_ms; /* a connection just failed: prefer others */
    uint64_t answers;       /* responses and failed connections; the main thread reads both */
    uint64_t errors;        /* those with 5xx, and failed connections */
    struct ssl_session_st *session; /* of TLS: the next connection resumes it */
    char padding[64];               /* no two threads write the same cache line */
};

/* Where connections to it come from: a node of its load balancer. */
struct source {
    char vpc[ID_SIZE]; /* "" alone */
    uint32_t address;
};

/* Where a target is in its slow start; main thread. */
struct target_ramp {
    uint64_t generation; /* of the last snapshot in which it was not on its way out; 0: none */
    bool exempt;         /* it came into an empty group: its first ramp is left out */
    bool was_healthy;    /* when the group was last looked at */
    bool running;
    int64_t started_cloud_ms;
};

/* What was found out about a target's errors; main thread. */
struct target_anomaly {
    uint64_t answers, errors; /* totals when they were last looked at */
    bool anomalous, mitigated;
};

struct target {
    struct target *next; /* of its bucket in the table */
    char group[DIMENSION_SIZE];
    char id[64];
    uint32_t address;
    uint16_t port;
    struct source source;
    uint64_t hash;              /* of group, id, address and port */
    uint64_t session;           /* how stickiness cookies call it */
    uint64_t generation;        /* of the last snapshot that has it; written by the main thread */
    uint64_t load;              /* number of the last load that found it; main thread */
    int uses;                   /* snapshots, and while it drains; main thread */
    atomic_int state;           /* enum target_state; written by the main thread */
    atomic_int share;           /* of a turn, in thousandths; written by the main thread */
    int reason, detail;         /* of the state, see struct target_health; main thread */
    struct health_check *check; /* main thread; NULL while it is not checked */
    struct target_ramp ramp;
    struct target_anomaly anomaly;
    /* Requests of all threads, where the algorithm asks: on a cache line of its own. */
    _Alignas(64) atomic_int outstanding;
    _Alignas(64) struct target_thread threads[];
};

struct target_table {
    struct target **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    uint64_t load; /* the number of the document that is being loaded */
    int thread_count;
};

void target_table_init(struct target_table *table, int thread_count);
/* Frees the table, and targets that a thread which is gone still held. */
void target_table_finish(struct target_table *table);
/* The target that equals all these, with one more use; NULL if memory ran out. */
struct target *target_get(struct target_table *table, const char *group, const char *id,
                          uint32_t address, uint16_t port, const struct source *source);
/* One use more. */
void target_hold(struct target *target);
/* One use less; the last one frees it (its check must be gone by then). */
void target_release(struct target_table *table, struct target *target);
