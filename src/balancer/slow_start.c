#include "balancer/slow_start.h"

static bool is_healthy(const struct target *target)
{
    return atomic_load_explicit(&target->state, memory_order_relaxed) == TARGET_HEALTHY;
}

static void set_share(struct target *target, int share)
{
    atomic_store_explicit(&target->share, share, memory_order_relaxed);
}

static void stop(struct target *target)
{
    if (!target->ramp.running)
        return;
    target->ramp.running = false;
    set_share(target, TARGET_FULL_SHARE);
}

static bool was_there(const struct target *target, uint64_t generation)
{
    return target->ramp.generation && target->ramp.generation + 1 >= generation;
}

void slow_start_admit(struct target_group *group, uint64_t generation)
{
    bool empty = true;
    for (int i = 0; i < group->member_count; i++) {
        const struct member *member = &group->members[i];
        if (member->draining || member->invalid) {
            stop(member->target);
            member->target->ramp = (struct target_ramp){0};
        } else {
            empty &= !was_there(member->target, generation);
        }
    }
    for (int i = 0; i < group->routable_count; i++) {
        struct target *target = group->routable[i];
        if (!was_there(target, generation)) {
            stop(target);
            target->ramp = (struct target_ramp){.exempt = empty};
        }
        target->ramp.generation = generation;
    }
}

/* Whether somebody healthy takes a full share: who becomes healthy may leave requests to him. */
static bool has_full_peer(const struct target_group *group)
{
    for (int i = 0; i < group->routable_count; i++) {
        const struct target *target = group->routable[i];
        if (target->ramp.was_healthy && !target->ramp.running && is_healthy(target))
            return true;
    }
    return false;
}

static void begin(struct target *target, int64_t now_cloud_ms)
{
    target->ramp.running = true;
    target->ramp.started_cloud_ms = now_cloud_ms;
    set_share(target, 0);
}

bool slow_start_follow(struct target_group *group, int64_t now_cloud_ms)
{
    bool full_peer = group->attributes.slow_start_ms && has_full_peer(group);
    for (int i = 0; i < group->routable_count; i++) {
        struct target *target = group->routable[i];
        bool healthy = is_healthy(target);
        if (healthy && !target->ramp.was_healthy) {
            if (full_peer && !target->ramp.exempt)
                begin(target, now_cloud_ms);
            target->ramp.exempt = false;
        } else if (!healthy) {
            stop(target);
        }
        target->ramp.was_healthy = healthy;
    }
    return slow_start_advance(group, now_cloud_ms);
}

bool slow_start_advance(struct target_group *group, int64_t now_cloud_ms)
{
    bool running = false;
    int64_t duration_ms = group->attributes.slow_start_ms;
    for (int i = 0; i < group->routable_count; i++) {
        struct target *target = group->routable[i];
        int64_t age_ms = now_cloud_ms - target->ramp.started_cloud_ms;
        if (!target->ramp.running)
            continue;
        if (!duration_ms || age_ms >= duration_ms) {
            stop(target);
            continue;
        }
        set_share(target, (int)(age_ms * TARGET_FULL_SHARE / duration_ms));
        running = true;
    }
    return running;
}
