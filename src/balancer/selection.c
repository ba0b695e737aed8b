#include "balancer/selection.h"

static struct target *(*const algorithms[])(struct selection *) = {
    [ALGORITHM_ROUND_ROBIN] = selection_round_robin,
    [ALGORITHM_LEAST_OUTSTANDING] = selection_outstanding,
    [ALGORITHM_WEIGHTED_RANDOM] = selection_random_weighted,
};

bool selection_allows(const struct selection *selection, const struct target *target)
{
    for (int i = 0; i < selection->tried_count; i++)
        if (selection->tried[i] == target)
            return false;
    return selection->mercy == SELECT_ANY ||
           target->threads[selection->thread].avoid_until_ms <= selection->now_ms;
}

/* splitmix64 */
uint64_t selection_random(struct selection *selection)
{
    uint64_t bits = selection->random += 0x9e3779b97f4a7c15;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    return bits ^ bits >> 31;
}

struct target *selection_next(struct selection *selection)
{
    struct target *target = NULL;
    for (selection->mercy = SELECT_BY_SHARE; !target && selection->mercy <= SELECT_ANY;
         selection->mercy++)
        target = algorithms[selection->algorithm](selection);
    return target;
}
