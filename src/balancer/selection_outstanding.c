/*
 * least_outstanding_requests: the target with the fewest requests in flight, of all threads; among
 * equals one after the other.
 *
 * A small group is looked at whole. In a large one a thread takes the first target that has no
 * more requests than the fewest that it saw when it last looked at all of them, which it does once
 * in a while, and whenever nobody has so few any more.
 */
#include "balancer/selection.h"

enum { SMALL = 64, LOOK_EVERY = 64 };

/* The number of requests that is few enough to look no further. */
static int few_enough(const struct pool *pool, struct rotation *rotation)
{
    bool whole = pool->count <= SMALL || rotation->chosen++ % LOOK_EVERY == 0;
    return whole ? 0 : rotation->fewest;
}

struct target *selection_outstanding(struct selection *selection)
{
    struct pool *pool = selection->pool;
    struct rotation *rotation = &pool->rotations[selection->thread];
    int first = pool_next(pool, (int)rotation->next), at = first, best = -1, fewest = 0;
    int enough = few_enough(pool, rotation);
    for (int i = 0; at >= 0 && i < pool->count; i++) {
        struct target *target = pool->targets[at];
        int outstanding = atomic_load_explicit(&target->outstanding, memory_order_relaxed);
        if ((best < 0 || outstanding < fewest) && selection_allows(selection, target)) {
            best = at;
            fewest = outstanding;
        }
        at = pool_next(pool, at + 1);
        if (at == first || (best >= 0 && fewest <= enough))
            break;
    }
    if (best < 0)
        return NULL;
    if (fewest > enough || enough == 0)
        rotation->fewest = fewest;
    rotation->next = (uint32_t)best + 1;
    return pool->targets[best];
}
