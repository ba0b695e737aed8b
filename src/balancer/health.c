#include "balancer/health.h"

#include "balancer/bytes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MIN_MS = 200, READ_SIZE = 4096 };

struct health_check {
    struct list link;
    struct health *health;
    struct target *target;
    struct target_group *group; /* of the snapshot that was applied last */
    struct loop_watch watch;
    struct socket_waiter waiter;
    struct loop_timer due, timeout; /* cloud time, real time */
    int64_t started_cloud_ms;
    struct bytes in;
    bool running, sent;
    int successes, failures; /* in a row */
};

struct health {
    struct loop *loop;
    struct sockets *sockets;
    struct group_health *groups;
    struct list checks;
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
    };
    return names[reason];
}

/* Its group must hear of it: group_health_follow(). */
static void set_state(struct health *health, struct target *target, int state, int reason,
                      int detail)
{
    if (atomic_load(&target->state) == state && target->reason == reason &&
        target->detail == detail)
        return;
    atomic_store(&target->state, state);
    target->reason = reason;
    target->detail = detail;
    health->on_change(target, health->owner);
}

/* ---- one check ---- */

static void close_connection(struct health_check *check)
{
    int fd = check->watch.fd;
    sockets_forget(&check->waiter);
    loop_timer_clear(check->health->loop, &check->timeout);
    bytes_reset(&check->in);
    check->running = check->sent = false;
    if (fd < 0)
        return;
    loop_unwatch(check->health->loop, &check->watch);
    close(fd);
}

static void wait_for_next(struct health_check *check)
{
    loop_timer_set_cloud(check->health->loop, &check->due,
                         check->started_cloud_ms + check->group->health.interval_ms);
}

/* The first success makes a new target healthy; after that the thresholds hold. */
static void succeed(struct health_check *check)
{
    struct target *target = check->target;
    int state = atomic_load(&target->state);
    close_connection(check);
    check->successes++;
    check->failures = 0;
    if (state == TARGET_INITIAL ||
        (state == TARGET_UNHEALTHY && check->successes >= check->group->health.healthy_threshold))
        set_state(check->health, target, TARGET_HEALTHY, REASON_NONE, 0);
    if (atomic_load(&target->state) != state)
        group_health_follow(check->health->groups, check->group);
    wait_for_next(check);
}

static void fail(struct health_check *check, int reason, int detail)
{
    struct target *target = check->target;
    int state = atomic_load(&target->state);
    close_connection(check);
    check->failures++;
    check->successes = 0;
    if (state == TARGET_UNHEALTHY || check->failures >= check->group->health.unhealthy_threshold)
        set_state(check->health, target, TARGET_UNHEALTHY, reason, detail);
    if (atomic_load(&target->state) != state)
        group_health_follow(check->health->groups, check->group);
    wait_for_next(check);
}

static bool is_success(const struct health_settings *settings, int status)
{
    return status >= 200 && status <= 499 &&
           settings->matcher[(status - 200) / 8] >> (status - 200) % 8 & 1;
}

static void send_request(struct health_check *check)
{
    char address[INET_ADDRSTRLEN], text[2048];
    struct in_addr number = {htonl(check->target->address)};
    const struct health_settings *settings = &check->group->health;
    inet_ntop(AF_INET, &number, address, sizeof address);
    int size =
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n"
                 "User-Agent: ELB-HealthChecker/2.0\r\n"
                 "Accept-Encoding: gzip, compressed\r\n\r\n",
                 settings->path, address, settings->port ? settings->port : check->target->port);
    check->sent = true;
    if (send(check->watch.fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
}

/* Reads until the head is there; interim responses are passed over. */
static void read_response(struct health_check *check)
{
    struct http1_head head;
    if (!bytes_reserve(&check->in, READ_SIZE)) {
        fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
        return;
    }
    ssize_t got = recv(check->watch.fd, check->in.data + check->in.end, READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        check->in.end += (uint32_t)got;
    for (;;) {
        int used =
            http1_parse_response(bytes_at(&check->in), bytes_size(&check->in), 0, false, &head);
        if (used == HTTP1_BAD || (used == HTTP1_MORE && got <= 0)) {
            fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
            return;
        }
        if (used == HTTP1_MORE)
            return;
        if (head.status >= 200)
            break;
        bytes_consume(&check->in, (size_t)used);
    }
    if (is_success(&check->group->health, head.status))
        succeed(check);
    else
        fail(check, REASON_RESPONSE_CODE_MISMATCH, head.status);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct health_check *check = watch->owner;
    if (check->sent) {
        read_response(check);
        return;
    }
    int number = 0;
    socklen_t size = sizeof number;
    getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number) {
        fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
        return;
    }
    struct err err;
    if (!(events & EPOLLOUT))
        return;
    if (loop_modify(check->health->loop, watch, EPOLLIN, &err) < 0)
        fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
    else
        send_request(check);
}

static void on_socket(struct socket_waiter *waiter, int fd)
{
    struct health_check *check = container_of(waiter, struct health_check, waiter);
    uint16_t port = check->group->health.port;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port ? port : check->target->port),
                                  .sin_addr.s_addr = htonl(check->target->address)};
    struct err err;
    bool begun = fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
                             errno == EINPROGRESS);
    if (begun && loop_watch(check->health->loop, &check->watch, fd, EPOLLOUT, &err) == 0)
        return;
    if (fd >= 0)
        close(fd);
    fail(check, REASON_FAILED_HEALTH_CHECKS, 0);
}

static void on_timeout(struct loop_timer *timer)
{
    struct health_check *check = timer->owner;
    fail(check, REASON_TIMEOUT, 0);
}

static void on_due(struct loop_timer *timer)
{
    struct health_check *check = timer->owner;
    struct loop *loop = check->health->loop;
    const struct cloud_clock *clock = loop_cloud_clock(loop);
    if (check->target->reason == REASON_REGISTRATION_IN_PROGRESS)
        set_state(check->health, check->target, TARGET_INITIAL, REASON_INITIAL_HEALTH_CHECKING, 0);
    check->started_cloud_ms = cloud_clock_now(clock);
    check->running = true;
    /* The peer answers in real time, however fast the cloud's clock runs. */
    int64_t timeout_ms = (int64_t)((double)check->group->health.timeout_ms / clock->speed);
    loop_timer_set(loop, &check->timeout,
                   timeout_ms > TIMEOUT_MIN_MS ? timeout_ms : TIMEOUT_MIN_MS);
    int fd = sockets_take(check->health->sockets, &check->target->source, &check->waiter);
    if (fd >= 0 || errno != EAGAIN)
        on_socket(&check->waiter, fd);
}

/* ---- which targets are checked ---- */

static void end_check(struct health_check *check)
{
    close_connection(check);
    loop_timer_clear(check->health->loop, &check->due);
    list_remove(&check->link);
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
    check->watch = (struct loop_watch){.fd = -1, .on_event = on_event, .owner = check};
    check->waiter.on_socket = on_socket;
    list_init(&check->waiter.link);
    loop_timer_init(&check->due, on_due, check);
    loop_timer_init(&check->timeout, on_timeout, check);
    list_append(&health->checks, &check->link);
    target->check = check;
    set_state(health, target, TARGET_INITIAL, REASON_REGISTRATION_IN_PROGRESS, 0);
    loop_timer_set_cloud(health->loop, &check->due,
                         cloud_clock_now(loop_cloud_clock(health->loop)));
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

struct health *health_create(struct loop *loop, struct sockets *sockets,
                             struct group_health *groups,
                             void (*on_change)(const struct target *target, void *owner),
                             void *owner)
{
    struct health *health = calloc(1, sizeof *health);
    if (!health)
        return NULL;
    *health = (struct health){
        .loop = loop, .sockets = sockets, .groups = groups, .on_change = on_change, .owner = owner};
    list_init(&health->checks);
    return health;
}

void health_destroy(struct health *health)
{
    if (!health)
        return;
    list_each_safe (check, &health->checks, struct health_check, link)
        end_check(check);
    free(health);
}
