/*
 * Addresses, routes and routing rules of a VPC.
 *
 * The route table of a packet is that of its source's subnet; a forwarder's link, which may send
 * packets of others, says itself which subnet it is in. Rules ask tables in this order:
 *
 *     of a forwarder's link:             members within its subnet, overrides, members, route
 *                                        table; or nothing
 *     of a link to a peered VPC:         members; or nothing
 *     within a subnet with overrides:    members
 *     of a subnet with overrides:        overrides: routes more specific than the local ones
 *     of anyone:                         members: the addresses of interfaces; none else in the VPC
 *     of a subnet:                       its route table; or nothing
 */
#include "host/net/routing.h"

#include "host/net/link.h"

#include <linux/fib_rules.h>
#include <stdio.h>
#include <string.h>

/* A set under construction, and what it is for. */
struct desire {
    struct route_set set;
    const struct fabric_view *view;
    const struct net *net;
    struct vpc *vpc;
};

static void add_address(struct desire *desire, uint32_t address)
{
    route_set_add(&desire->set, &(struct route){.sort = SORT_ADDRESS,
                                                .network = address,
                                                .prefix = 32,
                                                .link = LINK_LOOPBACK});
}

/* The router answers for its own addresses, each subnet's gateway, and balancers. */
static void desire_addresses(struct desire *desire)
{
    const struct fabric_view *view = desire->view;

    add_address(desire, (uint32_t)ROUTER_IMDS);
    add_address(desire, (uint32_t)ROUTER_DNS);
    add_address(desire, view->blocks[0].network + ROUTER_RESOLVER_OFFSET);
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        add_address(desire, view->subnets[i].network + ROUTER_GATEWAY_OFFSET);
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (view->interfaces[view->addresses[i].interface].kind == INTERFACE_BALANCER)
            add_address(desire, view->addresses[i].address);
}

/* ---- rules ---- */

/* Whether a route is more specific than a local one. */
static bool overrides(const struct fabric_view *view, const struct fabric_route *route)
{
    for (uint32_t i = 0; i < view->fabric->block_count; i++) {
        const struct fabric_block *block = &view->blocks[i];
        if (block->peer == FABRIC_OWN_BLOCK && route->prefix > block->prefix &&
            (route->network & fabric_mask(block->prefix)) == block->network)
            return true;
    }
    return false;
}

static bool table_overrides(const struct fabric_view *view, uint16_t table)
{
    for (uint32_t i = 0; i < view->fabric->route_count; i++)
        if (view->routes[i].table == table && overrides(view, &view->routes[i]))
            return true;
    return false;
}

static void add_rule(struct desire *desire, uint32_t priority, const struct fabric_subnet *source,
                     uint32_t table)
{
    struct route rule = {
        .sort = SORT_RULE, .priority = priority, .type = FR_ACT_TO_TBL, .table = table};
    if (source) {
        rule.network = source->network;
        rule.prefix = source->prefix;
    }
    route_set_add(&desire->set, &rule);
}

static void desire_subnet_rules(struct desire *desire, const struct fabric_subnet *subnet)
{
    if (table_overrides(desire->view, subnet->table)) {
        struct route within = {.sort = SORT_RULE,
                               .priority = ROUTER_PRIORITY_WITHIN,
                               .network = subnet->network,
                               .prefix = subnet->prefix,
                               .target = subnet->network,
                               .target_prefix = subnet->prefix,
                               .type = FR_ACT_TO_TBL,
                               .table = ROUTER_TABLE_MEMBERS};
        route_set_add(&desire->set, &within);
        add_rule(desire, ROUTER_PRIORITY_OVERRIDES, subnet, ROUTER_TABLE_OVERRIDES + subnet->table);
    }
    add_rule(desire, ROUTER_PRIORITY_SUBNETS, subnet, ROUTER_TABLE_FIRST + subnet->table);
}

static struct route link_rule(const char *name)
{
    struct route rule = {
        .sort = SORT_RULE, .priority = ROUTER_PRIORITY_LINKS, .type = FR_ACT_TO_TBL};
    snprintf(rule.from, sizeof(rule.from), "%s", name);
    return rule;
}

/* What comes from a link asks these tables, which end with 0, and no others. */
static void add_link_rules(struct desire *desire, const char *name, const uint32_t *tables)
{
    struct route rule = link_rule(name);

    rule.priority++;
    do {
        rule.table = *tables;
        rule.type = *tables ? FR_ACT_TO_TBL : FR_ACT_BLACKHOLE;
        route_set_add(&desire->set, &rule);
        rule.priority++;
    } while (*tables++);
}

/*
 * A forwarder's packets go by the route table of its own subnet, whoever they are from; within the
 * subnet no route leads them.
 */
static void desire_forwarder_rules(struct desire *desire, const struct fabric_interface *interface)
{
    const struct fabric_subnet *subnet = &desire->view->subnets[interface->subnet];
    uint16_t number = subnet->table;
    const uint32_t tables[] = {ROUTER_TABLE_OVERRIDES + number, ROUTER_TABLE_MEMBERS,
                               ROUTER_TABLE_FIRST + number, 0};
    char name[NET_LINK_NAME_SIZE];

    net_link_name(name, interface->id);
    struct route within = link_rule(name);
    within.target = subnet->network;
    within.target_prefix = subnet->prefix;
    within.table = ROUTER_TABLE_MEMBERS;
    route_set_add(&desire->set, &within);
    add_link_rules(desire, name, tables);
}

/* A peer's packets go to members, never through this VPC. */
static void desire_peer_rules(struct desire *desire, const struct fabric_peer *peer)
{
    static const uint32_t tables[] = {ROUTER_TABLE_MEMBERS, 0};
    char name[NET_LINK_NAME_SIZE];

    net_peer_link_name(name, peer->id);
    add_link_rules(desire, name, tables);
}

static void desire_rules(struct desire *desire)
{
    const struct fabric_view *view = desire->view;

    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        if (fabric_is_forwarder(&view->interfaces[i]))
            desire_forwarder_rules(desire, &view->interfaces[i]);
    for (uint32_t i = 0; i < view->fabric->peer_count; i++)
        desire_peer_rules(desire, &view->peers[i]);
    add_rule(desire, ROUTER_PRIORITY_MEMBERS, NULL, ROUTER_TABLE_MEMBERS);
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        desire_subnet_rules(desire, &view->subnets[i]);
    route_set_add(&desire->set, &(struct route){.sort = SORT_RULE,
                                                .priority = ROUTER_PRIORITY_NOTHING,
                                                .type = FR_ACT_BLACKHOLE});
}

/* ---- routes ---- */

static uint32_t primary_address(const struct fabric_view *view, uint32_t interface)
{
    const struct fabric_address *address = view->addresses;
    while (address->interface != interface)
        address++;
    return address->address;
}

/* Where a route leads now: 1, or 0: nowhere. */
static int find_target(const struct desire *desire, const struct fabric_route *wanted,
                       struct route *route, struct err *err)
{
    const struct fabric_view *view = desire->view;
    char name[NET_LINK_NAME_SIZE];
    struct link link;

    if (wanted->kind == ROUTE_INTERNET_GATEWAY) {
        route->link = (uint32_t)desire->vpc->internet_link;
        route->gateway = (uint32_t)ROUTER_HOST_END;
        return 1;
    }
    if (wanted->kind == ROUTE_PEER) {
        net_peer_link_name(name, view->peers[wanted->target].id);
        route->gateway = (uint32_t)ROUTER_PEER_END;
    } else if (wanted->kind == ROUTE_INTERFACE &&
               fabric_is_forwarder(&view->interfaces[wanted->target])) {
        net_link_name(name, view->interfaces[wanted->target].id);
        route->gateway = primary_address(view, wanted->target);
    } else {
        return 0; /* an interface that checks destinations would drop what it is sent */
    }
    if (link_find(&desire->vpc->rtnl, name, &link, err) < 0)
        return -1;
    route->link = (uint32_t)link.index;
    return link.index != 0;
}

/* An interface that checks destinations takes from a route what is for itself. */
static int desire_own(struct desire *desire, const struct fabric_route *wanted, uint32_t table,
                      struct err *err)
{
    const struct fabric_view *view = desire->view;
    char name[NET_LINK_NAME_SIZE];
    struct link link;

    net_link_name(name, view->interfaces[wanted->target].id);
    if (link_find(&desire->vpc->rtnl, name, &link, err) < 0)
        return -1;
    for (uint32_t i = 0; link.index && i < view->fabric->address_count; i++) {
        uint32_t address = view->addresses[i].address;
        if (view->addresses[i].interface != wanted->target ||
            (address & fabric_mask(wanted->prefix)) != wanted->network)
            continue;
        route_set_add(&desire->set,
                      &(struct route){.sort = SORT_ROUTE,
                                      .network = address,
                                      .prefix = 32,
                                      .type = RTN_UNICAST,
                                      .table = table,
                                      .priority = ROUTER_METRIC_OWN,
                                      .link = (uint32_t)link.index,
                                      .gateway = primary_address(view, wanted->target)});
    }
    return 0;
}

/*
 * Beneath what depends on a link lies a blackhole: when the link goes, so does its route, and a
 * less specific one must not take its place.
 */
static int desire_route(struct desire *desire, const struct fabric_route *wanted, struct err *err)
{
    uint32_t first = overrides(desire->view, wanted) ? ROUTER_TABLE_OVERRIDES : ROUTER_TABLE_FIRST;
    struct route route = {.sort = SORT_ROUTE,
                          .network = wanted->network,
                          .prefix = wanted->prefix,
                          .type = RTN_UNICAST,
                          .table = first + wanted->table};
    struct route nowhere = route;

    nowhere.type = RTN_BLACKHOLE;
    nowhere.priority = ROUTER_METRIC_NOWHERE;
    if (wanted->kind != ROUTE_INTERNET_GATEWAY)
        route_set_add(&desire->set, &nowhere);
    int found = find_target(desire, wanted, &route, err);
    if (found > 0)
        route_set_add(&desire->set, &route);
    else if (found == 0 && wanted->kind == ROUTE_INTERFACE)
        return desire_own(desire, wanted, route.table, err);
    return found;
}

/* Of an interface's addresses, plugging it in has routed the primary one only. */
static bool is_secondary(const struct fabric_view *view, uint32_t index)
{
    return index > 0 && view->addresses[index].interface == view->addresses[index - 1].interface;
}

/* By the primary address, whose neighbour is known: nobody else can answer for it. */
static int desire_secondary(struct desire *desire, const struct fabric_address *address,
                            struct err *err)
{
    const struct fabric_interface *interface = &desire->view->interfaces[address->interface];
    char name[NET_LINK_NAME_SIZE];
    struct link link;

    if (interface->kind == INTERFACE_BALANCER)
        return 0; /* the router's own */
    net_link_name(name, interface->id);
    if (link_find(&desire->vpc->rtnl, name, &link, err) < 0)
        return -1;
    if (link.index)
        route_set_add(&desire->set, &(struct route){.sort = SORT_ROUTE,
                                                    .network = address->address,
                                                    .prefix = 32,
                                                    .type = RTN_UNICAST,
                                                    .table = ROUTER_TABLE_MEMBERS,
                                                    .link = (uint32_t)link.index,
                                                    .gateway = primary_address(
                                                        desire->view, address->interface)});
    return 0;
}

static int desire_routes(struct desire *desire, struct err *err)
{
    const struct fabric_view *view = desire->view;

    for (uint32_t i = 0; i < view->fabric->block_count; i++)
        if (view->blocks[i].peer == FABRIC_OWN_BLOCK)
            route_set_add(&desire->set, &(struct route){.sort = SORT_ROUTE,
                                                        .network = view->blocks[i].network,
                                                        .prefix = view->blocks[i].prefix,
                                                        .type = RTN_BLACKHOLE,
                                                        .table = ROUTER_TABLE_MEMBERS});
    for (uint32_t i = 0; i < view->fabric->route_count; i++)
        if (desire_route(desire, &view->routes[i], err) < 0)
            return -1;
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (is_secondary(view, i) && desire_secondary(desire, &view->addresses[i], err) < 0)
            return -1;
    return 0;
}

static void desire_public(struct desire *desire)
{
    const struct fabric_view *view = desire->view;

    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (view->addresses[i].public_address)
            route_set_add(&desire->set,
                          &(struct route){.sort = SORT_ROUTE,
                                          .network = view->addresses[i].public_address,
                                          .prefix = 32,
                                          .type = RTN_UNICAST,
                                          .table = host_side_table(desire->net),
                                          .link = (uint32_t)desire->vpc->host_link,
                                          .gateway = (uint32_t)ROUTER_VPC_END,
                                          .source = desire->net->host_address});
}

/* ---- both sides ---- */

static int apply_inside(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                        struct err *err)
{
    struct desire desire = {.view = view, .net = net, .vpc = vpc};

    desire_addresses(&desire);
    desire_rules(&desire);
    int result = desire_routes(&desire, err);
    if (result >= 0)
        result = route_set_apply(&vpc->rtnl, &vpc->inside, &desire.set, err);
    route_set_reset(&desire.set);
    return result;
}

static int apply_outside(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                         struct err *err)
{
    struct desire desire = {.view = view, .net = net, .vpc = vpc};

    desire_public(&desire);
    int result = route_set_apply(&net->rtnl, &vpc->outside, &desire.set, err);
    route_set_reset(&desire.set);
    return result;
}

int routing_apply(struct net *net, struct vpc *vpc, const struct fabric_view *view, struct err *err)
{
    return apply_inside(net, vpc, view, err) < 0 || apply_outside(net, vpc, view, err) < 0 ? -1 : 0;
}

static bool depends_on_links(const struct fabric_view *view)
{
    for (uint32_t i = 0; i < view->fabric->route_count; i++)
        if (view->routes[i].kind == ROUTE_INTERFACE || view->routes[i].kind == ROUTE_PEER)
            return true;
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (is_secondary(view, i))
            return true;
    return false;
}

int routing_refresh(struct net *net, struct vpc *vpc, struct err *err)
{
    struct fabric_view view;

    if (!vpc->message || fabric_view(&view, vpc->message, vpc->message_size, err) < 0)
        return vpc->message ? -1 : 0;
    return depends_on_links(&view) ? apply_inside(net, vpc, &view, err) : 0;
}

/* ---- what an earlier process left ---- */

/* Whether a route inside is one that is asked for here (plug.c's have no gateway and go with their
 * links). */
static bool is_ours_inside(const struct route *route, const void *owner)
{
    (void)owner;
    switch (route->sort) {
    case SORT_ADDRESS:
        return route->link == LINK_LOOPBACK && route->network >> 24 != 127;
    case SORT_ROUTE:
        return route->table >= ROUTER_TABLE_FIRST ||
               (route->table == ROUTER_TABLE_MEMBERS &&
                (route->type == RTN_BLACKHOLE || route->gateway));
    default:
        return route->priority >= ROUTER_PRIORITY_LINKS &&
               route->priority <= ROUTER_PRIORITY_NOTHING;
    }
}

struct outside {
    uint32_t table;
    int link;
};

static bool is_ours_outside(const struct route *route, const void *owner)
{
    const struct outside *outside = owner;
    return route->sort == SORT_ROUTE && route->table == outside->table &&
           (int)route->link == outside->link;
}

int routing_load(struct net *net, struct vpc *vpc, struct err *err)
{
    struct outside outside = {.table = host_side_table(net), .link = vpc->host_link};
    if (route_set_load(&vpc->rtnl, &vpc->inside, is_ours_inside, NULL, err) < 0 ||
        route_set_load(&net->rtnl, &vpc->outside, is_ours_outside, &outside, err) < 0)
        return -1;
    return 0;
}
