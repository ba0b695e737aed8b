#include "balancer/draining.h"

#include <stdlib.h>

struct departure {
    struct list link;
    struct target *target;
    int64_t until_cloud_ms;
    bool stays; /* the snapshot at hand still lets it drain */
};

struct draining {
    struct loop *loop;
    struct target_table *targets;
    struct list departures;
    struct loop_timer due;
    void (*cut)(struct target *target, void *owner);
    void *owner;
};

static void forget(struct draining *draining, struct departure *departure)
{
    list_remove(&departure->link);
    target_release(draining->targets, departure->target);
    free(departure);
}

/* Ends what is due, and waits for the next. */
static void settle(struct draining *draining)
{
    int64_t now_ms = cloud_clock_now(loop_cloud_clock(draining->loop)), next_ms = INT64_MAX;
    list_each_safe (departure, &draining->departures, struct departure, link) {
        if (departure->until_cloud_ms <= now_ms) {
            draining->cut(departure->target, draining->owner);
            departure->until_cloud_ms = INT64_MAX; /* remembered, so that it does not begin anew */
        }
        if (departure->until_cloud_ms < next_ms)
            next_ms = departure->until_cloud_ms;
    }
    if (next_ms == INT64_MAX)
        loop_timer_clear(draining->loop, &draining->due);
    else
        loop_timer_set_cloud(draining->loop, &draining->due, next_ms);
}

static void on_due(struct loop_timer *timer)
{
    settle(timer->owner);
}

struct draining *draining_create(struct loop *loop, struct target_table *targets,
                                 void (*cut)(struct target *target, void *owner), void *owner)
{
    struct draining *draining = calloc(1, sizeof *draining);
    if (!draining)
        return NULL;
    *draining = (struct draining){.loop = loop, .targets = targets, .cut = cut, .owner = owner};
    list_init(&draining->departures);
    loop_timer_init(&draining->due, on_due, draining);
    return draining;
}

void draining_destroy(struct draining *draining)
{
    if (!draining)
        return;
    loop_timer_clear(draining->loop, &draining->due);
    list_each_safe (departure, &draining->departures, struct departure, link)
        forget(draining, departure);
    free(draining);
}

static struct departure *find(struct draining *draining, const struct target *target)
{
    list_each (departure, &draining->departures, struct departure, link)
        if (departure->target == target)
            return departure;
    return NULL;
}

static void begin(struct draining *draining, struct target *target,
                  const struct target_group *group)
{
    struct departure *departure = find(draining, target);
    if (!departure) {
        departure = calloc(1, sizeof *departure);
        if (!departure)
            abort();
        target_hold(target);
        departure->target = target;
        departure->until_cloud_ms = cloud_clock_now(loop_cloud_clock(draining->loop)) +
                                    group->attributes.deregistration_delay_ms;
        list_append(&draining->departures, &departure->link);
    }
    departure->stays = true;
}

void draining_apply(struct draining *draining, const struct snapshot *old,
                    const struct snapshot *snapshot)
{
    list_each (departure, &draining->departures, struct departure, link)
        departure->stays = departure->target->generation != snapshot->generation &&
                           departure->until_cloud_ms != INT64_MAX;
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            if (snapshot->groups[i].members[m].draining)
                begin(draining, snapshot->groups[i].members[m].target, &snapshot->groups[i]);
    for (int i = 0; old && i < old->group_count; i++)
        for (int m = 0; m < old->groups[i].member_count; m++)
            if (old->groups[i].members[m].target->generation != snapshot->generation)
                begin(draining, old->groups[i].members[m].target, &old->groups[i]);
    list_each_safe (departure, &draining->departures, struct departure, link)
        if (!departure->stays)
            forget(draining, departure);
    settle(draining);
}
