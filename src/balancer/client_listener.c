/* Which listener, and so which load balancer, a connection and its requests are for. */
#include "balancer/access_record.h"
#include "balancer/client.h"
#include "balancer/rules.h"

#include <string.h>
#include <strings.h>

static bool is_allowed(const struct load_balancer *load_balancer, uint32_t address, uint16_t port)
{
    for (int i = 0; i < load_balancer->source_count; i++) {
        const struct allowed_source *source = &load_balancer->sources[i];
        if ((address & source->mask) == source->network && port >= source->port_from &&
            port <= source->port_to)
            return true;
    }
    return false;
}

bool client_is_allowed(const struct client *client, const struct listener *listener)
{
    return client->acceptor->endpoint->node >= 0 ||
           is_allowed(listener->load_balancer, client->peer.address, listener->port);
}

static bool has_dns_name(const struct listener *listener, struct slice name)
{
    const char *dns_name = listener->load_balancer->dns_name;
    return strlen(dns_name) == name.size && strncasecmp(dns_name, name.data, name.size) == 0;
}

/* Of those with TLS, or of those without. */
static const struct listener *listener_by_host(const struct endpoint *endpoint, struct slice host,
                                               bool tls)
{
    const struct listener *only = NULL;
    struct slice name = rules_host_name(host);
    int count = 0;
    for (int i = 0; i < endpoint->listener_count; i++) {
        const struct listener *listener = endpoint->listeners[i];
        if ((listener->tls != NULL) != tls)
            continue;
        if (has_dns_name(listener, name))
            return listener;
        only = listener;
        count++;
    }
    return count == 1 ? only : NULL;
}

const struct listener *client_listener_by_name(const struct endpoint *endpoint, struct slice name)
{
    if (endpoint->node >= 0)
        return endpoint->listeners[0]->tls ? endpoint->listeners[0] : NULL;
    const struct listener *certified = NULL;
    for (int i = 0; i < endpoint->listener_count; i++) {
        const struct listener *listener = endpoint->listeners[i];
        if (listener->tls && has_dns_name(listener, name))
            return listener;
        if (listener->tls && !certified && tls_server_has_name(listener->tls, name))
            certified = listener;
    }
    return certified;
}

void client_uncount(struct client *client)
{
    if (!client->peer.cell)
        return;
    counter_add(&client_counters(client)->active_connections, (uint64_t)-1);
    atomic_fetch_sub(&client->peer.cell->uses, 1);
    client->peer.cell = NULL;
}

/* On the host, which is every node's address: the node number `from`, or the next one in DNS. */
static int node_in_dns(const struct load_balancer *load_balancer, int from)
{
    int node = from % load_balancer->node_count;
    for (int i = 0; i < load_balancer->node_count; i++) {
        if (atomic_load_explicit(&load_balancer->nodes[node].in_dns, memory_order_relaxed))
            return node;
        node = (node + 1) % load_balancer->node_count;
    }
    return node;
}

/* Nodes come and go while a connection lasts, and on the host the next request may be for another
 * load balancer. */
void client_count(struct client *client, const struct listener *listener, int node)
{
    const struct load_balancer *load_balancer = listener->load_balancer;
    client->peer.node =
        (uint16_t)(node >= 0 ? node : node_in_dns(load_balancer, client->peer.node));
    struct cell *cell = load_balancer->nodes[client->peer.node].cell;
    if (client->peer.cell == cell)
        return;
    client_uncount(client);
    client->peer.cell = cell;
    client->keep_alive_ms = load_balancer->attributes.client_keep_alive_ms;
    atomic_fetch_add(&cell->uses, 1);
    counter_add(&client_counters(client)->new_connections, 1);
    counter_add(&client_counters(client)->active_connections, 1);
    if (!listener->tls) /* else when its handshake is over */
        access_record_connection(client->worker, &client->peer, listener, -1);
}

const struct listener *client_listener(const struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    return endpoint && endpoint->listener_count == 1 && client->peer.cell ? endpoint->listeners[0]
                                                                          : NULL;
}

/* On the host: by the name asked for in the handshake, or else by the request's Host. */
static const struct listener *find_on_host(const struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    const struct http1_head *head = &client->worker->head;
    bool tls = client->transport.tls != NULL;
    const char *name = tls ? tls_server_name(&client->transport) : NULL;
    const struct listener *listener =
        name ? client_listener_by_name(endpoint, (struct slice){name, strlen(name)}) : NULL;
    if (listener)
        return listener;
    struct slice host = {"", 0};
    if (head->known.host >= 0)
        host = head->headers[head->known.host].value;
    return listener_by_host(endpoint, host, tls);
}

const struct listener *client_find_listener(struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    if (!endpoint)
        return NULL;
    const struct listener *listener = endpoint->listeners[0];
    if (endpoint->node < 0)
        listener = find_on_host(client);
    else if ((listener->tls != NULL) != (client->transport.tls != NULL))
        listener = NULL;
    if (listener && !client_is_allowed(client, listener)) {
        client->silent = true;
        return NULL;
    }
    if (listener)
        client_count(client, listener, endpoint->node);
    return listener;
}
