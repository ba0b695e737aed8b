#include "host/net/net.h"

#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/namespace.h"
#include "host/net/router.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { WORLDS = 64 };

struct net *net_create(const struct net_options *options, struct err *err)
{
    struct net *net = calloc(1, sizeof(*net));
    if (!net || asprintf(&net->directory, "%s/netns", options->run_dir) < 0) {
        free(net);
        err_set(err, "out of memory");
        return NULL;
    }
    net->world = options->world % WORLDS;
    net->world_network = 100u << 24 | (64 + net->world) << 16;
    net->host_address = net->world_network | 1;
    net->service_address = net->world_network | 2;
    net->host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (net->host_fd < 0)
        err_sys(err, errno, "cannot open the host's network namespace");
    if (net->host_fd < 0 || namespace_prepare_directory(net->directory, err) < 0 ||
        rtnl_open(&net->rtnl, err) < 0 || host_side_create(net, err) < 0) {
        net_destroy(net);
        return NULL;
    }
    return net;
}

uint32_t net_host_address(const struct net *net)
{
    return net->host_address;
}

uint32_t net_service_address(const struct net *net)
{
    return net->service_address;
}

void net_destroy(struct net *net)
{
    if (!net)
        return;
    map_each (entry, &net->vpcs)
        vpc_close(entry->value);
    map_finish(&net->vpcs);
    rtnl_close(&net->rtnl);
    cleanup_fd(&net->host_fd);
    free(net->directory);
    free(net);
}

int net_delete_vpc(struct net *net, const char *id, struct err *err)
{
    struct err failure;
    struct vpc *vpc = vpc_get(net, id, false, &failure);
    if (vpc)
        return vpc_remove(net, vpc, err);
    if (failure.number == ENOENT)
        return 0;
    *err = failure;
    return -1;
}

/* Removes what has a name in the directory; a namespace that cannot be opened loses its name. */
static int remove_all_vpcs(struct net *net, struct err *err)
{
    DIR *directory = opendir(net->directory);
    const struct dirent *entry;
    int result = 0;

    if (!directory)
        return err_sys(err, errno, "cannot list %s", net->directory);
    while (result >= 0 && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        result = net_delete_vpc(net, entry->d_name, err);
        if (result < 0)
            result = namespace_remove(net->directory, entry->d_name, err);
    }
    closedir(directory);
    return result;
}

int net_remove_all(struct net *net, struct err *err)
{
    if (link_delete_group(&net->rtnl, HOST_LINK_GROUP + net->world, err) < 0 ||
        remove_all_vpcs(net, err) < 0 || host_side_remove(net, err) < 0 ||
        namespace_remove_directory(net->directory, err) < 0)
        return err_wrap(err, "cannot remove the fabric");
    return 0;
}

int net_counters(struct net *net, const char *id, const char *interface_id,
                 struct net_counters *ret_counters, struct err *err)
{
    char name[NET_LINK_NAME_SIZE];
    struct link link;
    struct vpc *vpc = vpc_get(net, id, false, err);

    net_link_name(name, interface_id);
    if (!vpc || link_find(&vpc->rtnl, name, &link, err) < 0)
        return -1;
    if (!link.index)
        return err_set(err, "%s is not plugged", interface_id);
    *ret_counters = link.counters;
    return 0;
}

void net_each_nat_gateway(struct net *net, net_nat_visitor *visit, void *arg)
{
    struct net_counters counters;
    struct err ignored;
    map_each (entry, &net->vpcs) {
        const struct vpc *vpc = entry->value;
        map_each (gateway, &vpc->nats)
            if (net_counters(net, vpc->id, gateway->key, &counters, &ignored) == 0)
                visit(arg, gateway->key, &counters);
    }
}
