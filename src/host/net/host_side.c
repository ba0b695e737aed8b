/*
 * The host's side of the fabric. The host is the "internet": it holds 100.(64+world).0.1, and .0.2
 * for AWS's services, and has a route to each public address in use. What comes from or goes to the
 * world's addresses stays among the host and the VPCs, whatever else the host routes and forwards.
 */
#include "host/net/link.h"
#include "host/net/router.h"

#include <linux/fib_rules.h>

enum {
    TABLE_MEMBERS = 100640, /* + world: the public addresses in use */
    TABLE_SILENCE = 100740, /* + world: the others */
    PRIORITY_FIRST = 1064,
    RULE_COUNT = 4,
    ENTRY_COUNT = RULE_COUNT + 3,
    WORLD_PREFIX = 16,
};

uint32_t host_side_table(const struct net *net)
{
    return TABLE_MEMBERS + net->world;
}

/*
 * Packets of our own to an address that nobody has vanish (a route to the loopback that leads
 * nowhere), so that a client waits, as it would on the internet; a blackhole would fail at once.
 */
static void describe(const struct net *net, struct route entries[ENTRY_COUNT])
{
    uint32_t world = net->world_network;
    const struct route all[ENTRY_COUNT] = {
        {.sort = SORT_RULE,
         .target = world,
         .target_prefix = WORLD_PREFIX,
         .type = FR_ACT_TO_TBL,
         .table = host_side_table(net)},
        {.sort = SORT_RULE,
         .target = world,
         .target_prefix = WORLD_PREFIX,
         .type = FR_ACT_TO_TBL,
         .table = TABLE_SILENCE + net->world,
         .from = "lo"},
        {.sort = SORT_RULE, .network = world, .prefix = WORLD_PREFIX, .type = FR_ACT_BLACKHOLE},
        {.sort = SORT_RULE,
         .target = world,
         .target_prefix = WORLD_PREFIX,
         .type = FR_ACT_BLACKHOLE},
        {.sort = SORT_ROUTE,
         .network = world,
         .prefix = WORLD_PREFIX,
         .type = RTN_UNICAST,
         .table = TABLE_SILENCE + net->world,
         .link = LINK_LOOPBACK},
        {.sort = SORT_ADDRESS, .network = net->host_address, .prefix = 32, .link = LINK_LOOPBACK},
        {.sort = SORT_ADDRESS,
         .network = net->service_address,
         .prefix = 32,
         .link = LINK_LOOPBACK},
    };
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        entries[i] = all[i];
        if (i < RULE_COUNT)
            entries[i].priority = PRIORITY_FIRST + i;
    }
}

int host_side_create(struct net *net, struct err *err)
{
    struct route entries[ENTRY_COUNT];

    describe(net, entries);
    for (int i = 0; i < ENTRY_COUNT; i++)
        if (route_add(&net->rtnl, &entries[i], err) < 0)
            return err_wrap(err, "the host's side of the fabric");
    return 0;
}

int host_side_remove(struct net *net, struct err *err)
{
    struct route entries[ENTRY_COUNT];

    describe(net, entries);
    for (int i = 0; i < ENTRY_COUNT; i++)
        if (route_delete(&net->rtnl, &entries[i], err) < 0)
            return err_wrap(err, "the host's side of the fabric");
    return 0;
}
