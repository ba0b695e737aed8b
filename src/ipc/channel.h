/*
 * One end of a stream socket between two of our processes, on an event loop.
 * Sends never block: they queue up to a limit. Receiving checks type, direction and size by the
 * table in message.h; a peer that breaks it is cut off.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"
#include "loop/loop.h"

#include <stddef.h>

struct channel;

struct channel_handler {
    /*
     * A whole message. `payload` holds at least the fixed part, is aligned for any struct and is
     * valid during the call. Descriptors belong to the callee (close-on-exec is set); the channel
     * closes none of them.
     */
    void (*on_message)(struct channel *channel, enum message_type type, const void *payload,
                       size_t size, const int *descriptors, int descriptor_count);
    /* The peer is gone (or broke the protocol). The callee may destroy the channel. */
    void (*on_close)(struct channel *channel);
};

/* Takes over `fd`. `self` and `peer` choose which directions of the table are legal. */
struct channel *channel_create(struct loop *loop, int fd, enum process self, enum process peer,
                               const struct channel_handler *handler, void *owner, struct err *err);
void channel_destroy(struct channel *channel);
void *channel_owner(const struct channel *channel);
enum process channel_peer(const struct channel *channel);

/*
 * Queues one message made of `payload` and, if tail_size > 0, `tail` after it. Descriptors are
 * duplicated by the kernel; the caller keeps its own. Returns < 0 if the channel is closed or its
 * queue (256 MiB) is full; the message is then not sent, and the peer is cut off.
 */
int channel_send(struct channel *channel, enum message_type type, const void *payload,
                 size_t payload_size, const void *tail, size_t tail_size, const int *descriptors,
                 int descriptor_count);

/* How many bytes wait to be sent. */
size_t channel_queued(const struct channel *channel);

/* A number that changes with the table of messages: equal in programs that understand each other.
 */
uint32_t message_layout(void);
/* Name of a process ("api") or of a message ("FABRIC"). */
const char *process_name(enum process process);
const char *message_name(enum message_type type);
