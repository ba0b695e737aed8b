/*
 * The event loop of one thread: epoll (level-triggered unless asked) and two sorts of timers,
 * real ones (CLOCK_MONOTONIC) and cloud ones (cloud time, which can be advanced).
 */
#pragma once

#include "base/err.h"
#include "os/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Events are those of epoll: EPOLLIN, EPOLLOUT, EPOLLHUP ... */
struct loop_watch {
    int fd; /* -1 when not watched */
    void (*on_event)(struct loop_watch *watch, uint32_t events);
    void *owner;
};

struct loop_timer {
    int64_t due_ms; /* CLOCK_MONOTONIC, or cloud time for a cloud timer */
    int heap_index; /* -1 when not set; kept by the loop, as what follows */
    bool cloud, soon;
    void (*on_due)(struct loop_timer *timer);
    void *owner;
};

/* NULL (and err) on failure. */
struct loop *loop_create(struct err *err);
void loop_destroy(struct loop *loop);

/* Adds or changes a watch; the watch must outlive it. Never closes descriptors. */
int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
               struct err *err);
int loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events, struct err *err);
/* Stops watching; safe inside any callback, also for a watch with events still pending. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);
/*
 * The same without a system call, for a descriptor that is closed next: the kernel stops watching
 * it then. Only if there is no duplicate of it, here or in another process.
 */
void loop_forget(struct loop *loop, struct loop_watch *watch);

/* Stops watching and closes the descriptor; harmless when there is none. */
void loop_close(struct loop *loop, struct loop_watch *watch);

/* Must be called once for each timer before use; no allocation. */
void loop_timer_init(struct loop_timer *timer, void (*on_due)(struct loop_timer *), void *owner);
/*
 * (Re)sets a timer `delay_ms` real milliseconds from now. With 0 it is called at the end of the
 * turn, once whatever was set so before was called; set there, at the end of the next turn at the
 * latest, and after other events had their turn. So whoever always has more to do holds up nobody.
 */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
/* (Re)sets a timer to cloud time `due_cloud_ms`. */
void loop_timer_set_cloud(struct loop *loop, struct loop_timer *timer, int64_t due_cloud_ms);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* The cloud clock that cloud timers follow; set it again whenever it changes. */
void loop_set_cloud_clock(struct loop *loop, const struct cloud_clock *clock);
const struct cloud_clock *loop_cloud_clock(const struct loop *loop);
/* CLOCK_MONOTONIC ms, read once a turn of the loop. */
int64_t loop_now_ms(const struct loop *loop);

/* Runs until loop_stop(). Returns < 0 only if epoll itself fails. */
int loop_run(struct loop *loop, struct err *err);
/* One turn: waits at most `wait_ms` (-1: until something happens) and dispatches. */
int loop_turn(struct loop *loop, int wait_ms, struct err *err);
void loop_stop(struct loop *loop);
