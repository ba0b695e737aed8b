/*
 * Which target of a pool gets the next request of a thread. The group's attribute names the
 * algorithm; there is a file for each.
 */
#pragma once

#include "balancer/snapshot.h"

/* How far the choice had to give in: what is wanted, in the order in which it is given up. */
enum selection_mercy {
    SELECT_BY_SHARE,  /* a target with less than a full share has its turn only now and then */
    SELECT_UNAVOIDED, /* any to which no connection has just failed */
    SELECT_ANY,
};

/* One choice. */
struct selection {
    enum algorithm algorithm;
    struct pool *pool;
    struct target *const *tried; /* not offered again */
    int tried_count;
    int thread;
    int64_t now_ms;
    uint64_t random;
    enum selection_mercy mercy; /* kept by selection_next() */
};

/* The pool's next target; NULL if there is none (any more). */
struct target *selection_next(struct selection *selection);

/* For the algorithms: whether this candidate may be chosen, as far as mercy goes. */
bool selection_allows(const struct selection *selection, const struct target *target);
/* For the algorithms: another random number. */
uint64_t selection_random(struct selection *selection);

/* The algorithms. Each returns NULL if it finds nobody who is allowed. */
struct target *selection_round_robin(struct selection *selection);
struct target *selection_outstanding(struct selection *selection);
struct target *selection_random_weighted(struct selection *selection);
