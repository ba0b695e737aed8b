#include "daemon/process.h"

#include "os/log.h"

#include <string.h>
#include <unistd.h>

static void close_descriptors(const int *descriptors, int count)
{
    for (int i = 0; i < count; i++)
        close(descriptors[i]);
}

static const struct peer *find_peer(const struct process_context *context, enum process process)
{
    for (const struct peer *peer = context->peers; peer->on_message; peer++)
        if (peer->process == process)
            return peer;
    return NULL;
}

static void on_peer_message(struct channel *channel, enum message_type type, const void *payload,
                            size_t size, const int *descriptors, int descriptor_count)
{
    struct process_context *context = channel_owner(channel);
    const struct peer *peer = find_peer(context, channel_peer(channel));
    peer->on_message(context, channel, type, payload, size, descriptors, descriptor_count);
}

/* Keeps the channel until its peer closes it; in place of the oldest one, if there are too many. */
static void make_former(struct process_context *context, struct channel *channel)
{
    int last = FORMER_PEERS_MAX - 1;
    for (int i = 0; i < FORMER_PEERS_MAX; i++)
        if (!context->former[i]) {
            context->former[i] = channel;
            return;
        }
    channel_destroy(context->former[0]);
    memmove(context->former, context->former + 1, (size_t)last * sizeof *context->former);
    context->former[last] = channel;
}

static bool forget_former(struct process_context *context, struct channel *channel)
{
    for (int i = 0; i < FORMER_PEERS_MAX; i++)
        if (context->former[i] == channel) {
            context->former[i] = NULL;
            return true;
        }
    return false;
}

static void set_peer(struct process_context *context, enum process process, struct channel *channel)
{
    const struct peer *peer = find_peer(context, process);
    if (channel && context->channels[process])
        make_former(context, context->channels[process]);
    else
        channel_destroy(context->channels[process]);
    context->channels[process] = channel;
    if (peer->on_peer)
        peer->on_peer(context, channel);
}

static void on_peer_close(struct channel *channel)
{
    struct process_context *context = channel_owner(channel);
    if (forget_former(context, channel)) {
        channel_destroy(channel);
        return;
    }
    log_info("%s is away", process_name(channel_peer(channel)));
    set_peer(context, channel_peer(channel), NULL);
}

static const struct channel_handler peer_handler = {on_peer_message, on_peer_close};

static void add_peer(struct process_context *context, uint32_t process, int fd)
{
    struct err err;
    if (process >= PROCESS_COUNT || !find_peer(context, (enum process)process)) {
        log_error("the parent sent a peer that is not in the table: %u", process);
        close(fd);
        return;
    }
    struct channel *channel = channel_create(context->loop, fd, context->self,
                                             (enum process)process, &peer_handler, context, &err);
    if (channel)
        set_peer(context, (enum process)process, channel);
    else
        log_error("channel to %s: %s", process_name((enum process)process), err.text);
}

static void on_parent_message(struct channel *channel, enum message_type type, const void *payload,
                              size_t size, const int *descriptors, int descriptor_count)
{
    struct process_context *context = channel_owner(channel);
    (void)size; /* at least the fixed part, which is all these have */
    if (type == MESSAGE_PEER && descriptor_count == 1) {
        add_peer(context, ((const struct message_peer *)payload)->process, descriptors[0]);
        return;
    }
    close_descriptors(descriptors, descriptor_count);
    if (type == MESSAGE_RETIRE && context->on_retire)
        context->on_retire(context);
    if (type != MESSAGE_STOP)
        return;
    if (context->on_stop)
        context->on_stop(context, ((const struct message_stop *)payload)->keep_instances);
    else
        loop_stop(context->loop);
}

/* Without its parent a process goes on serving: the next `pileus start` or `stop` ends it. */
static void on_parent_close(struct channel *channel)
{
    struct process_context *context = channel_owner(channel);
    log_warn("the parent is gone; serving on until `pileus start` or `pileus stop`");
    channel_destroy(channel);
    context->parent = NULL;
}

static const struct channel_handler parent_handler = {on_parent_message, on_parent_close};

int process_start(struct process_context *context, int parent_fd, struct err *err)
{
    context->loop = loop_create(err);
    if (!context->loop)
        return -1;
    loop_set_cloud_clock(context->loop, &context->setup->clock);
    context->parent = channel_create(context->loop, parent_fd, context->self, PROCESS_PARENT,
                                     &parent_handler, context, err);
    return context->parent ? 0 : -1;
}

int process_run(struct process_context *context, struct err *err)
{
    struct message_empty ready = {0};
    if (context->parent)
        channel_send(context->parent, MESSAGE_READY, &ready, sizeof ready, NULL, 0, NULL, 0);
    int result = loop_run(context->loop, err);
    for (int i = 0; i < PROCESS_COUNT; i++)
        channel_destroy(context->channels[i]);
    for (int i = 0; i < FORMER_PEERS_MAX; i++)
        channel_destroy(context->former[i]);
    channel_destroy(context->parent);
    return result;
}

void process_send(struct process_context *context, enum process to, enum message_type type,
                  const void *payload, size_t payload_size, const void *tail, size_t tail_size)
{
    struct channel *channel = to == PROCESS_PARENT ? context->parent : context->channels[to];
    if (channel)
        channel_send(channel, type, payload, payload_size, tail, tail_size, NULL, 0);
}
