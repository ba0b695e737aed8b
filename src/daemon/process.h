/*
 * What every process but the parent has: an event loop, a channel to the parent, and channels to
 * the peers of its table, which the parent sends whenever it (re)starts one of them.
 */
#pragma once

#include "daemon/options.h"
#include "http/tls_tickets.h"
#include "ipc/channel.h"
#include "loop/loop.h"

#include <stddef.h>

struct process_context;

/* One row of the table that opens each process file. */
struct peer {
    enum process process;
    void (*on_message)(struct process_context *context, struct channel *channel,
                       enum message_type type, const void *payload, size_t size,
                       const int *descriptors, int descriptor_count);
    /* The peer came (channel) or went (NULL); may be NULL. */
    void (*on_peer)(struct process_context *context, struct channel *channel);
};

/* What the parent decided before it forked. */
struct process_setup {
    const struct daemon_options *options;
    uint32_t world;
    const char *run_dir;
    struct cloud_clock clock;   /* as of now */
    int listen_fd;              /* the API port; only api uses it */
    bool packet_log;            /* the kernel can log packets; only api asks */
    struct tls_tickets tickets; /* of every balancer of this daemon; no other process has them */
    bool successor;             /* takes over from a process that runs */
};

enum { FORMER_PEERS_MAX = 8 };

struct process_context {
    enum process self;
    const struct process_setup *setup;
    struct loop *loop;
    const struct peer *peers; /* ends with a row whose on_message is NULL */
    struct channel *parent;
    struct channel *channels[PROCESS_COUNT]; /* NULL: that peer is away */
    /* Of peers that another one of their kind replaced, and that finish what they have begun. */
    struct channel *former[FORMER_PEERS_MAX];
    /* STOP from the parent: finish and call loop_stop(). NULL: loop_stop() is all. */
    void (*on_stop)(struct process_context *context, bool keep_instances);
    /* RETIRE: finish what has begun, then call loop_stop(). */
    void (*on_retire)(struct process_context *context);
    void *owner; /* the process file's own state */
};

/* Makes the loop and the channel to the parent. Called right after fork, before rights are dropped.
 */
int process_start(struct process_context *context, int parent_fd, struct err *err);
/* Tells the parent that this process accepts work, and runs until STOP. */
int process_run(struct process_context *context, struct err *err);
/* Sends to a peer; dropped when it is away. */
void process_send(struct process_context *context, enum process to, enum message_type type,
                  const void *payload, size_t payload_size, const void *tail, size_t tail_size);

/* The process files. Each returns the exit status. */
int proc_api_main(const struct process_setup *setup, int parent_fd);
int proc_balancer_main(const struct process_setup *setup, int parent_fd);
int proc_guest_main(const struct process_setup *setup, int parent_fd);
int proc_host_main(const struct process_setup *setup, int parent_fd);
