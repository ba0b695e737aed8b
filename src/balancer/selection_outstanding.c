/*
 * least_outstanding_requests: the target with the fewest requests in flight, of all threads; among
 * equals one after the other.
 */
#include "balancer/selection.h"

struct target *selection_outstanding(struct selection *selection)
{
    struct pool *pool = selection->pool;
    struct rotation *rotation = &pool->rotations[selection->thread];
    int first = pool_next(pool, (int)rotation->next), at = first, best = -1, fewest = 0;
    for (int i = 0; at >= 0 && i < pool->count; i++) {
        struct target *target = pool->targets[at];
        int outstanding = atomic_load_explicit(&target->outstanding, memory_order_relaxed);
        if ((best < 0 || outstanding < fewest) && selection_allows(selection, target)) {
            best = at;
            fewest = outstanding;
            if (fewest <= 0)
                break;
        }
        at = pool_next(pool, at + 1);
        if (at == first)
            break;
    }
    if (best < 0)
        return NULL;
    rotation->next = (uint32_t)best + 1;
    return pool->targets[best];
}
