/* The link of a network interface: eth0 in the instance, and the router's end of it. */
#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/namespace.h"
#include "host/net/router.h"
#include "host/net/routing.h"

#include <string.h>

static int check_plug(const struct net_plug *plug, struct err *err)
{
    if (fabric_check_id(plug->interface_id, "eni-", err) < 0)
        return -1;
    if (plug->prefix < 8 || plug->prefix > 30 ||
        ((plug->address ^ plug->gateway) & fabric_mask(plug->prefix)))
        return err_set(err, "the gateway of %s lies outside its subnet", plug->interface_id);
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
                             const struct net_plug *plug, struct err *err)
{
    struct link link;

    if (link_find(&vpc->rtnl, name, &link, err) < 0 || namespace_enter(vpc->namespace_fd, err) < 0)
        return -1;
    int set = namespace_set("0", err, "ipv4/neigh/%s/proxy_delay", name);
    struct err failure;
    if (namespace_enter(net->host_fd, set < 0 ? &failure : err) < 0 || set < 0 ||
        link_up(&vpc->rtnl, link.index, err) < 0)
        return -1;
    struct route member = {.sort = SORT_ROUTE,
                           .network = plug->address,
                           .prefix = 32,
                           .type = RTN_UNICAST,
                           .table = ROUTER_TABLE_MEMBERS,
                           .link = (uint32_t)link.index};
    if (link_add_neighbour(&vpc->rtnl, link.index, plug->address, plug->mac, err) < 0)
        return -1;
    return route_add(&vpc->rtnl, &member, err);
}

/*
 * The ends know each other without asking. The end that is up first begins to send only when the
 * kernel has noticed, on a thread of its own, that the other one is up too; until then packets
 * vanish. The next connection attempt mends that, but the next ARP request comes after a second.
 */
static int set_up_instance_end(struct rtnl *rtnl, const struct net_plug *plug,
                               const uint8_t router_mac[6], struct err *err)
{
    struct link link;

    if (link_up(rtnl, LINK_LOOPBACK, err) < 0 || link_find(rtnl, "eth0", &link, err) < 0 ||
        link_add_address(rtnl, link.index, plug->address, plug->prefix, err) < 0 ||
        link_up(rtnl, link.index, err) < 0 ||
        link_add_neighbour(rtnl, link.index, plug->gateway, router_mac, err) < 0)
        return -1;
    struct route way_out = {.sort = SORT_ROUTE,
                            .type = RTN_UNICAST,
                            .table = RT_TABLE_MAIN,
                            .link = (uint32_t)link.index,
                            .gateway = plug->gateway};
    return route_add(rtnl, &way_out, err);
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

int net_plug(struct net *net, const struct net_plug *plug, struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct rtnl instance = {0};
    struct link_end here = {.name = name, .namespace_fd = -1, .group = ROUTER_LINK_GROUP};
    struct link_end there = {.name = "eth0", .namespace_fd = plug->netns_fd};

    if (check_plug(plug, err) < 0)
        return -1;
    struct vpc *vpc = vpc_get(net, plug->vpc, true, err);
    if (!vpc)
        return -1;
    net_link_name(name, plug->interface_id);
    memcpy(there.mac, plug->mac, sizeof(there.mac));
    memcpy(here.mac, plug->mac, sizeof(here.mac));
    here.mac[0] ^= 0x04; /* of its own, and still locally administered if the instance's is */
    int result = -1;
    if (remove_old(vpc, name, err) >= 0 && link_create(&vpc->rtnl, &here, &there, err) >= 0 &&
        set_up_router_end(net, vpc, name, plug, err) >= 0 &&
        open_instance(net, plug->netns_fd, &instance, err) >= 0)
        result = set_up_instance_end(&instance, plug, here.mac, err);
    rtnl_close(&instance);
    if (result >= 0)
        result = routing_refresh(net, vpc, err);
    return result < 0 ? err_wrap(err, "cannot plug %s into %s", plug->interface_id, plug->vpc) : 0;
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
