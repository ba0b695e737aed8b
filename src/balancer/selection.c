#include "balancer/selection.h"

static bool fails_open(struct target_group *group)
{
    int healthy = atomic_load_explicit(&group->healthy_count, memory_order_relaxed);
    return healthy < group->attributes.minimum_healthy_count ||
           healthy * 100 < group->attributes.minimum_healthy_percent * group->routable_count;
}

static bool is_among(const struct target *target, struct target *const *tried, int count)
{
    for (int i = 0; i < count; i++)
        if (tried[i] == target)
            return true;
    return false;
}

struct target *selection_next(struct target_group *group, int thread, int64_t now_ms,
                              struct target *const *tried, int count)
{
    bool open = fails_open(group);
    uint32_t size = (uint32_t)group->routable_count, start = group->rotations[thread].next;
    struct target *avoided = NULL;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t index = (start + i) % size;
        struct target *target = group->routable[index];
        if ((!open &&
             atomic_load_explicit(&target->state, memory_order_relaxed) != TARGET_HEALTHY) ||
            (count && is_among(target, tried, count)))
            continue;
        if (target->threads[thread].avoid_until_ms > now_ms) {
            avoided = avoided ? avoided : target;
            continue;
        }
        group->rotations[thread].next = (index + 1) % size;
        return target;
    }
    return avoided;
}
