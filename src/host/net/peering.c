/*
 * VPC peering: a virtual cable between two routers, there while both VPCs ask for it. What may come
 * over it, each side's rules and routes say: addresses of the other VPC, to members of this one.
 */
#include "host/net/peering.h"

#include "host/net/link.h"
#include "host/net/routing.h"

#include <string.h>

/*
 * What a forwarder sends for others is marked in its own router, and a mark does not cross the
 * link: a sender's address says it there.
 */
#define FORGET "add table netdev %1$s\ndelete table netdev %1$s\n"
#define MARK                                                                                       \
    "table netdev %1$s {\n"                                                                        \
    " chain out {\n"                                                                               \
    "  type filter hook egress device \"%1$s\" priority 0; policy accept;\n"                       \
    "  meta mark " ROUTER_FOREIGN_MARK " ether saddr set " ROUTER_FOREIGN_MAC "\n"                 \
    " }\n"                                                                                         \
    "}\n"

/* Both ends are told each other's address, which is the same on every link: no ARP on it. */
static const uint8_t end_macs[2][6] = {{0x02, 0x64, 0, 0, 0, 3}, {0x02, 0x64, 0, 0, 0, 4}};

static bool asks_for(const struct fabric_view *view, const char *id)
{
    for (uint32_t i = 0; i < view->fabric->peer_count; i++)
        if (strcmp(view->peers[i].id, id) == 0)
            return true;
    return false;
}

/* `format`: commands with the link's name. */
static int run_for_link(struct vpc *vpc, const char *format, const char *name, struct err *err)
{
    char commands[512];
    snprintf(commands, sizeof(commands), format, name);
    return vpc_run_nft(vpc, commands, err);
}

static int remove_old(struct vpc *vpc, const struct fabric_view *old, const struct fabric_view *new,
                      struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct link link;

    for (uint32_t i = 0; i < old->fabric->peer_count; i++) {
        if (asks_for(new, old->peers[i].id))
            continue;
        net_peer_link_name(name, old->peers[i].id);
        if (run_for_link(vpc, FORGET, name, err) < 0 ||
            link_find(&vpc->rtnl, name, &link, err) < 0 ||
            (link.index && link_delete(&vpc->rtnl, link.index, err) < 0))
            return -1;
    }
    return 0;
}

/* `other` is the number of the end at the other side. */
static int bring_up(struct vpc *vpc, const char *name, int other, struct err *err)
{
    struct link link;
    if (link_find(&vpc->rtnl, name, &link, err) < 0 ||
        run_for_link(vpc, FORGET MARK, name, err) < 0 || link_up(&vpc->rtnl, link.index, err) < 0)
        return -1;
    return link_add_neighbour(&vpc->rtnl, link.index, (uint32_t)ROUTER_PEER_END, end_macs[other],
                              err);
}

static int connect_peer(struct net *net, struct vpc *vpc, struct vpc *other, const char *id,
                        struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct link link;
    struct link_end here = {.name = name, .namespace_fd = -1, .group = ROUTER_PEER_GROUP};
    struct link_end there = {
        .name = name, .namespace_fd = other->namespace_fd, .group = ROUTER_PEER_GROUP};

    net_peer_link_name(name, id);
    if (link_find(&vpc->rtnl, name, &link, err) < 0)
        return -1;
    if (link.index)
        return 0;
    memcpy(here.mac, end_macs[0], sizeof(here.mac));
    memcpy(there.mac, end_macs[1], sizeof(there.mac));
    if (link_create(&vpc->rtnl, &here, &there, err) < 0)
        return -1;
    if (bring_up(vpc, name, 1, err) < 0 || bring_up(other, name, 0, err) < 0) {
        struct err ignored;
        link_delete_group(&vpc->rtnl, ROUTER_PEER_GROUP, &ignored); /* the next fabric repairs */
        return -1;
    }
    return routing_refresh(net, other, err);
}

int peering_apply(struct net *net, struct vpc *vpc, const struct fabric_view *old,
                  const struct fabric_view *new, struct err *err)
{
    struct fabric_view others;

    if (old && remove_old(vpc, old, new, err) < 0)
        return -1;
    for (uint32_t i = 0; i < new->fabric->peer_count; i++) {
        const struct fabric_peer *peer = &new->peers[i];
        struct vpc *other = map_get(&net->vpcs, peer->vpc);
        if (!other || !other->message)
            continue; /* the other VPC's message will find us */
        if (fabric_view(&others, other->message, other->message_size, err) < 0)
            return -1;
        if (asks_for(&others, peer->id) && connect_peer(net, vpc, other, peer->id, err) < 0)
            return err_wrap(err, "%s", peer->id);
    }
    return 0;
}
