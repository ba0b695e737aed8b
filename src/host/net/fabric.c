/* Brings a VPC to what a FABRIC message asks for. */
#include "base/cleanup.h"
#include "host/net/nat.h"
#include "host/net/peering.h"
#include "host/net/router.h"
#include "host/net/routing.h"

#include <stdlib.h>
#include <string.h>

static bool any_is_logged(const struct fabric_view *view)
{
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        if (view->interfaces[i].flags & INTERFACE_LOGGED)
            return true;
    return false;
}

static int apply_rules(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                       struct err *err)
{
    struct ruleset ruleset;
    auto_buf commands = {0};

    if (any_is_logged(view) && vpc_open_log(net, vpc, err) < 0)
        return -1;
    if (ruleset_build(&ruleset, view, net->world_network, vpc->log_group, err) < 0)
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
    if (result >= 0 && !any_is_logged(view))
        vpc_close_log(vpc);
    return result;
}

static int check_public(const struct net *net, const struct fabric_view *view, struct err *err)
{
    for (uint32_t i = 0; i < view->fabric->address_count; i++) {
        uint32_t address = view->addresses[i].public_address;
        if (address && ((address & fabric_mask(16)) != net->world_network ||
                        address == net->host_address || address == net->service_address))
            return err_set(err, "%s has a public address of another world",
                           view->interfaces[view->addresses[i].interface].id);
    }
    return 0;
}

/* Routes must be found again when a link comes or goes: the message is kept for that. */
static int keep_message(struct vpc *vpc, const struct fabric *fabric, size_t size, struct err *err)
{
    void *copy = malloc(size);
    if (!copy)
        return err_set(err, "out of memory");
    memcpy(copy, fabric, size);
    free(vpc->message);
    vpc->message = copy;
    vpc->message_size = size;
    return 0;
}

/* Where routes lead must be there before them. */
static int apply_links(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                       struct err *err)
{
    struct fabric_view old;

    if (vpc->message && fabric_view(&old, vpc->message, vpc->message_size, err) < 0)
        return -1;
    if (nat_apply(net, vpc, view, err) < 0)
        return -1;
    return peering_apply(net, vpc, vpc->message ? &old : NULL, view, err);
}

int net_apply(struct net *net, const struct fabric *fabric, size_t size, struct err *err)
{
    struct fabric_view view;

    if (fabric_view(&view, fabric, size, err) < 0 || check_public(net, &view, err) < 0)
        return -1;
    struct vpc *vpc = vpc_get(net, fabric->vpc, true, err);
    if (!vpc)
        return -1;
    if (apply_rules(net, vpc, &view, err) < 0 || apply_links(net, vpc, &view, err) < 0 ||
        keep_message(vpc, fabric, size, err) < 0 || routing_apply(net, vpc, &view, err) < 0)
        return err_wrap(err, "%s", vpc->id);
    return 0;
}
