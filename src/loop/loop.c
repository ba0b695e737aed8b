#include "loop/loop.h"

#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { EVENTS_MAX = 256, WAIT_MAX_MS = 60000, ROUNDS_PER_TURN = 2 };

/* A binary heap ordered by due_ms; or a queue, where what was cleared is NULL. */
struct timers {
    struct loop_timer **items;
    int count, capacity;
};

struct loop {
    int epoll_fd;
    bool stopping;
    int64_t now_ms;
    struct cloud_clock cloud;
    struct timers timers[2]; /* heaps: real, cloud */
    struct timers soon;      /* a queue: those that wait for nothing but the end of the turn */
    struct epoll_event ready[EVENTS_MAX];
    int ready_count, ready_index; /* events of this turn that were not dispatched yet */
};

struct loop *loop_create(struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        err_sys(err, ENOMEM, "event loop");
        return NULL;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        err_sys(err, errno, "epoll_create1");
        free(loop);
        return NULL;
    }
    loop->cloud = cloud_clock_start(1.0);
    loop->now_ms = clock_mono_ms();
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll_fd);
    for (int i = 0; i < 2; i++)
        free(loop->timers[i].items);
    free(loop->soon.items);
    free(loop);
}

int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
               struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return err_sys(err, errno, "epoll add");
    watch->fd = fd;
    return 0;
}

int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
        return err_sys(err, errno, "epoll change");
    return 0;
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
    if (watch->fd < 0)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, struct loop_watch *watch)
{
    watch->fd = -1;
    for (int i = loop->ready_index; i < loop->ready_count; i++)
        if (loop->ready[i].data.ptr == watch)
            loop->ready[i].data.ptr = NULL;
}

static void heap_place(struct timers *heap, int index, struct loop_timer *timer)
{
    heap->items[index] = timer;
    timer->heap_index = index;
}

static void heap_up(struct timers *heap, int index)
{
    struct loop_timer *timer = heap->items[index];
    for (int parent; index > 0; index = parent) {
        parent = (index - 1) / 2;
        if (heap->items[parent]->due_ms <= timer->due_ms)
            break;
        heap_place(heap, index, heap->items[parent]);
    }
    heap_place(heap, index, timer);
}

static void heap_down(struct timers *heap, int index)
{
    struct loop_timer *timer = heap->items[index];
    for (;;) {
        int child = 2 * index + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->items[child + 1]->due_ms < heap->items[child]->due_ms)
            child++;
        if (timer->due_ms <= heap->items[child]->due_ms)
            break;
        heap_place(heap, index, heap->items[child]);
        index = child;
    }
    heap_place(heap, index, timer);
}

static void append(struct timers *timers, struct loop_timer *timer)
{
    if (timers->count == timers->capacity) {
        int capacity = timers->capacity ? timers->capacity * 2 : 16;
        struct loop_timer **items = realloc(timers->items, (size_t)capacity * sizeof *items);
        if (!items)
            abort();
        timers->items = items;
        timers->capacity = capacity;
    }
    heap_place(timers, timers->count++, timer);
}

static void heap_remove(struct timers *heap, struct loop_timer *timer)
{
    int index = timer->heap_index;
    struct loop_timer *last = heap->items[--heap->count];
    timer->heap_index = -1;
    if (last == timer)
        return;
    heap_place(heap, index, last);
    heap_up(heap, index);
    heap_down(heap, last->heap_index);
}

void loop_close(struct loop *loop, struct loop_watch *watch)
{
    int fd = watch->fd;
    if (fd < 0)
        return;
    loop_unwatch(loop, watch);
    close(fd);
}

void loop_timer_init(struct loop_timer *timer, void (*on_due)(struct loop_timer *), void *owner)
{
    *timer = (struct loop_timer){.heap_index = -1, .on_due = on_due, .owner = owner};
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    if (timer->heap_index < 0)
        return;
    if (!timer->soon) {
        heap_remove(&loop->timers[timer->cloud], timer);
        return;
    }
    loop->soon.items[timer->heap_index] = NULL;
    if (timer->heap_index == loop->soon.count - 1)
        loop->soon.count--;
    timer->heap_index = -1;
}

static void timer_set(struct loop *loop, struct loop_timer *timer, bool cloud, int64_t due_ms)
{
    assert(timer->on_due);
    loop_timer_clear(loop, timer);
    timer->cloud = cloud;
    timer->soon = !cloud && due_ms <= loop->now_ms;
    timer->due_ms = due_ms;
    if (timer->soon) {
        append(&loop->soon, timer);
        return;
    }
    append(&loop->timers[cloud], timer);
    heap_up(&loop->timers[cloud], timer->heap_index);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    bool is_set_so = delay_ms <= 0 && timer->soon && timer->heap_index >= 0;
    if (!is_set_so)
        timer_set(loop, timer, false, loop->now_ms + delay_ms);
}

void loop_timer_set_cloud(struct loop *loop, struct loop_timer *timer, int64_t due_cloud_ms)
{
    timer_set(loop, timer, true, due_cloud_ms);
}

void loop_set_cloud_clock(struct loop *loop, const struct cloud_clock *clock)
{
    loop->cloud = *clock;
}

const struct cloud_clock *loop_cloud_clock(const struct loop *loop)
{
    return &loop->cloud;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

/* Milliseconds until the next timer of either sort, bounded by WAIT_MAX_MS. */
static int64_t next_timer_ms(struct loop *loop)
{
    int64_t wait_ms = loop->soon.count ? 0 : WAIT_MAX_MS;
    if (wait_ms && loop->timers[0].count) {
        int64_t left = loop->timers[0].items[0]->due_ms - clock_mono_ms();
        wait_ms = left < wait_ms ? left : wait_ms;
    }
    if (wait_ms && loop->timers[1].count) {
        int64_t left = cloud_clock_until(&loop->cloud, loop->timers[1].items[0]->due_ms);
        wait_ms = left < wait_ms ? left : wait_ms;
    }
    return wait_ms < 0 ? 0 : wait_ms;
}

static void run_due(struct timers *heap, int64_t now_ms)
{
    /* A cloud timer that sets itself again for now may not go on for ever. */
    for (int budget = heap->count; budget > 0 && heap->count; budget--) {
        struct loop_timer *timer = heap->items[0];
        if (timer->due_ms > now_ms)
            break;
        heap_remove(heap, timer);
        timer->on_due(timer);
    }
}

/*
 * Those that were set before, then those that they set: what is passed on from one to another is
 * done in one turn. What comes after that waits for the next.
 */
static void run_soon(struct loop *loop)
{
    struct timers *soon = &loop->soon;
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
        int count = soon->count, left = 0;
        for (int i = 0; i < count && i < soon->count; i++) {
            struct loop_timer *timer = soon->items[i];
            if (!timer)
                continue;
            soon->items[i] = NULL;
            timer->heap_index = -1;
            timer->on_due(timer);
        }
        for (int i = count; i < soon->count; i++)
            if (soon->items[i])
                heap_place(soon, left++, soon->items[i]);
        soon->count = left;
    }
}

int loop_turn(struct loop *loop, int wait_ms, struct err *err)
{
    int64_t timer_ms = next_timer_ms(loop);
    if (wait_ms < 0 || timer_ms < wait_ms)
        wait_ms = (int)timer_ms;
    int count = epoll_wait(loop->epoll_fd, loop->ready, EVENTS_MAX, wait_ms);
    loop->now_ms = clock_mono_ms();
    if (count < 0 && errno != EINTR)
        return err_sys(err, errno, "epoll_wait");
    loop->ready_count = count < 0 ? 0 : count;
    for (loop->ready_index = 0; loop->ready_index < loop->ready_count;) {
        struct epoll_event *event = &loop->ready[loop->ready_index++];
        struct loop_watch *watch = event->data.ptr;
        if (watch)
            watch->on_event(watch, event->events);
    }
    loop->ready_count = loop->ready_index = 0;
    run_due(&loop->timers[0], loop->now_ms);
    run_due(&loop->timers[1], cloud_clock_at(&loop->cloud, loop->now_ms));
    run_soon(loop);
    return 0;
}

int loop_run(struct loop *loop, struct err *err)
{
    for (loop->stopping = false; !loop->stopping;)
        if (loop_turn(loop, -1, err) < 0)
            return -1;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
