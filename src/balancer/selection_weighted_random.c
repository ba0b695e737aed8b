/*
 * weighted_random: by chance, in proportion to the targets' shares. All are full but those of
 * targets that anomaly mitigation holds back.
 */
#include "balancer/selection.h"

/* After so many throws that missed, nearly everybody is held back, tried or avoided. */
enum { THROWS = 32 };

/* The first from `from` on that is allowed. */
static struct target *first_allowed(const struct selection *selection, int from)
{
    const struct pool *pool = selection->pool;
    int first = pool_next(pool, from), at = first;
    for (int i = 0; at >= 0 && i < pool->count; i++) {
        if (selection_allows(selection, pool->targets[at]))
            return pool->targets[at];
        at = pool_next(pool, at + 1);
        if (at == first)
            break;
    }
    return NULL;
}

struct target *selection_random_weighted(struct selection *selection)
{
    const struct pool *pool = selection->pool;
    int count = pool_candidates(pool);
    if (count <= 0)
        return NULL;
    /* A throw names a candidate, and is good with the chance of its share. */
    for (int i = 0; i < THROWS && selection->mercy == SELECT_BY_SHARE; i++) {
        int at = pool_rank(pool, (int)(selection_random(selection) % (uint64_t)count));
        struct target *target = at < 0 ? NULL : pool->targets[at];
        int share = target ? atomic_load_explicit(&target->share, memory_order_relaxed) : 0;
        if ((int)(selection_random(selection) % TARGET_FULL_SHARE) < share &&
            selection_allows(selection, target))
            return target;
    }
    if (selection->mercy == SELECT_BY_SHARE)
        return NULL;
    return first_allowed(selection, (int)(selection_random(selection) % (uint64_t)pool->count));
}
