/*
 * The targets that a node chooses from: all of a group that are neither draining nor invalid, or,
 * with cross-zone load balancing off, those of the node's zone. Which of them are healthy changes
 * under the threads' hands: the main thread keeps a bit for each.
 */
#pragma once

#include "balancer/target.h"

/* Each thread turns through the targets on its own. */
struct rotation {
    uint32_t next;
    uint32_t chosen;  /* least outstanding requests: how often */
    int fewest;       /* and the fewest when it looked at all targets */
    char padding[52]; /* no two threads write the same cache line */
};

struct pool_session;

struct pool {
    struct target **targets;
    int count;
    struct pool_session *sessions; /* the targets by their names in cookies */
    atomic_int healthy_count;
    atomic_bool open; /* too few are healthy: any target may be chosen */
    bool dns_healthy; /* enough are healthy for the node to stay in DNS; main thread */
    _Atomic uint64_t *healthy;
    struct rotation *rotations; /* of each thread */
};

/* How many must be healthy; 0: that threshold is off. */
struct pool_threshold {
    int count, percent;
};

struct snapshot;

/* Makes the rest of a pool whose targets[0..count) are there. */
void pool_prepare(struct pool *pool, struct snapshot *snapshot);
/* Looks at the targets' states again; main thread. */
void pool_follow(struct pool *pool, const struct pool_threshold *routing,
                 const struct pool_threshold *dns);

/* How many targets may be chosen now. */
int pool_candidates(const struct pool *pool);
/* The first index from `from` on, round the end, of a target that may be chosen; -1: none. */
int pool_next(const struct pool *pool, int from);
/* The index of candidate number `rank`, from 0; -1 if there are not so many (any more). */
int pool_rank(const struct pool *pool, int rank);
/* The target that a stickiness cookie calls `session`, if it may be chosen now. */
struct target *pool_session_target(const struct pool *pool, uint64_t session);
