/* Tasks from other threads, run on the thread that owns the inbox, in order. */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

#include <pthread.h>

struct task {
    struct task *next;
    void (*run)(struct task *task, void *owner); /* frees the task */
};

struct inbox {
    pthread_mutex_t mutex;
    struct task *first, **last;
    struct loop_watch watch;
    struct loop *loop;
    void *owner;
};

/* `owner` is given to each task. The loop's thread runs the tasks. */
int inbox_open(struct inbox *inbox, struct loop *loop, void *owner, struct err *err);
/* Drops tasks that did not run by running them is not possible any more: they are freed. */
void inbox_close(struct inbox *inbox);
/* Hands over a task; any thread. */
void inbox_post(struct inbox *inbox, struct task *task);
