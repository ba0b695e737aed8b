#include "balancer/health.h"

#include "balancer/health_log.h"
#include "balancer/health_probe.h"
#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>

enum {
    TIMEOUT_MIN_MS = 200,
    PAUSE_MS = 1, /* a thousand checks that are due together take half a second, not a whole CPU */
};

struct health_check {
    struct list link;
    struct health *health;
    struct target *target;
    struct target_group *group; /* of the snapshot that was applied last */
    struct health_probe probe;
    struct socket_waiter waiter;
    struct loop_timer due, timeout;       /* cloud time, real time */
    struct turn turn;                     /* from when it is due until it begins */
    int64_t started_cloud_ms, started_us; /* cloud time, CLOCK_MONOTONIC */
    bool running;
    int successes, failures; /* in a row */
};

struct health {
    struct worker *worker; /* of the main thread: its sockets, its loop */
    struct group_health *groups;
    struct list checks;
    struct turns turns;
    void (*on_change)(const struct target *target, void *owner);
    void *owner;
};

const char *health_state_name(int state)
{
    static const char *const names[] = {"",          "initial",  "healthy",
                                        "unhealthy", "draining", "unused"};
    return names[state];
}

const char *health_reason_name(int reason)
{
    static const char *const names[] = {
        "",
        "Elb.RegistrationInProgress",
        "Elb.InitialHealthChecking",
        "Target.ResponseCodeMismatch",
        "Target.Timeout",
        "Target.FailedHealthChecks",
        "Target.DeregistrationInProgress",
        "Target.NotInUse",
        "Target.InvalidState",
        "Elb.InternalError",
    };
    return names[reason];
}

/* Whether that is anything new. */
static bool store_state(struct target *target, int state, int reason, int detail)
{
    if (atomic_load(&target->state) == state && target->reason == reason &&
        target->detail == detail)
        return false;
    atomic_store(&target->state, state);
    target->reason = reason;
    target->detail = detail;
    return true;
}

/* Its group must hear of it: group_health_follow(). */
static void set_state(struct health *health, struct target *target, int state, int reason,
                      int detail)
{
    if (store_state(target, state, reason, detail))
        health->on_change(target, health->owner);
}

/* What a check found. When others are told, the data path does what follows from it already. */
static void find(struct health_check *check, int state, int reason, int detail)
{
    struct health *health = check->health;
    struct target *target = check->target;
    int before = atomic_load(&target->state);
    bool told = store_state(target, state, reason, detail);
    if (state != before)
        group_health_follow(health->groups, check->group);
    if (told)
        health->on_change(target, health->owner);
}

/* ---- one check ---- */

static void stop_probe(struct health_check *check)
{
    sockets_forget(&check->waiter);
    loop_timer_clear(check->health->worker->loop, &check->timeout);
    health_probe_stop(&check->probe);
    check->running = false;
}

static void wait_for_next(struct health_check *check)
{
    loop_timer_set_cloud(check->health->worker->loop, &check->due,
                         check->started_cloud_ms + check->group->health.interval_ms);
}

/* The first success makes a new target healthy; after that the thresholds hold. */
static void succeed(struct health_check *check)
{
    struct target *target = check->target;
    int state = atomic_load(&target->state);
    stop_probe(check);
    health_log(&check->probe, check->group, check->started_us, REASON_NONE);
    check->successes++;
    check->failures = 0;
    if (state == TARGET_INITIAL ||
        (state == TARGET_UNHEALTHY && check->successes >= check->group->health.healthy_threshold))
        find(check, TARGET_HEALTHY, REASON_NONE, 0);
    wait_for_next(check);
}

static void fail(struct health_check *check, int reason, int detail)
{
    struct target *target = check->target;
    int state = atomic_load(&target->state);
    stop_probe(check);
    health_log(&check->probe, check->group, check->started_us, reason);
    check->failures++;
    check->successes = 0;
    if (state == TARGET_UNHEALTHY || check->failures >= check->group->health.unhealthy_threshold)
        find(check, TARGET_UNHEALTHY, reason, detail);
    wait_for_next(check);
}

static void on_verdict(struct health_probe *probe, int reason, int detail)
{
    struct health_check *check = container_of(probe, struct health_check, probe);
    if (reason == REASON_NONE)
        succeed(check);
    else
        fail(check, reason, detail);
}

static void on_socket(struct socket_waiter *waiter, int fd)
{
    struct health_check *check = container_of(waiter, struct health_check, waiter);
    check->probe.settings = &check->group->health;
    health_probe_start(&check->probe, fd);
}

static void on_timeout(struct loop_timer *timer)
{
    struct health_check *check = timer->owner;
    fail(check, REASON_TIMEOUT, 0);
}

static void on_turn(struct turn *turn)
{
    struct health_check *check = container_of(turn, struct health_check, turn);
    struct loop *loop = check->health->worker->loop;
    const struct cloud_clock *clock = loop_cloud_clock(loop);
    if (check->target->reason == REASON_REGISTRATION_IN_PROGRESS)
        set_state(check->health, check->target, TARGET_INITIAL, REASON_INITIAL_HEALTH_CHECKING, 0);
    check->started_cloud_ms = cloud_clock_now(clock);
    check->started_us = clock_mono_us();
    check->probe.status = -1;
    check->probe.has_empty_status = false;
    check->running = true;
    /* The peer answers in real time, however fast the cloud's clock runs. */
    int64_t timeout_ms = (int64_t)((double)check->group->health.timeout_ms / clock->speed);
    loop_timer_set(loop, &check->timeout,
                   timeout_ms > TIMEOUT_MIN_MS ? timeout_ms : TIMEOUT_MIN_MS);
    int fd = sockets_take(check->health->worker->sockets, &check->target->source, &check->waiter);
    if (fd >= 0 || errno != EAGAIN)
        on_socket(&check->waiter, fd);
}

static void on_due(struct loop_timer *timer)
{
    struct health_check *check = timer->owner;
    turn_wait(&check->health->turns, &check->turn);
}

/* ---- which targets are checked ---- */

static void end_check(struct health_check *check)
{
    stop_probe(check);
    loop_timer_clear(check->health->worker->loop, &check->due);
    turn_leave(&check->turn);
    list_remove(&check->link);
    tls_session_free(check->probe.session);
    check->target->check = NULL;
    free(check);
}

static void begin_check(struct health *health, struct target *target, struct target_group *group)
{
    struct health_check *check = calloc(1, sizeof *check);
    if (!check)
        abort();
    check->health = health;
    check->target = target;
    check->group = group;
    check->probe =
        (struct health_probe){.worker = health->worker, .target = target, .verdict = on_verdict};
    check->waiter.on_socket = on_socket;
    list_init(&check->waiter.link);
    loop_timer_init(&check->due, on_due, check);
    turn_init(&check->turn, on_turn);
    loop_timer_init(&check->timeout, on_timeout, check);
    list_append(&health->checks, &check->link);
    target->check = check;
    set_state(health, target, TARGET_INITIAL, REASON_REGISTRATION_IN_PROGRESS, 0);
    loop_timer_set_cloud(health->worker->loop, &check->due,
                         cloud_clock_now(loop_cloud_clock(health->worker->loop)));
}

static void follow_settings(struct health_check *check, struct target_group *group)
{
    bool sooner = check->group->health.interval_ms > group->health.interval_ms;
    check->group = group;
    if (sooner && !check->running)
        wait_for_next(check);
}

static void apply_member(struct health *health, struct target_group *group,
                         const struct member *member)
{
    struct target *target = member->target;
    bool checked = !member->draining && !member->invalid && group->user;
    if (!checked && target->check)
        end_check(target->check);
    if (member->draining)
        set_state(health, target, TARGET_DRAINING, REASON_DEREGISTRATION_IN_PROGRESS, 0);
    else if (member->invalid)
        set_state(health, target, TARGET_UNUSED, REASON_INVALID_STATE, 0);
    else if (!group->user)
        set_state(health, target, TARGET_UNUSED, REASON_NOT_IN_USE, 0);
    else if (!target->check)
        begin_check(health, target, group);
    else
        follow_settings(target->check, group);
}

void health_apply(struct health *health, struct snapshot *snapshot)
{
    group_health_admit(health->groups, snapshot);
    for (int i = 0; i < snapshot->group_count; i++) {
        struct target_group *group = &snapshot->groups[i];
        for (int m = 0; m < group->member_count; m++)
            apply_member(health, group, &group->members[m]);
        group_health_follow(health->groups, group);
    }
    list_each_safe (check, &health->checks, struct health_check, link)
        if (check->target->generation != snapshot->generation)
            end_check(check);
}

struct health *health_create(struct worker *worker, struct group_health *groups,
                             void (*on_change)(const struct target *target, void *owner),
                             void *owner)
{
    struct health *health = calloc(1, sizeof *health);
    if (!health)
        return NULL;
    *health =
        (struct health){.worker = worker, .groups = groups, .on_change = on_change, .owner = owner};
    list_init(&health->checks);
    turns_init(&health->turns, worker->loop, PAUSE_MS);
    return health;
}

void health_destroy(struct health *health)
{
    if (!health)
        return;
    list_each_safe (check, &health->checks, struct health_check, link)
        end_check(check);
    turns_finish(&health->turns);
    free(health);
}
