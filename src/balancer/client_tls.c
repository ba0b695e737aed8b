/* The TLS handshake of a client: until it is over, this is what is spoken on the connection. */
#include "balancer/client.h"

#include "balancer/access_record.h"
#include "http/tls.h"
#include "os/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
    HANDSHAKE_TIMEOUT_MS = 10000, /* from the first byte on */
    HANDSHAKES_MAX = 1024,        /* of a thread, at once; then the oldest is given up */
    RECORD_HANDSHAKE = 22,        /* the first byte of TLS */
};

/*
 * While the handshake lasts. The view keeps what TLS servers it may be for. Each step may take a
 * millisecond, for which all others wait, so they are taken in turns.
 */
struct handshake {
    struct turn turn;
    struct list link; /* of worker->handshakes, the oldest first */
    struct client *client;
    struct view *view;
    const struct endpoint *endpoint;
    const struct listener *listener; /* that it is for; NULL until it is known */
    int64_t begun_us;
    bool silent; /* no security group rule admits this client */
};

static void end_handshake(struct client *client)
{
    struct handshake *handshake = client->handshake;
    client->handshake = NULL;
    turn_leave(&handshake->turn);
    list_remove(&handshake->link);
    client->worker->handshake_count--;
    worker_drop_view(client->worker, handshake->view);
    free(handshake);
}

/* The handshake, if there is one, does not come to its end: whoever gave it up. */
static void fail(struct client *client)
{
    if (!client->handshake)
        return;
    const struct listener *listener = client->handshake->listener;
    if (client->peer.cell)
        counter_add(&client_counters(client)->client_tls_errors, 1);
    if (listener && !client->handshake->silent)
        access_record_connection(client->worker, &client->peer, listener, -1);
    end_handshake(client);
}

static void set_listener(struct handshake *handshake, const struct listener *listener)
{
    handshake->listener = listener;
    handshake->silent = !client_is_allowed(handshake->client, listener);
}

/* A node has one listener; on the host, the name tells which of them is asked for. */
static struct tls_server *find_server(void *owner, struct slice name)
{
    struct handshake *handshake = owner;
    const struct endpoint *endpoint = handshake->endpoint;
    const struct listener *listener = client_listener_by_name(endpoint, name);
    for (int i = 0; !listener && i < endpoint->listener_count; i++)
        if (endpoint->listeners[i]->tls)
            listener = endpoint->listeners[i];
    if (listener)
        set_listener(handshake, listener);
    return listener && !handshake->silent ? listener->tls : NULL;
}

/* What still comes is thrown away as it is: the client may not have read the alert yet. */
static void refuse(struct client *client)
{
    client->silent = client->handshake->silent;
    fail(client);
    tls_free(&client->transport);
    if (client->silent)
        return;
    client->linger = true;
    client_close(client);
}

/* From here on the client speaks what it agreed to. */
static void finish(struct client *client)
{
    const struct handshake *handshake = client->handshake;
    if (handshake->listener)
        access_record_connection(client->worker, &client->peer, handshake->listener,
                                 clock_mono_us() - handshake->begun_us);
    end_handshake(client);
    client_touch(client, client_idle_timeout_ms(client));
    if (!tls_is_http2(&client->transport))
        client_http1_begin(client);
    else if (!client_http2_begin(client))
        client_destroy(client);
    if (!client->gone && client->transport.readable)
        client->protocol->readable(client);
}

static void step(struct turn *turn)
{
    struct handshake *handshake = container_of(turn, struct handshake, turn);
    struct client *client = handshake->client;
    struct transport *transport = &client->transport;
    struct iovec wire;
    if (!transport->tls && !tls_accept(transport, client->worker->tls, find_server, handshake)) {
        client_destroy(client);
        return;
    }
    enum tls_progress progress = tls_handshake(transport, &wire);
    if (wire.iov_len && !handshake->silent &&
        bytes_send_wire(&client->out, transport, &wire, 1) < 0) {
        client_destroy(client);
    } else if (progress == TLS_FAILED) {
        refuse(client);
    } else if (progress == TLS_DONE) {
        finish(client);
    }
}

static bool begin_handshake(struct client *client)
{
    struct worker *worker = client->worker;
    if (worker->handshake_count >= HANDSHAKES_MAX) {
        struct handshake *oldest = container_of(worker->handshakes.next, struct handshake, link);
        client_destroy(oldest->client);
    }
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake)
        return false;
    turn_init(&handshake->turn, step);
    handshake->client = client;
    handshake->endpoint = client->acceptor->endpoint;
    handshake->begun_us = clock_mono_us();
    if (handshake->endpoint->listener_count == 1)
        set_listener(handshake, handshake->endpoint->listeners[0]);
    handshake->view = worker_hold_view(worker);
    client->handshake = handshake;
    list_append(&worker->handshakes, &handshake->link);
    worker->handshake_count++;
    client_touch(client, HANDSHAKE_TIMEOUT_MS);
    return true;
}

/* Whoever speaks HTTP without TLS is told so in HTTP. */
static void look_at_first_byte(struct client *client)
{
    unsigned char byte;
    ssize_t got = recv(client->transport.fd, &byte, 1, MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        client->transport.readable = false;
    } else if (got <= 0 || !client->acceptor->endpoint) {
        client_destroy(client);
    } else if (byte != RECORD_HANDSHAKE) {
        client_http1_begin(client);
        client->protocol->readable(client);
    } else if (begin_handshake(client)) {
        turn_wait(&client->worker->handshake_turns, &client->handshake->turn);
    } else {
        client_destroy(client);
    }
}

static void readable(struct client *client)
{
    if (client->handshake)
        turn_wait(&client->worker->handshake_turns, &client->handshake->turn);
    else
        look_at_first_byte(client);
}

static void nothing(struct client *client)
{
    (void)client;
}

void client_tls_begin(struct client *client)
{
    static const struct client_protocol protocol = {
        .readable = readable,
        .drained = nothing,
        .resumed = nothing,
        .timed_out = client_destroy,
        .dismiss = client_destroy,
        .abandon = fail,
    };
    client->protocol = &protocol;
}
