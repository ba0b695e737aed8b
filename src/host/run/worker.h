/* Slow work on the disk, done by a child process while the loop goes on. It dies with the host. */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

struct worker_job {
    int (*work)(const void *argument, struct err *err); /* in the child */
    const void *argument;                               /* only used before worker_start returns */
    /* In the host; `failure` is NULL if the work was done. */
    void (*on_done)(void *owner, const struct err *failure);
    void *owner;
};

int worker_start(struct loop *loop, const struct worker_job *job, struct err *err);
