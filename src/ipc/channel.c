#include "ipc/channel.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    FRAME_MAGIC = 0x504c4d31,
    FRAME_ALIGNMENT = 16, /* frames start at multiples of it, so payloads are aligned in place */
    READ_SIZE = 64 * 1024,
    QUEUE_SIZE_MAX = 256 * 1024 * 1024,
    PENDING_DESCRIPTORS_MAX = 4 * MESSAGE_DESCRIPTORS_MAX,
};

struct frame_header {
    uint32_t magic, type, payload_size, descriptor_count;
};
_Static_assert(sizeof(struct frame_header) == FRAME_ALIGNMENT, "payload follows aligned");

/* A frame that the socket did not take at once. */
struct frame {
    struct list link;
    size_t size, sent;
    int descriptors[MESSAGE_DESCRIPTORS_MAX]; /* ours; sent with the first byte */
    int descriptor_count;
    char data[];
};

struct channel {
    struct loop *loop;
    struct loop_watch watch;
    int fd;
    enum process self, peer;
    const struct channel_handler *handler;
    void *owner;
    struct buf input;
    int received[PENDING_DESCRIPTORS_MAX]; /* descriptors whose message is not complete yet */
    int received_count;
    struct list queue; /* of frame.link */
    size_t queued_bytes;
    bool broken;     /* on_close was or will be called */
    bool deaf;       /* the peer closed: nothing can be sent, what it said last is still read */
    bool *destroyed; /* set while dispatching: tells the dispatcher that the channel is gone */
    struct loop_timer broken_timer;
};

enum { ANY = PROCESS_COUNT };

/* The message table, as data. */
static const struct message_row {
    const char *name;
    int from, to;
    size_t size;
    int descriptors_max;
} rows[MESSAGE_COUNT] = {
#define PARENT   PROCESS_PARENT
#define API      PROCESS_API
#define BALANCER PROCESS_BALANCER
#define GUEST    PROCESS_GUEST
#define HOST     PROCESS_HOST
#define X(name, from, to, payload, descriptors)                                                    \
    [MESSAGE_##name] = {#name, from, to, sizeof(payload), descriptors},
    MESSAGES(X)
#undef X
};

static const char *const process_names[PROCESS_COUNT] = {
    [PROCESS_PARENT] = "parent", [PROCESS_API] = "api",   [PROCESS_BALANCER] = "balancer",
    [PROCESS_GUEST] = "guest",   [PROCESS_HOST] = "host",
};

static uint32_t mix(uint32_t hash, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

uint32_t message_layout(void)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        char facts[128];
        int size = snprintf(facts, sizeof facts, "%s %d %d %zu %d", rows[i].name, rows[i].from,
                            rows[i].to, rows[i].size, rows[i].descriptors_max);
        hash = mix(hash, facts, (size_t)size);
    }
    return hash;
}

const char *process_name(enum process process)
{
    return process < PROCESS_COUNT ? process_names[process] : "?";
}

const char *message_name(enum message_type type)
{
    return type < MESSAGE_COUNT ? rows[type].name : "?";
}

void *channel_owner(const struct channel *channel)
{
    return channel->owner;
}

enum process channel_peer(const struct channel *channel)
{
    return channel->peer;
}

static bool direction_allowed(const struct message_row *row, enum process from, enum process to)
{
    return (row->from == ANY || row->from == (int)from) && (row->to == ANY || row->to == (int)to);
}

static size_t padded(size_t size)
{
    return (size + FRAME_ALIGNMENT - 1) / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
}

static void close_all(const int *descriptors, int count)
{
    for (int i = 0; i < count; i++)
        close(descriptors[i]);
}

static void frame_destroy(struct frame *frame)
{
    list_remove(&frame->link);
    close_all(frame->descriptors, frame->descriptor_count);
    free(frame);
}

static void on_broken(struct loop_timer *timer)
{
    struct channel *channel = timer->owner;
    channel->handler->on_close(channel);
}

/* Stops the channel now; the owner hears of it from the loop, never from inside its own call. */
static void channel_break(struct channel *channel)
{
    if (channel->broken)
        return;
    channel->broken = true;
    loop_unwatch(channel->loop, &channel->watch);
    loop_timer_set(channel->loop, &channel->broken_timer, 0);
}

/* One sendmsg; returns bytes taken, 0 if the socket is full, -1 if the peer is gone. */
static ssize_t send_some(int fd, const char *data, size_t size, const int *descriptors, int count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MESSAGE_DESCRIPTORS_MAX)];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return sent;
}

static void drop_queue(struct channel *channel)
{
    list_each_safe (frame, &channel->queue, struct frame, link) {
        frame_destroy(frame);
    }
    channel->queued_bytes = 0;
}

static void flush_queue(struct channel *channel)
{
    while (!list_empty(&channel->queue)) {
        struct frame *frame = container_of(channel->queue.next, struct frame, link);
        ssize_t sent = send_some(channel->fd, frame->data + frame->sent, frame->size - frame->sent,
                                 frame->descriptors, frame->descriptor_count);
        if (sent < 0) {
            channel->deaf = true;
            drop_queue(channel);
            break;
        }
        if (sent == 0)
            return;
        close_all(frame->descriptors, frame->descriptor_count);
        frame->descriptor_count = 0;
        frame->sent += (size_t)sent;
        channel->queued_bytes -= (size_t)sent;
        if (frame->sent == frame->size)
            frame_destroy(frame);
    }
    struct err ignored;
    loop_modify(channel->loop, &channel->watch, EPOLLIN, &ignored);
}

static struct frame *frame_create(enum message_type type, const void *payload, size_t payload_size,
                                  const void *tail, size_t tail_size, const int *descriptors,
                                  int descriptor_count)
{
    size_t body_size = payload_size + tail_size;
    size_t size = sizeof(struct frame_header) + padded(body_size);
    struct frame *frame = calloc(1, sizeof *frame + size);
    if (!frame)
        return NULL;
    struct frame_header header = {FRAME_MAGIC, type, (uint32_t)body_size,
                                  (uint32_t)descriptor_count};
    list_init(&frame->link);
    frame->size = size;
    memcpy(frame->data, &header, sizeof header);
    memcpy(frame->data + sizeof header, payload, payload_size);
    if (tail_size)
        memcpy(frame->data + sizeof header + payload_size, tail, tail_size);
    for (int i = 0; i < descriptor_count; i++)
        frame->descriptors[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 3);
    frame->descriptor_count = descriptor_count;
    return frame;
}

size_t channel_queued(const struct channel *channel)
{
    return channel->queued_bytes;
}

int channel_send(struct channel *channel, enum message_type type, const void *payload,
                 size_t payload_size, const void *tail, size_t tail_size, const int *descriptors,
                 int descriptor_count)
{
    if (channel->broken || channel->deaf)
        return -1;
    if (payload_size + tail_size > MESSAGE_SIZE_MAX ||
        descriptor_count > rows[type].descriptors_max)
        return -1;
    struct frame *frame =
        frame_create(type, payload, payload_size, tail, tail_size, descriptors, descriptor_count);
    if (!frame || channel->queued_bytes + frame->size > QUEUE_SIZE_MAX) {
        if (frame)
            frame_destroy(frame);
        channel_break(channel);
        return -1;
    }
    bool idle = list_empty(&channel->queue);
    list_append(&channel->queue, &frame->link);
    channel->queued_bytes += frame->size;
    if (!idle)
        return 0;
    flush_queue(channel);
    struct err ignored;
    if (!channel->broken && !list_empty(&channel->queue))
        loop_modify(channel->loop, &channel->watch, EPOLLIN | EPOLLOUT, &ignored);
    return channel->broken || channel->deaf ? -1 : 0;
}

/* Checks a header against the message table. */
static bool header_acceptable(const struct channel *channel, const struct frame_header *header)
{
    if (header->magic != FRAME_MAGIC || header->type >= MESSAGE_COUNT)
        return false;
    const struct message_row *row = &rows[header->type];
    return direction_allowed(row, channel->peer, channel->self) &&
           header->payload_size >= row->size && header->payload_size <= MESSAGE_SIZE_MAX &&
           header->descriptor_count <= (uint32_t)row->descriptors_max;
}

/*
 * Hands over the first message of the input if it is complete.
 * Returns 1 if it was, 0 if more bytes are needed, -1 if the peer broke the protocol or the
 * channel ended meanwhile.
 */
static int dispatch_one(struct channel *channel)
{
    struct frame_header header;
    if (channel->input.size < sizeof header)
        return 0;
    memcpy(&header, channel->input.data, sizeof header);
    if (!header_acceptable(channel, &header)) {
        channel_break(channel);
        return -1;
    }
    size_t frame_size = sizeof header + padded(header.payload_size);
    int count = (int)header.descriptor_count;
    if (channel->input.size < frame_size)
        return 0;
    if (count > channel->received_count) {
        channel_break(channel);
        return -1;
    }
    int descriptors[MESSAGE_DESCRIPTORS_MAX];
    memcpy(descriptors, channel->received, sizeof(int) * (size_t)count);
    channel->received_count -= count;
    memmove(channel->received, channel->received + count,
            sizeof(int) * (size_t)channel->received_count);
    bool destroyed = false;
    channel->destroyed = &destroyed;
    channel->handler->on_message(channel, (enum message_type)header.type,
                                 channel->input.data + sizeof header, header.payload_size,
                                 descriptors, count);
    if (destroyed)
        return -1;
    channel->destroyed = NULL;
    buf_consume(&channel->input, frame_size);
    return channel->broken ? -1 : 1;
}

static bool take_descriptors(struct channel *channel, struct msghdr *message)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        int descriptors[MESSAGE_DESCRIPTORS_MAX];
        memcpy(descriptors, CMSG_DATA(header), sizeof(int) * (size_t)count);
        if (channel->received_count + count > PENDING_DESCRIPTORS_MAX) {
            close_all(descriptors, count);
            return false;
        }
        memcpy(channel->received + channel->received_count, descriptors,
               sizeof(int) * (size_t)count);
        channel->received_count += count;
    }
    return !(message->msg_flags & MSG_CTRUNC);
}

/* Reads once. Returns false if the peer is gone. */
static bool read_some(struct channel *channel)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MESSAGE_DESCRIPTORS_MAX)];
    } control;
    if (!buf_reserve(&channel->input, READ_SIZE))
        return false;
    struct iovec part = {.iov_base = channel->input.data + channel->input.size,
                         .iov_len = READ_SIZE};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    channel->input.size += (size_t)got;
    channel->input.data[channel->input.size] = 0;
    return take_descriptors(channel, &message);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct channel *channel = watch->owner;
    if (events & EPOLLOUT)
        flush_queue(channel);
    if (channel->broken || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    if (!read_some(channel)) {
        channel_break(channel);
        return;
    }
    while (dispatch_one(channel) > 0)
        ;
}

struct channel *channel_create(struct loop *loop, int fd, enum process self, enum process peer,
                               const struct channel_handler *handler, void *owner, struct err *err)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        err_sys(err, ENOMEM, "channel");
        close(fd);
        return NULL;
    }
    *channel = (struct channel){
        .loop = loop,
        .watch = {.fd = -1, .on_event = on_event, .owner = channel},
        .fd = fd,
        .self = self,
        .peer = peer,
        .handler = handler,
        .owner = owner,
        .input = {.size_limit = MESSAGE_SIZE_MAX + 2 * READ_SIZE},
    };
    list_init(&channel->queue);
    loop_timer_init(&channel->broken_timer, on_broken, channel);
    if (loop_watch(loop, &channel->watch, fd, EPOLLIN, err) < 0) {
        channel_destroy(channel);
        return NULL;
    }
    return channel;
}

void channel_destroy(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->destroyed)
        *channel->destroyed = true;
    loop_timer_clear(channel->loop, &channel->broken_timer);
    loop_unwatch(channel->loop, &channel->watch);
    drop_queue(channel);
    close_all(channel->received, channel->received_count);
    buf_reset(&channel->input);
    close(channel->fd);
    free(channel);
}
