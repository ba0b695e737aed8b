/* Brings a VPC to what a FABRIC message asks for. */
#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/router.h"

#include <linux/fib_rules.h>
#include <string.h>

static void add_address(struct route_set *set, uint32_t address)
{
    route_set_add(
        set, &(struct route){
                 .sort = SORT_ADDRESS, .network = address, .prefix = 32, .link = LINK_LOOPBACK});
}

/* The router answers for its own addresses, each subnet's gateway, and balancers. */
static void desire_addresses(struct route_set *set, const struct fabric_view *view)
{
    add_address(set, (uint32_t)ROUTER_IMDS);
    add_address(set, (uint32_t)ROUTER_DNS);
    add_address(set, view->blocks[0].network + ROUTER_RESOLVER_OFFSET);
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        add_address(set, view->subnets[i].network + ROUTER_GATEWAY_OFFSET);
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (view->interfaces[view->addresses[i].interface].kind == INTERFACE_BALANCER)
            add_address(set, view->addresses[i].address);
}

static void desire_rules(struct route_set *set, const struct fabric_view *view)
{
    route_set_add(set, &(struct route){.sort = SORT_RULE,
                                       .priority = ROUTER_PRIORITY_MEMBERS,
                                       .type = FR_ACT_TO_TBL,
                                       .table = ROUTER_TABLE_MEMBERS});
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        route_set_add(set, &(struct route){.sort = SORT_RULE,
                                           .priority = ROUTER_PRIORITY_SUBNETS,
                                           .network = view->subnets[i].network,
                                           .prefix = view->subnets[i].prefix,
                                           .type = FR_ACT_TO_TBL,
                                           .table = ROUTER_TABLE_FIRST + view->subnets[i].table});
    route_set_add(set, &(struct route){.sort = SORT_RULE,
                                       .priority = ROUTER_PRIORITY_NOTHING,
                                       .type = FR_ACT_BLACKHOLE});
}

static void desire_routes(struct route_set *set, const struct fabric_view *view,
                          const struct vpc *vpc)
{
    for (uint32_t i = 0; i < view->fabric->block_count; i++)
        if (view->blocks[i].peer == FABRIC_OWN_BLOCK)
            route_set_add(set, &(struct route){.sort = SORT_ROUTE,
                                               .network = view->blocks[i].network,
                                               .prefix = view->blocks[i].prefix,
                                               .type = RTN_BLACKHOLE,
                                               .table = ROUTER_TABLE_MEMBERS});
    for (uint32_t i = 0; i < view->fabric->route_count; i++) {
        const struct fabric_route *wanted = &view->routes[i];
        struct route route = {.sort = SORT_ROUTE,
                              .network = wanted->network,
                              .prefix = wanted->prefix,
                              .type = RTN_BLACKHOLE,
                              .table = ROUTER_TABLE_FIRST + wanted->table};
        if (wanted->kind == ROUTE_INTERNET_GATEWAY) {
            route.type = RTN_UNICAST;
            route.link = (uint32_t)vpc->internet_link;
            route.gateway = (uint32_t)ROUTER_HOST_END;
        }
        route_set_add(set, &route);
    }
}

static void desire_public(struct route_set *set, const struct fabric_view *view,
                          const struct net *net, const struct vpc *vpc)
{
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        if (view->addresses[i].public_address)
            route_set_add(set, &(struct route){.sort = SORT_ROUTE,
                                               .network = view->addresses[i].public_address,
                                               .prefix = 32,
                                               .type = RTN_UNICAST,
                                               .table = host_side_table(net),
                                               .link = (uint32_t)vpc->host_link,
                                               .gateway = (uint32_t)ROUTER_VPC_END,
                                               .source = net->host_address});
}

static int apply_routes(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                        struct err *err)
{
    struct route_set inside = {0}, outside = {0};

    desire_addresses(&inside, view);
    desire_rules(&inside, view);
    desire_routes(&inside, view, vpc);
    desire_public(&outside, view, net, vpc);
    int result = route_set_apply(&vpc->rtnl, &vpc->inside, &inside, err);
    if (result >= 0)
        result = route_set_apply(&net->rtnl, &vpc->outside, &outside, err);
    route_set_reset(&inside);
    route_set_reset(&outside);
    return result;
}

static int apply_rules(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                       struct err *err)
{
    struct ruleset ruleset;
    auto_buf commands = {0};

    if (ruleset_build(&ruleset, view, net->world_network, err) < 0)
        return -1;
    ruleset_diff(vpc->ruleset_known ? &vpc->ruleset : NULL, &ruleset, &commands);
    int result = 0;
    if (commands.failed)
        result = err_set(err, "out of memory");
    else if (commands.size)
        result = vpc_run_nft(vpc, commands.data, err);
    ruleset_reset(&vpc->ruleset);
    vpc->ruleset = ruleset;
    vpc->ruleset_known = result >= 0;
    return result;
}

static int check_public(const struct net *net, const struct fabric_view *view, struct err *err)
{
    for (uint32_t i = 0; i < view->fabric->address_count; i++) {
        uint32_t address = view->addresses[i].public_address;
        if (address &&
            ((address & fabric_mask(16)) != net->world_network || address == net->host_address))
            return err_set(err, "%s has a public address of another world",
                           view->interfaces[view->addresses[i].interface].id);
    }
    return 0;
}

int net_apply(struct net *net, const struct fabric *fabric, size_t size, struct err *err)
{
    struct fabric_view view;

    if (fabric_view(&view, fabric, size, err) < 0 || check_public(net, &view, err) < 0)
        return -1;
    struct vpc *vpc = vpc_get(net, fabric->vpc, true, err);
    if (!vpc)
        return -1;
    if (apply_rules(net, vpc, &view, err) < 0 || apply_routes(net, vpc, &view, err) < 0)
        return err_wrap(err, "%s", vpc->id);
    return 0;
}
