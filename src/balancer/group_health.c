#include "balancer/group_health.h"

#include "balancer/anomaly.h"
#include "balancer/slow_start.h"

#include <stdlib.h>

enum { RAMP_STEPS = 100 };

struct group_health {
    struct loop *loop;
    int thread_count;
    struct snapshot *snapshot;      /* that was admitted last */
    struct loop_timer ramp, rounds; /* cloud time */
    bool ramping;
    void (*on_change)(const struct target *target, void *owner);
    void *owner;
};

static int64_t now_cloud_ms(const struct group_health *health)
{
    return cloud_clock_now(loop_cloud_clock(health->loop));
}

static void on_ramp(struct loop_timer *timer)
{
    struct group_health *health = timer->owner;
    int64_t now_ms = now_cloud_ms(health), step_ms = INT64_MAX;
    for (int i = 0; i < health->snapshot->group_count; i++) {
        struct target_group *group = &health->snapshot->groups[i];
        int64_t group_step_ms = group->attributes.slow_start_ms / RAMP_STEPS;
        if (slow_start_advance(group, now_ms) && group_step_ms < step_ms)
            step_ms = group_step_ms;
    }
    health->ramping = step_ms != INT64_MAX;
    if (health->ramping)
        loop_timer_set_cloud(health->loop, timer, now_ms + step_ms);
}

static void on_round(struct loop_timer *timer)
{
    struct group_health *health = timer->owner;
    for (int i = 0; i < health->snapshot->group_count; i++)
        anomaly_round(&health->snapshot->groups[i], health->thread_count, health->on_change,
                      health->owner);
    loop_timer_set_cloud(health->loop, timer, now_cloud_ms(health) + ANOMALY_ROUND_MS);
}

struct group_health *
group_health_create(struct loop *loop, int thread_count,
                    void (*on_change)(const struct target *target, void *owner), void *owner)
{
    struct group_health *health = calloc(1, sizeof *health);
    if (!health)
        return NULL;
    *health = (struct group_health){
        .loop = loop, .thread_count = thread_count, .on_change = on_change, .owner = owner};
    loop_timer_init(&health->ramp, on_ramp, health);
    loop_timer_init(&health->rounds, on_round, health);
    return health;
}

void group_health_destroy(struct group_health *health)
{
    if (!health)
        return;
    loop_timer_clear(health->loop, &health->ramp);
    loop_timer_clear(health->loop, &health->rounds);
    free(health);
}

void group_health_admit(struct group_health *health, struct snapshot *snapshot)
{
    if (!health->snapshot)
        loop_timer_set_cloud(health->loop, &health->rounds,
                             now_cloud_ms(health) + ANOMALY_ROUND_MS);
    health->snapshot = snapshot;
    for (int i = 0; i < snapshot->group_count; i++)
        slow_start_admit(&snapshot->groups[i], snapshot->generation);
}

/* A node stays in DNS while a group is healthy in its zone, or none is anywhere. */
static void follow_nodes(struct load_balancer *user)
{
    bool any = false;
    for (int i = 0; i < user->node_count; i++)
        any |= user->nodes[i].healthy_groups > 0;
    for (int i = 0; i < user->node_count; i++)
        atomic_store(&user->nodes[i].in_dns, !any || user->nodes[i].healthy_groups > 0);
}

void group_health_follow(struct group_health *health, struct target_group *group)
{
    struct load_balancer *user = group->user;
    for (int i = 0; i < group->pool_count; i++) {
        struct pool *pool = &group->pools[i];
        bool was_healthy = pool->dns_healthy;
        pool_follow(pool, &group->attributes.routing, &group->attributes.dns);
        int change = pool->dns_healthy - was_healthy;
        for (int n = 0; user && n < user->node_count; n++)
            if (group->pool_count == 1 || n == i)
                user->nodes[n].healthy_groups += change;
    }
    if (user)
        follow_nodes(user);
    if (slow_start_follow(group, now_cloud_ms(health)) && !health->ramping)
        on_ramp(&health->ramp);
}
