#include "daemon/service_ports.h"

#include "base/cleanup.h"
#include "base/map.h"
#include "os/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_SIZE = ID_SIZE + 32, TLS_PORT = 443, PEER_CONNECTIONS_MAX = 64, RETRY_MS = 5000 };

struct port {
    struct message_endpoint endpoint;
    struct front *front; /* NULL: the host has not given a listener yet */
    bool wanted, told;   /* told: that it failed was logged */
};

struct service_ports {
    struct service_ports_options options;
    struct front_certificates *certificates;
    struct map ports; /* struct port */
    struct loop_timer retry;
};

static const char *key_of(char key[KEY_SIZE], const struct message_endpoint *endpoint)
{
    snprintf(key, KEY_SIZE, "%.*s %08x %u", ID_SIZE, endpoint->vpc, endpoint->address,
             endpoint->port);
    return key;
}

static void ask_missing(struct loop_timer *timer)
{
    struct service_ports *ports = timer->owner;
    map_each (entry, &ports->ports) {
        const struct port *port = entry->value;
        if (!port->front)
            ports->options.open(ports->options.arg, &port->endpoint);
    }
}

struct service_ports *service_ports_create(const struct service_ports_options *options,
                                           struct err *err)
{
    struct service_ports *ports = calloc(1, sizeof *ports);
    if (!ports) {
        err_set(err, "out of memory");
        return NULL;
    }
    ports->options = *options;
    loop_timer_init(&ports->retry, ask_missing, ports);
    struct front_options *front = &ports->options.front;
    const struct front_certificates_options certificates = {.store = front->store,
                                                            .world = front->world,
                                                            .account = front->account,
                                                            .cloud_now_ms = front->cloud_now_ms,
                                                            .arg = front->arg};
    ports->certificates = front_certificates_create(&certificates, err);
    front->authenticate = true;
    front->root_key = false;
    front->control = NULL;
    front->peer_connections_max = PEER_CONNECTIONS_MAX;
    if (ports->certificates)
        return ports;
    free(ports);
    return NULL;
}

static void forget(struct service_ports *ports, struct port *port)
{
    char key[KEY_SIZE];
    map_remove(&ports->ports, key_of(key, &port->endpoint));
    front_destroy(port->front);
    free(port);
}

void service_ports_destroy(struct service_ports *ports)
{
    if (!ports)
        return;
    while (ports->ports.first)
        forget(ports, ports->ports.first->value);
    map_finish(&ports->ports);
    loop_timer_clear(ports->options.loop, &ports->retry);
    front_certificates_destroy(ports->certificates);
    free(ports);
}

static void want(struct service_ports *ports, const struct message_endpoint *endpoint)
{
    char key[KEY_SIZE];
    struct port *port = map_get(&ports->ports, key_of(key, endpoint));
    if (!port) {
        port = calloc(1, sizeof *port);
        if (!port || map_set(&ports->ports, key, port) < 0) {
            free(port);
            return;
        }
        port->endpoint = *endpoint;
        ports->options.open(ports->options.arg, endpoint);
    }
    port->wanted = true;
}

void service_ports_want(struct service_ports *ports, const struct message_endpoint *wanted,
                        size_t count)
{
    map_each (entry, &ports->ports)
        ((struct port *)entry->value)->wanted = false;
    for (size_t i = 0; i < count; i++)
        want(ports, &wanted[i]);
    for (struct map_entry *entry = ports->ports.first, *next; entry; entry = next) {
        struct port *port = entry->value;
        next = entry->next;
        if (!port->wanted)
            forget(ports, port);
    }
    /* What a host that was restarted meanwhile never heard of is asked again. */
    loop_timer_set(ports->options.loop, &ports->retry, RETRY_MS);
}

/* Once for each: a program that holds the port may do so for long. */
static void tell_failure(struct port *port, int failure)
{
    uint32_t a = port->endpoint.address;
    if (!port->told)
        log_warn("AWS's APIs cannot answer instances at %u.%u.%u.%u:%u%s%.*s: %s", a >> 24,
                 a >> 16 & 255, a >> 8 & 255, a & 255, port->endpoint.port,
                 *port->endpoint.vpc ? " in " : "", ID_SIZE, port->endpoint.vpc, strerror(failure));
    port->told = true;
}

void service_ports_receive(struct service_ports *ports, const struct message_listener *listener,
                           int fd)
{
    char key[KEY_SIZE];
    struct err err;
    auto_fd int owned = fd;
    struct port *port = map_get(&ports->ports, key_of(key, &listener->endpoint));
    if (!port || port->front)
        return;
    if (fd < 0) {
        tell_failure(port, (int)listener->failed);
        loop_timer_set(ports->options.loop, &ports->retry, RETRY_MS);
        return;
    }
    struct front_options options = ports->options.front;
    options.certificates = port->endpoint.port == TLS_PORT ? ports->certificates : NULL;
    port->front = front_create(&options, ports->options.loop, fd, &err);
    if (port->front)
        fd_take(&owned);
    else
        log_error("the port %u for instances: %s", port->endpoint.port, err.text);
}

void service_ports_go_on(struct service_ports *ports)
{
    map_each (entry, &ports->ports) {
        const struct port *port = entry->value;
        if (port->front)
            front_go_on(port->front);
    }
}
