/*
 * NAT gateways. Each is a network namespace with an eth0 like an instance's, which sends on what
 * the VPC's router sends it, from its own private address; so the router judges both halves of the
 * way. Its file is named by its interface and its VPC, and an earlier process's is used again.
 */
#include "host/net/nat.h"

#include "base/cleanup.h"
#include "host/net/namespace.h"

#include <dirent.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

enum { FILE_NAME_SIZE = 2 * ID_SIZE };

/*
 * What passes is what VPC routes lead here, and answers to it: no route from outside does. What
 * begins no connection and belongs to none would pass without translation.
 */
#define RULES                                                                                      \
    "add table ip pileus\n"                                                                        \
    "delete table ip pileus\n"                                                                     \
    "table ip pileus {\n"                                                                          \
    " chain input { type filter hook input priority 0; policy drop; }\n"                           \
    " chain forward {\n"                                                                           \
    "  type filter hook forward priority 0; policy drop;\n"                                        \
    "  ct state invalid drop\n"                                                                    \
    "  meta l4proto { tcp, udp, icmp } accept\n"                                                   \
    " }\n"                                                                                         \
    " chain postrouting {\n"                                                                       \
    "  type nat hook postrouting priority 100; policy accept;\n"                                   \
    "  snat to %u.%u.%u.%u\n"                                                                      \
    " }\n"                                                                                         \
    "}\n"

static void file_name(char name[FILE_NAME_SIZE], const char *interface_id, const struct vpc *vpc)
{
    snprintf(name, FILE_NAME_SIZE, "%s.%s", interface_id, vpc->id);
}

/* Runs inside the gateway's namespace. */
static int set_up(uint32_t address, struct err *err)
{
    if (namespace_make_router(err) < 0)
        return -1;
    auto_buf commands = {0};
    buf_printf(&commands, RULES, address >> 24, address >> 16 & 255, address >> 8 & 255,
               address & 255);
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    int result = 0;
    if (!nft || nft_ctx_buffer_error(nft) || commands.failed)
        result = err_set(err, "cannot prepare libnftables");
    else if (nft_run_cmd_from_buffer(nft, commands.data))
        result = err_set(err, "nftables: %s", nft_ctx_get_error_buffer(nft));
    if (nft)
        nft_ctx_free(nft);
    return result;
}

static int open_gateway(struct net *net, const char *name, struct err *err)
{
    struct err failure;
    int fd = namespace_open(net->directory, name, &failure);
    if (fd >= 0)
        return fd;
    if (failure.number == ENOENT)
        return namespace_create(net->directory, name, net->host_fd, err);
    *err = failure;
    return -1;
}

/* Makes a gateway, or makes one that was found as it should be. */
static int make(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                const struct fabric_address *address, struct err *err)
{
    const struct fabric_interface *interface = &view->interfaces[address->interface];
    const struct fabric_subnet *subnet = &view->subnets[interface->subnet];
    char name[FILE_NAME_SIZE];
    struct err failure;

    file_name(name, interface->id, vpc);
    if (map_set(&vpc->nats, interface->id, NULL) < 0)
        return err_set(err, "out of memory");
    auto_fd int fd = open_gateway(net, name, err);
    if (fd < 0 || namespace_enter(fd, err) < 0)
        return -1;
    int result = set_up(address->address, err);
    if (namespace_enter(net->host_fd, result < 0 ? &failure : err) < 0 || result < 0)
        return -1;
    struct instance_interface plug = {.gateway = subnet->network + ROUTER_GATEWAY_OFFSET,
                                      .prefix = subnet->prefix,
                                      .address_count = 1,
                                      .addresses = {address->address}};
    memcpy(plug.id, interface->id, sizeof(plug.id));
    memcpy(plug.vpc, vpc->id, sizeof(plug.vpc));
    memcpy(plug.mac, interface->mac, sizeof(plug.mac));
    if (net_plug(net, &plug, fd, err) < 0)
        return -1;
    map_set(&vpc->nats, interface->id, vpc); /* it is there: no memory is needed */
    return 0;
}

static int unmake(struct net *net, struct vpc *vpc, const char *interface_id, struct err *err)
{
    char name[FILE_NAME_SIZE];

    file_name(name, interface_id, vpc);
    net_unplug(net, vpc->id, interface_id);
    return namespace_remove(net->directory, name, err);
}

static bool is_wanted(const struct fabric_view *view, const char *interface_id)
{
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        if (view->interfaces[i].kind == INTERFACE_NAT &&
            strcmp(view->interfaces[i].id, interface_id) == 0)
            return true;
    return false;
}

int nat_apply(struct net *net, struct vpc *vpc, const struct fabric_view *view, struct err *err)
{
    for (struct map_entry *entry = vpc->nats.first, *next; entry; entry = next) {
        next = entry->next;
        if (is_wanted(view, entry->key))
            continue;
        if (unmake(net, vpc, entry->key, err) < 0)
            return -1;
        map_remove(&vpc->nats, entry->key);
    }
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < view->fabric->address_count; i++) {
        const struct fabric_address *address = &view->addresses[i];
        const struct fabric_interface *interface = &view->interfaces[address->interface];
        bool is_primary = address->interface != last;
        last = address->interface;
        if (is_primary && interface->kind == INTERFACE_NAT && !map_get(&vpc->nats, interface->id) &&
            make(net, vpc, view, address, err) < 0)
            return err_wrap(err, "NAT gateway %s", interface->id);
    }
    return 0;
}

int nat_remove_all(struct net *net, struct vpc *vpc, struct err *err)
{
    map_each (entry, &vpc->nats)
        if (unmake(net, vpc, entry->key, err) < 0)
            return -1;
    return 0;
}

int nat_load(struct net *net, struct vpc *vpc, struct err *err)
{
    DIR *directory = opendir(net->directory);
    const struct dirent *entry;
    int result = 0;

    if (!directory)
        return err_sys(err, errno, "cannot list %s", net->directory);
    while (result >= 0 && (entry = readdir(directory)) != NULL) {
        const char *dot = strchr(entry->d_name, '.');
        char id[ID_SIZE];
        if (!dot || strcmp(dot + 1, vpc->id) || dot - entry->d_name >= ID_SIZE)
            continue;
        snprintf(id, sizeof(id), "%.*s", (int)(dot - entry->d_name), entry->d_name);
        if (map_set(&vpc->nats, id, NULL) < 0)
            result = err_set(err, "out of memory");
    }
    closedir(directory);
    return result;
}
