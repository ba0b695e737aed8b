/*
 * DNS over TCP. A client's questions are answered one after another; one that is not ours is asked
 * of the upstream resolver over a connection of its own.
 */
#include "guest/guest_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STREAMS_MAX = 64,     /* of a VPC */
    PEER_STREAMS_MAX = 8, /* of one address in it */
    FRAME_HEAD_SIZE = 2,
    REPLY_SIZE_MAX = FRAME_HEAD_SIZE + 65535,
    IDLE_MS = 10000,
};

struct stream {
    struct list link;
    struct guest_vpc *vpc;
    struct in_addr peer;
    struct loop_watch client, upstream; /* upstream is watched while a question waits for it */
    struct loop_timer timer;
    struct buf in, out;      /* of the client: whole frames are taken from `in` */
    struct buf asked, reply; /* to and from upstream */
    struct dns_query query;  /* the one that is asked; its question is not kept */
    bool ended;              /* the client sends no more, or broke the rules */
};

static void free_stream(struct stream *stream)
{
    struct loop *loop = stream->vpc->guest->loop;
    loop_close(loop, &stream->client);
    loop_close(loop, &stream->upstream);
    loop_timer_clear(loop, &stream->timer);
    buf_reset(&stream->in);
    buf_reset(&stream->out);
    buf_reset(&stream->asked);
    buf_reset(&stream->reply);
    list_remove(&stream->link);
    stream->vpc->stream_count--;
    free(stream);
}

static void append_frame(struct buf *out, const struct buf *message)
{
    const uint8_t head[FRAME_HEAD_SIZE] = {(uint8_t)(message->size >> 8), (uint8_t)message->size};
    buf_append(out, head, sizeof(head));
    buf_append(out, message->data, message->size);
    out->failed = out->failed || message->failed;
}

/* ---- the upstream resolver ---- */

static void run(struct stream *stream);

static void upstream_failed(struct stream *stream)
{
    auto_buf answer = {0};
    resolver_refuse(&stream->query, DNS_SERVER_FAILURE, &answer);
    append_frame(&stream->out, &answer);
    loop_close(stream->vpc->guest->loop, &stream->upstream);
}

/* Returns false while there is no whole reply. */
static bool receive_reply(struct stream *stream)
{
    struct buf *reply = &stream->reply;
    size_t message_size, frame;
    ssize_t got = -1;

    if (buf_reserve(reply, REPLY_SIZE_MAX - reply->size))
        got = recv(stream->upstream.fd, reply->data + reply->size, REPLY_SIZE_MAX - reply->size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        upstream_failed(stream);
        return true;
    }
    reply->size += (size_t)got;
    frame = dns_read_frame((const uint8_t *)reply->data, reply->size, &message_size);
    if (!frame)
        return false;
    buf_append(&stream->out, reply->data, frame);
    loop_close(stream->vpc->guest->loop, &stream->upstream);
    return true;
}

static void on_upstream(struct loop_watch *watch, uint32_t events)
{
    struct stream *stream = watch->owner;
    struct loop *loop = stream->vpc->guest->loop;
    struct err ignored;

    if (stream->asked.size) { /* connected, or not: a question is short and fits at once */
        ssize_t sent = send(watch->fd, stream->asked.data, stream->asked.size, MSG_NOSIGNAL);
        bool whole = sent == (ssize_t)stream->asked.size;
        buf_clear(&stream->asked);
        if (whole && loop_modify(loop, watch, EPOLLIN, &ignored) >= 0)
            return;
        upstream_failed(stream);
    } else if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || !receive_reply(stream)) {
        return;
    }
    run(stream);
}

static void ask_upstream(struct stream *stream, const struct buf *frame)
{
    const struct guest *guest = stream->vpc->guest;
    struct err ignored;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    stream->query.question = NULL;
    stream->query.question_size = 0;
    buf_clear(&stream->reply);
    buf_clear(&stream->asked);
    buf_append(&stream->asked, frame->data, frame->size);
    bool begun = fd >= 0 && !stream->asked.failed &&
                 (connect(fd, (const struct sockaddr *)&guest->upstream_name,
                          sizeof(guest->upstream_name)) == 0 ||
                  errno == EINPROGRESS) &&
                 loop_watch(guest->loop, &stream->upstream, fd, EPOLLOUT, &ignored) >= 0;
    if (begun)
        return;
    if (fd >= 0)
        close(fd);
    upstream_failed(stream);
}

/* ---- the client ---- */

/* Answers the first question of `in`; false if there is no whole one. */
static bool take_question(struct stream *stream)
{
    struct buf *in = &stream->in;
    size_t message_size = 0;
    const uint8_t *data = (const uint8_t *)in->data;
    size_t size = in->size ? dns_read_frame(data, in->size, &message_size) : 0;
    auto_buf answer = {0}, frame = {0};

    if (message_size > DNS_MESSAGE_SIZE_MAX)
        stream->ended = true;
    if (!size || stream->ended)
        return false;
    enum resolution resolution = resolver_resolve(stream->vpc, data + FRAME_HEAD_SIZE, message_size,
                                                  &stream->query, &answer);
    buf_append(&frame, data, size);
    if (resolution == RESOLUTION_ANSWER)
        append_frame(&stream->out, &answer);
    else if (resolution == RESOLUTION_FORWARD)
        ask_upstream(stream, &frame);
    else
        stream->ended = true;
    buf_consume(in, size);
    return true;
}

/* Returns false while the socket is full. */
static bool send_answers(struct stream *stream)
{
    while (stream->out.size && !stream->out.failed) {
        ssize_t sent = send(stream->client.fd, stream->out.data, stream->out.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return false;
        if (sent < 0)
            stream->out.failed = true;
        else
            buf_consume(&stream->out, (size_t)sent);
    }
    return true;
}

/* Goes on as far as it can, and waits for what is missing. */
static void run(struct stream *stream)
{
    struct loop *loop = stream->vpc->guest->loop;
    struct err ignored;
    bool sent = send_answers(stream);

    while (sent && stream->upstream.fd < 0 && take_question(stream))
        sent = send_answers(stream);
    bool waiting = stream->upstream.fd >= 0;
    if (stream->out.failed || (stream->ended && sent && !waiting) ||
        loop_modify(loop, &stream->client,
                    !sent     ? EPOLLOUT
                    : waiting ? 0
                              : EPOLLIN,
                    &ignored) < 0) {
        free_stream(stream);
        return;
    }
    loop_timer_set(loop, &stream->timer, IDLE_MS);
}

static void receive(struct stream *stream)
{
    struct buf *in = &stream->in;
    ssize_t got = -1;

    if (buf_reserve(in, DNS_MESSAGE_SIZE_MAX))
        got = recv(stream->client.fd, in->data + in->size, DNS_MESSAGE_SIZE_MAX, 0);
    if (got > 0)
        in->size += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        stream->ended = true;
}

static void on_client(struct loop_watch *watch, uint32_t events)
{
    struct stream *stream = watch->owner;

    if (events & (EPOLLHUP | EPOLLERR)) {
        free_stream(stream);
        return;
    }
    if (events & EPOLLIN)
        receive(stream);
    run(stream);
}

static void on_idle(struct loop_timer *timer)
{
    free_stream(timer->owner);
}

static bool has_room(const struct guest_vpc *vpc, struct in_addr peer)
{
    int count = 0;
    list_each (stream, &vpc->streams, struct stream, link)
        count += stream->peer.s_addr == peer.s_addr;
    return vpc->stream_count < STREAMS_MAX && count < PEER_STREAMS_MAX;
}

static void start_stream(struct guest_vpc *vpc, int fd, struct in_addr peer)
{
    struct loop *loop = vpc->guest->loop;
    struct stream *stream = has_room(vpc, peer) ? calloc(1, sizeof(*stream)) : NULL;
    struct err ignored;

    if (!stream) {
        close(fd);
        return;
    }
    stream->vpc = vpc;
    stream->peer = peer;
    stream->client = (struct loop_watch){.fd = -1, .on_event = on_client, .owner = stream};
    stream->upstream = (struct loop_watch){.fd = -1, .on_event = on_upstream, .owner = stream};
    loop_timer_init(&stream->timer, on_idle, stream);
    list_append(&vpc->streams, &stream->link);
    vpc->stream_count++;
    if (loop_watch(loop, &stream->client, fd, EPOLLIN, &ignored) < 0) {
        close(fd);
        free_stream(stream);
        return;
    }
    loop_timer_set(loop, &stream->timer, IDLE_MS);
}

void resolver_on_listener(struct loop_watch *watch, uint32_t events)
{
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer);
    int fd;

    (void)events;
    while ((fd = accept4(watch->fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        start_stream(watch->owner, fd, peer.sin_addr);
        size = sizeof(peer);
    }
}

void resolver_close_streams(struct guest_vpc *vpc)
{
    list_each_safe (stream, &vpc->streams, struct stream, link)
        free_stream(stream);
}
