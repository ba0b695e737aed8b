/*
 * Log lines on their way from the threads to whoever keeps them. A thread gathers the lines of each
 * node in a chunk, and hands it to the main thread when it is full or a second old. What was handed
 * over and is not kept yet is bounded: beyond that, lines are dropped and counted.
 */
#pragma once

#include "balancer/inbox.h"
#include "base/buf.h"
#include "base/list.h"
#include "ipc/message.h"
#include "loop/loop.h"

#include <stdatomic.h>

struct node;
struct load_balancer;

struct log_chunk {
    struct task task; /* first: chunks are posted to the main thread */
    struct list link; /* of struct log_buffer.open */
    struct message_log head;
    struct buf lines;
};

/* What all threads may have on its way. */
struct log_budget {
    atomic_size_t waiting; /* bytes that were handed over and are not kept yet */
};

/* Of one thread. */
struct log_buffer {
    struct list open; /* of struct log_chunk.link, the one used last first */
    struct loop *loop;
    struct loop_timer flush;
    struct log_budget *budget;
    uint32_t dropped; /* lines, since a chunk could be opened */
    /* Takes over a chunk; called on the thread. */
    void (*hand_over)(void *owner, struct log_chunk *chunk);
    void *owner;
};

void log_buffer_init(struct log_buffer *buffer, struct loop *loop);
/* Hands over what there is. */
void log_buffer_flush(struct log_buffer *buffer);
/* Lines have cloud time, in microseconds: that of a time of CLOCK_MONOTONIC. */
int64_t log_time_us(const struct log_buffer *buffer, int64_t mono_us);

/*
 * Where to append one line of a node's log: log_line_end() must follow. NULL if there is no room;
 * then the line is counted as dropped.
 */
struct log_chunk *log_line_begin(struct log_buffer *buffer, enum log_kind kind,
                                 const struct load_balancer *load_balancer,
                                 const struct node *node);
void log_line_end(struct log_buffer *buffer, struct log_chunk *chunk);

void log_chunk_free(struct log_chunk *chunk);
