/*
 * Where the balancer listens, as the main thread keeps it: it opens the sockets (alone) or asks
 * the host process for them (in the cloud), and gives one to each thread.
 */
#pragma once

#include "balancer/snapshot.h"
#include "base/list.h"
#include "ipc/channel.h"
#include "loop/loop.h"

struct points {
    struct list points;
    struct loop *loop;
    struct loop_timer retry;
    struct channel *host;
    bool cloud;
    bool following; /* a successor that still checks its targets asks for no listener */
    int thread_count;
    /* Hands a listening socket to a thread, which then owns it. */
    void (*give)(void *owner, const struct endpoint *endpoint, int thread, int fd);
    void *owner;
};

void points_init(struct points *points, struct loop *loop, bool cloud, int thread_count,
                 void (*give)(void *owner, const struct endpoint *endpoint, int thread, int fd),
                 void *owner);
void points_finish(struct points *points);
/* Alone: opens what the snapshot needs and is not open yet; fails without any change. */
int points_prepare(struct points *points, const struct snapshot *snapshot, struct err *err);
/* After the threads were told of that snapshot: gives them the new sockets, forgets the old. */
void points_follow(struct points *points);
/* Whether every listener that the last snapshot wanted is open. */
bool points_are_open(const struct points *points);
/* In the cloud: the channel to host changed. A new host gets the listeners that are open. */
void points_set_host(struct points *points, struct channel *host);
/* A LISTENER message. */
void points_receive(struct points *points, const struct message_listener *message,
                    const int *descriptors, int descriptor_count);
