/* HTTP/2 connections from clients: input to nghttp2, output from it, timeouts, the end. */
#include "balancer/client_http2.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_SIZE_MAX = 16384 + 9 };

/* Nothing more will come of the connection: close when all is sent. */
static bool is_over(const struct http2_client *http2)
{
    nghttp2_session *session = http2_session_of(http2);
    bool silent = !nghttp2_session_want_read(session) && !nghttp2_session_want_write(session);
    return silent || (http2->leaving && list_empty(&http2->streams));
}

/* Frames are gathered: many streams' in one system call. */
static void flush(struct http2_client *http2)
{
    struct client *client = http2->client;
    char *scratch = client->worker->scratch;
    size_t used = 0;
    const uint8_t *data;
    ssize_t size = 0;
    while (!bytes_size(&client->out)) {
        size = nghttp2_session_mem_send(http2_session_of(http2), &data);
        bool fits = size > 0 && (size_t)size <= SCRATCH_SIZE - used;
        if (fits) {
            memcpy(scratch + used, data, (size_t)size);
            used += (size_t)size;
        }
        if (used && (size <= 0 || !fits || used > SCRATCH_SIZE - FRAME_SIZE_MAX)) {
            if (!client_send(client, &(struct iovec){scratch, used}, 1))
                return;
            used = 0;
        }
        if (size <= 0)
            break;
        if (!fits && !client_send(client, &(struct iovec){(void *)data, (size_t)size}, 1))
            return;
    }
    if (size < 0) {
        client_destroy(client);
    } else if (!client->closing && is_over(http2)) {
        list_each_safe (stream, &http2->streams, struct http2_stream, link)
            http2_stream_destroy(stream);
        client->linger = true; /* GOAWAY is to be read */
        client_close(client);
    }
}

static void attend(struct http2_client *http2)
{
    struct list ready;
    list_init(&ready);
    if (list_empty(&http2->ready))
        return;
    ready = http2->ready; /* what becomes ready meanwhile waits for the next turn */
    ready.next->prev = ready.prev->next = &ready;
    list_init(&http2->ready);
    while (!list_empty(&ready)) {
        struct http2_stream *stream = container_of(ready.next, struct http2_stream, ready);
        list_remove(&stream->ready);
        http2_stream_attend(stream);
    }
}

static void on_work(struct loop_timer *timer)
{
    struct http2_client *http2 = timer->owner;
    attend(http2);
    flush(http2);
}

void http2_client_work(struct http2_client *http2, struct http2_stream *ready)
{
    if (http2->client->gone)
        return;
    if (ready && list_empty(&ready->ready))
        list_append(&http2->ready, &ready->ready);
    if (http2->work.heap_index < 0)
        loop_timer_set(http2->client->worker->loop, &http2->work, 0);
}

void http2_client_leave(struct http2_client *http2)
{
    if (http2->leaving)
        return;
    http2->leaving = true;
    nghttp2_session *session = http2_session_of(http2);
    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR, NULL,
                          0);
    http2_client_work(http2, NULL);
}

void http2_client_charge(struct http2_client *http2, size_t bytes)
{
    int64_t now_ms = loop_now_ms(http2->client->worker->loop);
    if (!http2_budget_charge(&http2->budget, now_ms, bytes) && !http2->calmed)
        http2_client_calm(http2);
}

void http2_client_calm(struct http2_client *http2)
{
    http2->leaving = http2->calmed = true;
    nghttp2_session_terminate_session(http2_session_of(http2), NGHTTP2_ENHANCE_YOUR_CALM);
    http2_client_work(http2, NULL);
}

/* ---- the connection ---- */

/* While the client does not take what we say, nothing more is read: there would be answers. */
static void readable(struct client *client)
{
    struct http2_client *http2 = client->http2;
    uint8_t *hot = (uint8_t *)client->worker->hot;
    while (!client->closing && !bytes_size(&client->out)) {
        ssize_t got = client_receive(client, (char *)hot, READ_SIZE);
        if (got < 0)
            return;
        if (got == 0 || nghttp2_session_mem_recv(http2_session_of(http2), hot, (size_t)got) < 0) {
            client_destroy(client);
            return;
        }
        http2_client_charge(http2, (size_t)got); /* what they were good for has paid before */
        attend(http2);
        flush(http2);
        if (client->gone)
            return;
    }
}

static void drained(struct client *client)
{
    client_touch(client, client_idle_timeout_ms(client));
    flush(client->http2);
    if (!client->gone)
        readable(client);
}

static void resumed(struct client *client)
{
    (void)client;
}

/* Streams have timeouts of their own; PING is no reason to keep a connection. */
static void timed_out(struct client *client)
{
    struct http2_client *http2 = client->http2;
    if (bytes_size(&client->out)) {
        client_destroy(client);
        return;
    }
    client_touch(client, client_idle_timeout_ms(client));
    if (list_empty(&http2->streams))
        http2_client_leave(http2);
}

static void dismiss(struct client *client)
{
    http2_client_leave(client->http2);
}

static void release(struct corpse *corpse)
{
    free(container_of(corpse, struct http2_client, corpse));
}

static void abandon(struct client *client)
{
    struct http2_client *http2 = client->http2;
    list_each_safe (stream, &http2->streams, struct http2_stream, link)
        http2_stream_destroy(stream);
    loop_timer_clear(client->worker->loop, &http2->work);
    http2_memory_end(http2_session_of(http2));
    http2_block_reset(&http2->block);
    worker_bury(client->worker, &http2->corpse);
}

bool client_http2_begin(struct client *client)
{
    static const struct client_protocol protocol = {
        .readable = readable,
        .drained = drained,
        .resumed = resumed,
        .timed_out = timed_out,
        .dismiss = dismiss,
        .abandon = abandon,
    };
    struct http2_client *http2 = calloc(1, sizeof *http2);
    if (!http2)
        return false;
    http2->client = client;
    http2->session = http2_session_create(http2);
    if (!http2->session) {
        free(http2);
        return false;
    }
    list_init(&http2->streams);
    list_init(&http2->ready);
    loop_timer_init(&http2->work, on_work, http2);
    http2->corpse.release = release;
    http2->budget.seen_ms = loop_now_ms(client->worker->loop);
    client->http2 = http2;
    client->protocol = &protocol;
    http2_client_work(http2, NULL); /* our SETTINGS */
    return true;
}
