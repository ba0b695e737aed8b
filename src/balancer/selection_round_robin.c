/* round_robin: one after the other; each thread turns on its own. */
#include "balancer/selection.h"

/*
 * A target in slow start saves up its share at each turn, and takes the turn once that makes a
 * whole one: exactly in proportion, without chance.
 */
static bool takes_turn(const struct selection *selection, struct target *target)
{
    int share = atomic_load_explicit(&target->share, memory_order_relaxed);
    if (share >= TARGET_FULL_SHARE || selection->mercy > SELECT_BY_SHARE)
        return true;
    struct target_thread *thread = &target->threads[selection->thread];
    thread->credit += share;
    if (thread->credit < TARGET_FULL_SHARE)
        return false;
    thread->credit -= TARGET_FULL_SHARE;
    return true;
}

struct target *selection_round_robin(struct selection *selection)
{
    struct pool *pool = selection->pool;
    struct rotation *rotation = &pool->rotations[selection->thread];
    int first = pool_next(pool, (int)rotation->next), at = first;
    /* Counted, as the first may have become unhealthy when its turn comes again. */
    for (int i = 0; at >= 0 && i < pool->count; i++) {
        struct target *target = pool->targets[at];
        if (selection_allows(selection, target) && takes_turn(selection, target)) {
            rotation->next = (uint32_t)at + 1;
            return target;
        }
        at = pool_next(pool, at + 1);
        if (at == first)
            break;
    }
    return NULL;
}
