/*
 * The balancer as its process sees it: threads, configuration, health checks, reports. Everything
 * here is called on, and calls back on, the thread that created it.
 */
#pragma once

#include "base/err.h"
#include "http/tls_tickets.h"
#include "ipc/channel.h"
#include "ipc/message.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct balancer;

/* Configurations that come faster than this are joined: the newest counts. */
enum { BALANCER_CHANGE_MS = 50 };

struct balancer_options {
    int workers; /* threads of the data path; this one is another, for all else */
    bool cloud;  /* sockets come from the host process; else the balancer makes its own */
    /* Of the balancer before this one, whose TLS sessions go on; NULL: none. */
    const struct tls_tickets *tickets;
    /* Each may be NULL. Rows are valid during the call. */
    void (*report_health)(const struct target_health *rows, int count, void *owner);
    void (*report_traffic)(const struct traffic *rows, int count, void *owner); /* each second */
    /* Lines of a log; balancer_log_taken() must follow. NULL if no configuration has a log. */
    void (*report_log)(const struct message_log *head, const char *lines, size_t size, void *owner);
    /*
     * Takes over from a balancer that runs: it listens, and reports health, only when it has
     * checked every target once (or waited some seconds for it), and then calls on_taken_over.
     */
    bool successor;
    void (*on_taken_over)(void *owner);
    void (*on_retired)(void *owner);                        /* balancer_retire() is done */
    void (*on_refused)(const struct err *err, void *owner); /* what balancer_follow() was given */
    void *owner;
};

/* NULL and err on failure. */
struct balancer *balancer_create(struct loop *loop, const struct balancer_options *options,
                                 struct err *err);
/* Ends the threads and cuts what is open. */
void balancer_destroy(struct balancer *balancer);

/*
 * Follows a new configuration (see config.h), whole or not at all. Requests in flight keep the
 * one they began with. Reports the health of every target afterwards.
 */
int balancer_configure(struct balancer *balancer, const char *text, size_t size, struct err *err);
/*
 * The same, soon: at once, or when BALANCER_CHANGE_MS have passed since the last one, unless a
 * newer one comes before. An error is told to on_refused.
 */
void balancer_follow(struct balancer *balancer, const char *text, size_t size);
/* The cloud clock changed: health checks follow it. */
void balancer_set_cloud_clock(struct balancer *balancer, const struct cloud_clock *clock);

/* Reports what was logged and counted up to now, then calls on_said. Once, before the end. */
void balancer_report_last(struct balancer *balancer, void (*on_said)(void *owner));

/* So many bytes of report_log() are kept, or lost for good; any thread. */
void balancer_log_taken(struct balancer *balancer, size_t size);
/* Whoever was told of lines and did not take them yet never will. */
void balancer_log_lost(struct balancer *balancer);

/* The channel to the host process, or NULL when it is gone; asks again for what is missing. */
void balancer_set_host(struct balancer *balancer, struct channel *host);
/* A message from host: LISTENER or SOCKETS. Takes over the descriptors. */
void balancer_receive(struct balancer *balancer, enum message_type type, const void *payload,
                      size_t size, const int *descriptors, int descriptor_count);

/* Stops accepting; lets requests in flight finish. */
void balancer_drain(struct balancer *balancer);
/*
 * Another balancer has taken over the same listening sockets: accepts no more, checks no health,
 * and lets every client have the answer to one more request, so that none meets a connection that
 * closes under its request. Calls on_retired when the last one is gone, or after five minutes.
 */
void balancer_retire(struct balancer *balancer);
/* Whether no client is connected any more. */
bool balancer_is_idle(const struct balancer *balancer);

/* `pileus balance`: the balancer alone; argv begins after the command. Returns the exit status. */
int balance_main(int argc, char **argv);
