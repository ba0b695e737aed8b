#include "http/server.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "http/server_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_MS = 100 };

/* --- accepting --- */

/* Accepts again or not, by how many connections there are. */
void server_update_accepting(struct http_server *server)
{
    bool accept = server->connection_count < server->options.connections_max && !server->paused;
    struct err ignored;
    loop_modify(server->loop, &server->listener, accept ? EPOLLIN : 0, &ignored);
}

static void on_pause_end(struct loop_timer *timer)
{
    struct http_server *server = timer->owner;
    server->paused = false;
    server_update_accepting(server);
}

/* Out of descriptors or memory: the connection stays in the queue; look again soon. */
static void pause_accepting(struct http_server *server)
{
    server->paused = true;
    loop_timer_set(server->loop, &server->pause_timer, ACCEPT_PAUSE_MS);
}

/* Whether this address has all the connections that it may have, so that others get some. */
static bool is_greedy(const struct http_server *server, struct in_addr address)
{
    int limit = server->options.peer_connections_max, count = 0;
    if (!limit)
        return false;
    list_each (exchange, &server->connections, struct http_exchange, link)
        count += exchange->peer.sin_addr.s_addr == address.s_addr;
    return count >= limit;
}

static void on_listener(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct http_server *server = watch->owner;
    while (server->connection_count < server->options.connections_max) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof(peer);
        int fd = accept4(watch->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                pause_accepting(server);
            break;
        }
        if (is_greedy(server, peer.sin_addr)) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connection_start(server, fd, peer);
    }
    server_update_accepting(server);
}

struct http_server *http_server_create(struct loop *loop, int listen_fd,
                                       const struct http_server_options *options, void *owner,
                                       struct err *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        err_set(err, "out of memory");
        return NULL;
    }
    server->loop = loop;
    server->options = *options;
    server->owner = owner;
    server->listener = (struct loop_watch){.fd = -1, .on_event = on_listener, .owner = server};
    list_init(&server->connections);
    loop_timer_init(&server->pause_timer, on_pause_end, server);
    if (loop_watch(loop, &server->listener, listen_fd, EPOLLIN, err) < 0) {
        free(server);
        return NULL;
    }
    server->listen_fd = listen_fd;
    return server;
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    list_each_safe (connection, &server->connections, struct http_exchange, link)
        connection_free(connection);
    loop_timer_clear(server->loop, &server->pause_timer);
    loop_unwatch(server->loop, &server->listener);
    close(server->listen_fd);
    free(server);
}

/* --- what the owner asks of an exchange --- */

const struct http1_head *http_request_head(const struct http_exchange *exchange)
{
    return &exchange->head;
}

struct slice http_request_body(const struct http_exchange *exchange)
{
    return (struct slice){exchange->body.data ? exchange->body.data : "", exchange->body.size};
}

struct sockaddr_in http_peer(const struct http_exchange *exchange)
{
    return exchange->peer;
}

int http_connection_fd(const struct http_exchange *exchange)
{
    return exchange->transport.fd;
}
