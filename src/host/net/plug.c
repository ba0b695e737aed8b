/* The link of a network interface: ethN in the instance, and the router's end of it. */
#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/namespace.h"
#include "host/net/router.h"
#include "host/net/routing.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <stdio.h>
#include <string.h>

/* Tables and priorities in an instance: packets leave by the interface whose address they have. */
enum {
    OWN_TABLE = 10000, /* + device index */
    MAIN_METRIC = 512, /* + device index: of the way out by other interfaces than the first */
    OWN_PREFIX = 32,
};

static int check_interface(const struct instance_interface *interface, struct err *err)
{
    const char *id = interface->id;

    if (fabric_check_id(id, "eni-", err) < 0)
        return -1;
    if (interface->device_index >= INSTANCE_INTERFACES_MAX)
        return err_set(err, "%s has no device index", id);
    if (!interface->address_count || interface->address_count > INTERFACE_ADDRESSES_MAX)
        return err_set(err, "%s has no address, or too many", id);
    if (interface->prefix < 8 || interface->prefix > 30)
        return err_set(err, "%s has no subnet", id);
    for (uint32_t i = 0; i < interface->address_count; i++)
        if ((interface->addresses[i] ^ interface->gateway) & fabric_mask(interface->prefix))
            return err_set(err, "the gateway of %s lies outside its subnet", id);
    return 0;
}

static int remove_old(struct vpc *vpc, const char *name, struct err *err)
{
    struct link link;
    if (link_find(&vpc->rtnl, name, &link, err) < 0)
        return -1;
    return link.index ? link_delete(&vpc->rtnl, link.index, err) : 0;
}

/* The router's end. Its own MAC address is the gateway's, whichever instance asks. */
static int set_up_router_end(struct net *net, struct vpc *vpc, const char *name,
                             const struct instance_interface *interface, struct link *link,
                             struct err *err)
{
    uint32_t address = interface->addresses[0];

    if (link_find(&vpc->rtnl, name, link, err) < 0 || namespace_enter(vpc->namespace_fd, err) < 0)
        return -1;
    int set = namespace_set("0", err, "ipv4/neigh/%s/proxy_delay", name);
    struct err failure;
    if (namespace_enter(net->host_fd, set < 0 ? &failure : err) < 0 || set < 0 ||
        link_up(&vpc->rtnl, link->index, err) < 0)
        return -1;
    struct route member = {.sort = SORT_ROUTE,
                           .network = address,
                           .prefix = 32,
                           .type = RTN_UNICAST,
                           .table = ROUTER_TABLE_MEMBERS,
                           .link = (uint32_t)link->index};
    if (link_add_neighbour(&vpc->rtnl, link->index, address, interface->mac, err) < 0)
        return -1;
    return route_add(&vpc->rtnl, &member, err);
}

/* ---- inside ---- */

static void add_way_out(struct route_set *set, const struct instance_interface *interface, int link,
                        uint32_t table, uint32_t metric)
{
    route_set_add(set, &(struct route){.sort = SORT_ROUTE,
                                       .priority = metric,
                                       .type = RTN_UNICAST,
                                       .table = table,
                                       .link = (uint32_t)link,
                                       .gateway = interface->gateway});
}

static void add_own_rule(struct route_set *set, uint32_t address, uint32_t table)
{
    route_set_add(set, &(struct route){.sort = SORT_RULE,
                                       .priority = table,
                                       .network = address,
                                       .prefix = OWN_PREFIX,
                                       .type = FR_ACT_TO_TBL,
                                       .table = table});
}

/* What an instance has for an interface, besides its primary address and its gateway's. */
static void desire_inside(struct route_set *set, const struct instance_interface *interface,
                          int link)
{
    uint32_t index = interface->device_index, table = OWN_TABLE + index;

    for (uint32_t i = 1; i < interface->address_count; i++)
        route_set_add(set, &(struct route){.sort = SORT_ADDRESS,
                                           .network = interface->addresses[i],
                                           .prefix = OWN_PREFIX,
                                           .link = (uint32_t)link});
    add_way_out(set, interface, link, RT_TABLE_MAIN, index ? MAIN_METRIC + index : 0);
    if (index == 0)
        return;
    add_way_out(set, interface, link, table, 0);
    route_set_add(set,
                  &(struct route){.sort = SORT_ROUTE,
                                  .network = interface->gateway & fabric_mask(interface->prefix),
                                  .prefix = interface->prefix,
                                  .type = RTN_UNICAST,
                                  .table = table,
                                  .link = (uint32_t)link,
                                  .source = interface->addresses[0]});
    for (uint32_t i = 0; i < interface->address_count; i++)
        add_own_rule(set, interface->addresses[i], table);
}

static int apply_inside(struct rtnl *rtnl, const struct instance_interface *from,
                        const struct instance_interface *to, int link, struct err *err)
{
    struct route_set now = {0}, wanted = {0};

    if (from)
        desire_inside(&now, from, link);
    desire_inside(&wanted, to, link);
    int result = route_set_apply(rtnl, &now, &wanted, err);
    route_set_reset(&now);
    route_set_reset(&wanted);
    return result;
}

/*
 * The ends know each other without asking. The end that is up first begins to send only when the
 * kernel has noticed, on a thread of its own, that the other one is up too; until then packets
 * vanish. The next connection attempt mends that, but the next ARP request comes after a second.
 */
static int set_up_instance_end(struct rtnl *rtnl, const struct instance_interface *interface,
                               int link, const uint8_t router_mac[6], struct err *err)
{
    if (link_up(rtnl, LINK_LOOPBACK, err) < 0 ||
        link_add_address(rtnl, link, interface->addresses[0], interface->prefix, err) < 0 ||
        link_up(rtnl, link, err) < 0 ||
        link_add_neighbour(rtnl, link, interface->gateway, router_mac, err) < 0)
        return -1;
    return apply_inside(rtnl, NULL, interface, link, err);
}

static int open_instance(struct net *net, int namespace_fd, struct rtnl *rtnl, struct err *err)
{
    if (namespace_enter(namespace_fd, err) < 0)
        return -1;
    int opened = rtnl_open(rtnl, err);
    struct err failure;
    if (namespace_enter(net->host_fd, opened < 0 ? &failure : err) < 0)
        return -1;
    return opened;
}

/* The name that its device index says, or the next free one if its owner has taken that. */
static int create_link(struct vpc *vpc, const char *name,
                       const struct instance_interface *interface, int netns_fd,
                       struct link_end *here, struct err *err)
{
    char wanted[NET_LINK_NAME_SIZE];
    struct link_end there = {.name = wanted, .namespace_fd = netns_fd};
    struct err failure;

    *here = (struct link_end){.name = name, .namespace_fd = -1, .group = ROUTER_LINK_GROUP};
    memcpy(there.mac, interface->mac, sizeof(there.mac));
    memcpy(here->mac, interface->mac, sizeof(here->mac));
    here->mac[0] ^= 0x04; /* of its own, and still locally administered if the instance's is */
    snprintf(wanted, sizeof(wanted), "eth%u", interface->device_index);
    if (link_create(&vpc->rtnl, here, &there, &failure) >= 0)
        return 0;
    there.name = "eth%d"; /* the kernel's own pattern */
    if (failure.number == EEXIST)
        return link_create(&vpc->rtnl, here, &there, err);
    *err = failure;
    return -1;
}

static int plug_in(struct net *net, struct vpc *vpc, const struct instance_interface *interface,
                   int netns_fd, struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct rtnl instance = {0};
    struct link_end here;
    struct link link;

    net_link_name(name, interface->id);
    if (remove_old(vpc, name, err) < 0 ||
        create_link(vpc, name, interface, netns_fd, &here, err) < 0 ||
        set_up_router_end(net, vpc, name, interface, &link, err) < 0 ||
        open_instance(net, netns_fd, &instance, err) < 0)
        return -1;
    int result = set_up_instance_end(&instance, interface, link.peer_index, here.mac, err);
    rtnl_close(&instance);
    return result < 0 ? -1 : routing_refresh(net, vpc, err);
}

int net_plug(struct net *net, const struct instance_interface *interface, int netns_fd,
             struct err *err)
{
    if (check_interface(interface, err) < 0)
        return -1;
    struct vpc *vpc = vpc_get(net, interface->vpc, true, err);
    if (!vpc)
        return -1;
    if (plug_in(net, vpc, interface, netns_fd, err) < 0)
        return err_wrap(err, "cannot plug %s into %s", interface->id, vpc->id);
    return 0;
}

int net_readdress(struct net *net, const struct instance_interface *from,
                  const struct instance_interface *to, int netns_fd, struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct rtnl instance = {0};
    struct link link;

    if (check_interface(to, err) < 0)
        return -1;
    struct vpc *vpc = vpc_get(net, to->vpc, false, err);
    net_link_name(name, to->id);
    if (!vpc || link_find(&vpc->rtnl, name, &link, err) < 0)
        return -1;
    if (!link.index)
        return err_set(err, "%s is not plugged", to->id);
    if (open_instance(net, netns_fd, &instance, err) < 0)
        return -1;
    int result = apply_inside(&instance, from, to, link.peer_index, err);
    rtnl_close(&instance);
    return result;
}

void net_unplug(struct net *net, const char *id, const char *interface_id)
{
    char name[NET_LINK_NAME_SIZE];
    struct err err;
    struct vpc *vpc = vpc_get(net, id, false, &err);

    net_link_name(name, interface_id);
    if (vpc && remove_old(vpc, name, &err) >= 0)
        routing_refresh(net, vpc, &err); /* what fails, the next fabric repairs */
}
