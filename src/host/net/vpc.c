/* A VPC's namespace as a router: made or found, prepared, linked to the host, removed. */
#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/log_socket.h"
#include "host/net/namespace.h"
#include "host/net/nat.h"
#include "host/net/router.h"
#include "host/net/routing.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

static const uint8_t host_end_mac[6] = {0x02, 0x64, 0, 0, 0, 1};
static const uint8_t vpc_end_mac[6] = {0x02, 0x64, 0, 0, 0, 2};

void vpc_close(struct vpc *vpc)
{
    if (!vpc)
        return;
    rtnl_close(&vpc->rtnl);
    if (vpc->nft)
        nft_ctx_free(vpc->nft);
    ruleset_reset(&vpc->ruleset);
    free(vpc->message);
    map_finish(&vpc->nats);
    route_set_reset(&vpc->inside);
    route_set_reset(&vpc->outside);
    cleanup_fd(&vpc->namespace_fd);
    for (int i = 0; i < NET_GUEST_SOCKETS; i++)
        cleanup_fd(&vpc->guest_sockets[i]);
    cleanup_fd(&vpc->log_fd);
    free(vpc);
}

void vpc_close_log(struct vpc *vpc)
{
    cleanup_fd(&vpc->log_fd);
    vpc->log_fd = -1;
}

int vpc_open_log(struct net *net, struct vpc *vpc, struct err *err)
{
    struct err failure;
    if (vpc->log_fd >= 0)
        return 0;
    if (namespace_enter(vpc->namespace_fd, err) < 0)
        return -1;
    vpc->log_fd = log_socket_open(&vpc->log_group, err);
    if (namespace_enter(net->host_fd, vpc->log_fd < 0 ? &failure : err) < 0)
        return -1;
    return vpc->log_fd < 0 ? -1 : 0;
}

int vpc_run_nft(struct vpc *vpc, const char *commands, struct err *err)
{
    if (nft_run_cmd_from_buffer(vpc->nft, commands) == 0)
        return 0;
    return err_set(err, "nftables: %s", nft_ctx_get_error_buffer(vpc->nft));
}

/* Runs inside the namespace. */
static int set_up_router(struct vpc *vpc, struct err *err)
{
    if (namespace_make_router(err) < 0 ||
        namespace_set("1", err, "ipv4/conf/default/proxy_arp") < 0)
        return -1;
    if (namespace_disable_ipv6("default", err) < 0 || rtnl_open(&vpc->rtnl, err) < 0)
        return -1;
    vpc->nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!vpc->nft || nft_ctx_buffer_output(vpc->nft) || nft_ctx_buffer_error(vpc->nft))
        return err_set(err, "cannot prepare libnftables");
    return 0;
}

/* Makes the virtual cable to the host; the first free number names its end there. */
static int connect_internet(struct net *net, struct vpc *vpc, struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct link_end here = {
        .name = name, .namespace_fd = -1, .group = HOST_LINK_GROUP + net->world};
    struct link_end there = {
        .name = NET_INTERNET_LINK, .namespace_fd = vpc->namespace_fd, .group = ROUTER_LINK_GROUP};
    struct err failure;
    int made;

    memcpy(here.mac, host_end_mac, sizeof(here.mac));
    memcpy(there.mac, vpc_end_mac, sizeof(there.mac));
    do {
        snprintf(name, sizeof(name), "pl%u-%u", net->world, net->next_link++ % 1000000);
        made = link_create(&net->rtnl, &here, &there, &failure);
    } while (made < 0 && failure.number == EEXIST);
    if (made < 0) {
        *err = failure;
        return -1;
    }
    if (namespace_set("1", err, "ipv4/conf/%s/forwarding", name) < 0 ||
        namespace_disable_ipv6(name, err) < 0)
        return -1;
    return 0;
}

static int find_internet(struct vpc *vpc, struct err *err)
{
    struct link link;
    if (link_find(&vpc->rtnl, NET_INTERNET_LINK, &link, err) < 0)
        return -1;
    vpc->internet_link = link.index;
    vpc->host_link = link.peer_index;
    return 0;
}

static int prepare_internet(struct net *net, struct vpc *vpc, struct err *err)
{
    if (find_internet(vpc, err) < 0)
        return -1;
    if (!vpc->internet_link && (connect_internet(net, vpc, err) < 0 || find_internet(vpc, err) < 0))
        return -1;
    if (link_up(&vpc->rtnl, vpc->internet_link, err) < 0 ||
        link_up(&net->rtnl, vpc->host_link, err) < 0 ||
        link_add_neighbour(&vpc->rtnl, vpc->internet_link, (uint32_t)ROUTER_HOST_END, host_end_mac,
                           err) < 0 ||
        link_add_neighbour(&net->rtnl, vpc->host_link, (uint32_t)ROUTER_VPC_END, vpc_end_mac, err) <
            0)
        return -1;
    return 0;
}

static int prepare(struct net *net, struct vpc *vpc, struct err *err)
{
    if (namespace_enter(vpc->namespace_fd, err) < 0)
        return -1;
    int result = set_up_router(vpc, err);
    struct err failure;
    if (namespace_enter(net->host_fd, result < 0 ? &failure : err) < 0)
        return -1;
    /* Links to peers are made anew as the VPCs' messages come. */
    if (result < 0 || link_up(&vpc->rtnl, LINK_LOOPBACK, err) < 0 ||
        link_delete_group(&vpc->rtnl, ROUTER_PEER_GROUP, err) < 0 ||
        prepare_internet(net, vpc, err) < 0)
        return -1;
    return routing_load(net, vpc, err) < 0 || nat_load(net, vpc, err) < 0 ? -1 : 0;
}

static int open_namespace(struct net *net, const char *id, bool create, struct err *err)
{
    struct err failure;
    int fd = namespace_open(net->directory, id, &failure);
    if (fd >= 0)
        return fd;
    if (failure.number == ENOENT && create)
        return namespace_create(net->directory, id, net->host_fd, err);
    *err = failure;
    return -1;
}

struct vpc *vpc_get(struct net *net, const char *id, bool create, struct err *err)
{
    struct vpc *vpc = map_get(&net->vpcs, id);
    if (vpc)
        return vpc;
    if (fabric_check_id(id, "vpc-", err) < 0)
        return NULL;
    vpc = calloc(1, sizeof(*vpc));
    if (!vpc) {
        err_set(err, "out of memory");
        return NULL;
    }
    snprintf(vpc->id, sizeof(vpc->id), "%s", id);
    for (int i = 0; i < NET_GUEST_SOCKETS; i++)
        vpc->guest_sockets[i] = -1;
    vpc->log_fd = -1;
    vpc->namespace_fd = open_namespace(net, id, create, err);
    if (vpc->namespace_fd < 0 || prepare(net, vpc, err) < 0) {
        vpc_close(vpc);
        err_wrap(err, "%s", id);
        return NULL;
    }
    if (map_set(&net->vpcs, id, vpc) < 0) {
        vpc_close(vpc);
        err_set(err, "out of memory");
        return NULL;
    }
    return vpc;
}

int vpc_remove(struct net *net, struct vpc *vpc, struct err *err)
{
    char id[ID_SIZE];

    if (nat_remove_all(net, vpc, err) < 0 || link_delete(&net->rtnl, vpc->host_link, err) < 0 ||
        link_delete_group(&vpc->rtnl, ROUTER_PEER_GROUP, err) < 0 ||
        link_delete_group(&vpc->rtnl, ROUTER_LINK_GROUP, err) < 0)
        return err_wrap(err, "%s", vpc->id);
    memcpy(id, vpc->id, sizeof(id));
    map_remove(&net->vpcs, id);
    vpc_close(vpc);
    return namespace_remove(net->directory, id, err);
}
