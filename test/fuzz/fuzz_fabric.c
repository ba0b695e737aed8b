#include "base/cleanup.h"
#include "host/net/fabric_message.h"
#include "host/net/ruleset.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORLD_NETWORK = 100 << 24 | 64 << 16 };

/* Every index that is let through is in range. */
static void check(const struct fabric_view *view)
{
    const struct fabric *fabric = view->fabric;
    for (uint32_t i = 0; i < fabric->block_count; i++)
        assert(view->blocks[i].peer == FABRIC_OWN_BLOCK ||
               view->blocks[i].peer < fabric->peer_count);
    for (uint32_t i = 0; i < fabric->subnet_count; i++)
        assert(view->subnets[i].acl < fabric->acl_count);
    for (uint32_t i = 0; i < fabric->route_count; i++)
        assert(
            (view->routes[i].kind != ROUTE_PEER || view->routes[i].target < fabric->peer_count) &&
            (view->routes[i].kind != ROUTE_INTERFACE ||
             view->routes[i].target < fabric->interface_count));
    for (uint32_t i = 0; i < fabric->member_count; i++)
        assert(view->members[i].group < fabric->group_count);
    for (uint32_t i = 0; i < fabric->group_count; i++)
        assert(view->groups[i].peer < fabric->peer_count || view->groups[i].peer == FABRIC_NO_PEER);
    for (uint32_t i = 0; i < fabric->interface_count; i++)
        assert(view->interfaces[i].subnet < fabric->subnet_count);
    for (uint32_t i = 0; i < fabric->address_count; i++)
        assert(view->addresses[i].interface < fabric->interface_count);
}

/* Only what ids, addresses and our own words are made of gets into nft's commands. */
static void check_commands(const struct buf *commands)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_ \n\"@.,:;/-!={}";
    assert(commands->size && strspn(commands->data, allowed) == commands->size);
}

/* What api sends to host, if api were taken over. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fabric_view view;
    struct ruleset ruleset;
    struct err err;
    auto_free void *message = aligned_alloc(16, (size + 16) / 16 * 16);
    auto_buf commands = {0};

    memcpy(message, data, size);
    if (fabric_view(&view, message, size, &err) < 0)
        return 0;
    check(&view);
    if (ruleset_build(&ruleset, &view, WORLD_NETWORK, 1, &err) < 0)
        return 0;
    ruleset_diff(NULL, &ruleset, &commands);
    check_commands(&commands);
    ruleset_reset(&ruleset);
    return 0;
}
