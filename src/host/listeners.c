#include "host/listeners.h"

#include "base/cleanup.h"
#include "ipc/id.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { KEY_SIZE = ID_SIZE + 24, LISTENERS_MAX = 4096 };

struct listener {
    struct message_endpoint endpoint;
    int fd;
};

static bool is_valid(const char vpc[ID_SIZE], uint32_t port)
{
    return (!*vpc || id_is_valid(vpc, "vpc-")) && port <= 0xffff;
}

static const char *key_of(char key[KEY_SIZE], const struct message_endpoint *endpoint)
{
    snprintf(key, KEY_SIZE, "%s:%08x:%u", endpoint->vpc, endpoint->address, endpoint->port);
    return key;
}

static void send_listener(struct channel *balancer, const struct message_endpoint *endpoint, int fd,
                          int failure)
{
    struct message_listener answer = {*endpoint, (uint32_t)failure};
    if (balancer)
        channel_send(balancer, MESSAGE_LISTENER, &answer, sizeof answer, NULL, 0, &fd,
                     failure ? 0 : 1);
}

static struct listener *open_new(struct listeners *listeners,
                                 const struct message_endpoint *endpoint, int *ret_failure)
{
    char key[KEY_SIZE];
    struct err err = {0};
    auto_free struct listener *listener = calloc(1, sizeof *listener);
    *ret_failure = listeners->by_endpoint.count < LISTENERS_MAX ? ENOMEM : EMFILE;
    if (!listener || *ret_failure == EMFILE)
        return NULL;
    auto_fd int fd = net_open_listener(listeners->net, endpoint->vpc, endpoint->address,
                                       (uint16_t)endpoint->port, &err);
    if (fd < 0) {
        *ret_failure = err.number ? err.number : EADDRNOTAVAIL;
        return NULL;
    }
    if (map_set(&listeners->by_endpoint, key_of(key, endpoint), listener) < 0)
        return NULL;
    *listener = (struct listener){*endpoint, fd_take(&fd)};
    return ptr_take(&listener);
}

/* Whether it is what the balancer says: only the balancer itself gets it again, but only that. */
static bool listens_on(int fd, const struct message_endpoint *endpoint)
{
    struct sockaddr_in address = {0};
    socklen_t address_size = sizeof address;
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening &&
           getsockname(fd, (struct sockaddr *)&address, &address_size) == 0 &&
           address.sin_family == AF_INET && ntohs(address.sin_port) == endpoint->port &&
           ntohl(address.sin_addr.s_addr) == endpoint->address;
}

void listeners_keep(struct listeners *listeners, const struct message_endpoint *endpoint, int fd)
{
    char key[KEY_SIZE];
    auto_fd int owned = fd;
    if (!is_valid(endpoint->vpc, endpoint->port) || !listens_on(fd, endpoint) ||
        listeners->by_endpoint.count >= LISTENERS_MAX ||
        map_get(&listeners->by_endpoint, key_of(key, endpoint)))
        return;
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener || map_set(&listeners->by_endpoint, key_of(key, endpoint), listener) < 0) {
        free(listener);
        return;
    }
    *listener = (struct listener){*endpoint, fd_take(&owned)};
}

void listeners_open(struct listeners *listeners, const struct message_endpoint *endpoint,
                    struct channel *balancer)
{
    char key[KEY_SIZE];
    int failure = 0;
    if (!is_valid(endpoint->vpc, endpoint->port))
        return;
    const struct listener *listener = map_get(&listeners->by_endpoint, key_of(key, endpoint));
    if (!listener)
        listener = open_new(listeners, endpoint, &failure);
    send_listener(balancer, endpoint, listener ? listener->fd : -1, listener ? 0 : failure);
}

static void forget(struct listeners *listeners, struct listener *listener)
{
    char key[KEY_SIZE];
    map_remove(&listeners->by_endpoint, key_of(key, &listener->endpoint));
    close(listener->fd);
    free(listener);
}

void listeners_close(struct listeners *listeners, const struct message_endpoint *endpoint)
{
    char key[KEY_SIZE];
    if (!is_valid(endpoint->vpc, endpoint->port))
        return;
    struct listener *listener = map_get(&listeners->by_endpoint, key_of(key, endpoint));
    if (listener)
        forget(listeners, listener);
}

void listeners_close_vpc(struct listeners *listeners, const char *vpc)
{
    for (struct map_entry *entry = listeners->by_endpoint.first, *next; entry; entry = next) {
        struct listener *listener = entry->value;
        next = entry->next;
        if (!strcmp(listener->endpoint.vpc, vpc))
            forget(listeners, listener);
    }
}

void listeners_send_all(struct listeners *listeners, struct channel *balancer)
{
    map_each (entry, &listeners->by_endpoint) {
        const struct listener *listener = entry->value;
        send_listener(balancer, &listener->endpoint, listener->fd, 0);
    }
}

void listeners_send_sockets(struct listeners *listeners, const struct message_sockets *wanted,
                            struct channel *balancer)
{
    int sockets[MESSAGE_DESCRIPTORS_MAX];
    struct err ignored;
    struct message_sockets answer = *wanted;
    if (!is_valid(wanted->vpc, 0) || !balancer)
        return;
    if (answer.count > MESSAGE_DESCRIPTORS_MAX)
        answer.count = MESSAGE_DESCRIPTORS_MAX;
    if (net_open_sockets(listeners->net, answer.vpc, answer.address, (int)answer.count, sockets,
                         &ignored) < 0)
        answer.count = 0; /* the VPC is going, or not yet there: the balancer asks again */
    channel_send(balancer, MESSAGE_SOCKETS, &answer, sizeof answer, NULL, 0, sockets,
                 (int)answer.count);
    for (uint32_t i = 0; i < answer.count; i++)
        close(sockets[i]);
}

void listeners_open_service(struct listeners *listeners, const struct message_endpoint *endpoint,
                            struct channel *api)
{
    struct err err = {0};
    struct message_listener answer = {*endpoint, 0};
    bool is_place = *endpoint->vpc || endpoint->address == net_service_address(listeners->net);
    if (!is_valid(endpoint->vpc, endpoint->port) || !is_place || !api ||
        (endpoint->port != 80 && endpoint->port != 443))
        return;
    auto_fd int fd = net_open_listener(listeners->net, endpoint->vpc, endpoint->address,
                                       (uint16_t)endpoint->port, &err);
    if (fd < 0)
        answer.failed = (uint32_t)(err.number ? err.number : EADDRNOTAVAIL);
    channel_send(api, MESSAGE_SERVICE, &answer, sizeof answer, NULL, 0, &fd, fd < 0 ? 0 : 1);
}

void listeners_finish(struct listeners *listeners)
{
    while (listeners->by_endpoint.first)
        forget(listeners, listeners->by_endpoint.first->value);
    map_finish(&listeners->by_endpoint);
}
