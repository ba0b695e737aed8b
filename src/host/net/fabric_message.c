#include "host/net/fabric_message.h"

#include "base/cleanup.h"
#include "ipc/id.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALL = 0xffff,
    BLOCK_PREFIX_MIN = 8,
    BLOCK_PREFIX_MAX = 28,
    SUBNET_PREFIX_MAX = 30,
};

uint32_t fabric_mask(unsigned prefix)
{
    return prefix ? ~0u << (32 - prefix) : 0;
}

bool fabric_is_forwarder(const struct fabric_interface *interface)
{
    return interface->kind == INTERFACE_NAT || (interface->flags & INTERFACE_UNCHECKED);
}

int fabric_check_id(const char *id, const char *prefix, struct err *err)
{
    if (!id_is_valid(id, prefix))
        return err_set(err, "an id is not one that begins with %s", prefix);
    return 0;
}

static int check_block(uint32_t network, unsigned prefix, struct err *err)
{
    if (prefix > 32 || (network & ~fabric_mask(prefix)))
        return err_set(err, "an address block is not one");
    return 0;
}

/* Cuts `count` elements off the rest of the message. */
static const void *take(const char **rest, size_t *left, uint32_t count, uint32_t count_max,
                        size_t element_size)
{
    uint64_t bytes = (uint64_t)count * element_size;
    if (count > count_max || bytes > *left)
        return NULL;
    const void *array = *rest;
    *rest += bytes;
    *left -= bytes;
    return array;
}

static int split(struct fabric_view *view, const void *message, size_t size, struct err *err)
{
    const struct fabric *fabric = message;
    if (size < sizeof(*fabric))
        return err_set(err, "the message is shorter than its fixed part");
    const char *rest = (const char *)message + sizeof(*fabric);
    size_t left = size - sizeof(*fabric);

    view->fabric = fabric;
#define TAKE(array, counter, max)                                                                  \
    (view->array = take(&rest, &left, fabric->counter, max, sizeof(*view->array)))
    if (!TAKE(blocks, block_count, FABRIC_BLOCKS_MAX) ||
        !TAKE(subnets, subnet_count, FABRIC_SUBNETS_MAX) ||
        !TAKE(routes, route_count, FABRIC_ROUTES_MAX) || !TAKE(acls, acl_count, FABRIC_ACLS_MAX) ||
        !TAKE(acl_rules, acl_rule_count, FABRIC_ACL_RULES_MAX) ||
        !TAKE(groups, group_count, FABRIC_GROUPS_MAX) ||
        !TAKE(rules, rule_count, FABRIC_RULES_MAX) ||
        !TAKE(members, member_count, FABRIC_MEMBERS_MAX) ||
        !TAKE(peers, peer_count, FABRIC_PEERS_MAX) ||
        !TAKE(interfaces, interface_count, FABRIC_INTERFACES_MAX) ||
        !TAKE(addresses, address_count, FABRIC_ADDRESSES_MAX) || left)
        return err_set(err, "the counts do not add up to the size of the message");
#undef TAKE
    return 0;
}

/* Whether an own block has something in common with another one; those up to `index` are checked.
 */
static bool overlaps_before(const struct fabric_view *view, uint32_t index)
{
    const struct fabric_block *block = &view->blocks[index];
    for (uint32_t i = 0; i < index; i++) {
        const struct fabric_block *other = &view->blocks[i];
        uint32_t mask = fabric_mask(other->prefix < block->prefix ? other->prefix : block->prefix);
        if ((block->peer == FABRIC_OWN_BLOCK || other->peer == FABRIC_OWN_BLOCK) &&
            !((other->network ^ block->network) & mask))
            return true;
    }
    return false;
}

static int check_blocks(const struct fabric_view *view, struct err *err)
{
    const struct fabric *fabric = view->fabric;
    if (fabric->block_count == 0 || view->blocks[0].peer != FABRIC_OWN_BLOCK)
        return err_set(err, "the VPC has no address block");
    for (uint32_t i = 0; i < fabric->block_count; i++) {
        const struct fabric_block *block = &view->blocks[i];
        if (check_block(block->network, block->prefix, err) < 0)
            return -1;
        if (block->prefix < BLOCK_PREFIX_MIN || block->prefix > BLOCK_PREFIX_MAX)
            return err_set(err, "an address block of a VPC is too large or too small");
        if (block->peer != FABRIC_OWN_BLOCK && block->peer >= fabric->peer_count)
            return err_set(err, "an address block is of a peer that is not there");
        if (overlaps_before(view, i))
            return err_set(err, "address blocks overlap");
    }
    return 0;
}

static bool lies_in_the_vpc(const struct fabric_view *view, const struct fabric_subnet *subnet)
{
    for (uint32_t i = 0; i < view->fabric->block_count; i++) {
        const struct fabric_block *block = &view->blocks[i];
        if (block->peer == FABRIC_OWN_BLOCK && subnet->prefix >= block->prefix &&
            (subnet->network & fabric_mask(block->prefix)) == block->network)
            return true;
    }
    return false;
}

static int check_subnets(const struct fabric_view *view, struct err *err)
{
    const struct fabric *fabric = view->fabric;
    for (uint32_t i = 0; i < fabric->subnet_count; i++) {
        const struct fabric_subnet *subnet = &view->subnets[i];
        if (fabric_check_id(subnet->id, "subnet-", err) < 0 ||
            check_block(subnet->network, subnet->prefix, err) < 0)
            return -1;
        if (subnet->prefix > SUBNET_PREFIX_MAX || !lies_in_the_vpc(view, subnet))
            return err_set(err, "subnet %s lies outside its VPC", subnet->id);
        if (subnet->acl >= fabric->acl_count)
            return err_set(err, "subnet %s has no network ACL", subnet->id);
    }
    return 0;
}

static int check_routes(const struct fabric_view *view, struct err *err)
{
    for (uint32_t i = 0; i < view->fabric->route_count; i++) {
        const struct fabric_route *route = &view->routes[i];
        if (check_block(route->network, route->prefix, err) < 0)
            return -1;
        if (route->kind != ROUTE_INTERNET_GATEWAY && route->kind != ROUTE_BLACKHOLE &&
            route->kind != ROUTE_INTERFACE && route->kind != ROUTE_PEER)
            return err_set(err, "a route leads to something unknown");
        if (route->kind == ROUTE_PEER && route->target >= view->fabric->peer_count)
            return err_set(err, "a route leads to a peer that is not there");
        if (route->kind == ROUTE_INTERFACE && route->target >= view->fabric->interface_count)
            return err_set(err, "a route leads to an interface that is not there");
    }
    return 0;
}

static int check_peers(const struct fabric_view *view, struct err *err)
{
    const struct fabric *fabric = view->fabric;
    for (uint32_t i = 0; i < fabric->peer_count; i++) {
        const struct fabric_peer *peer = &view->peers[i];
        if (fabric_check_id(peer->id, "pcx-", err) < 0 ||
            fabric_check_id(peer->vpc, "vpc-", err) < 0)
            return -1;
        if (strcmp(peer->vpc, fabric->vpc) == 0)
            return err_set(err, "a VPC is peered with itself");
    }
    for (uint32_t i = 0; i < fabric->member_count; i++)
        if (view->members[i].group >= fabric->group_count)
            return err_set(err, "a member is of a group that is not there");
    return 0;
}

static int check_groups(const struct fabric_view *view, struct err *err)
{
    for (uint32_t i = 0; i < view->fabric->group_count; i++) {
        const struct fabric_group *group = &view->groups[i];
        if (fabric_check_id(group->id, "sg-", err) < 0)
            return -1;
        if (group->peer != FABRIC_NO_PEER && group->peer >= view->fabric->peer_count)
            return err_set(err, "group %s is of a peer that is not there", group->id);
    }
    return 0;
}

static int check_ports(unsigned protocol, unsigned from, unsigned to, struct err *err)
{
    if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && from > to)
        return err_set(err, "a rule has a range of ports that ends before it begins");
    if (protocol == IPPROTO_ICMP && ((from > 255 && from != ALL) || (to > 255 && to != ALL)))
        return err_set(err, "a rule has an ICMP type or code above 255");
    return 0;
}

/* Entries of one ACL and direction must follow each other in order of number. */
static int check_acl_rules(const struct fabric_view *view, struct err *err)
{
    for (uint32_t i = 0; i < view->fabric->acl_rule_count; i++) {
        const struct fabric_acl_rule *rule = &view->acl_rules[i], *last = rule - 1;
        if (rule->acl >= view->fabric->acl_count)
            return err_set(err, "an entry is of a network ACL that is not there");
        if (rule->direction > DIRECTION_EGRESS || rule->action > ACTION_ALLOW)
            return err_set(err, "an entry of a network ACL has no direction or action");
        if (check_block(rule->network, rule->prefix, err) < 0 ||
            check_ports(rule->protocol, rule->port_from, rule->port_to, err) < 0)
            return -1;
        if (i && rule->acl == last->acl && rule->direction == last->direction &&
            rule->number <= last->number)
            return err_set(err, "the entries of a network ACL are not in order");
    }
    return 0;
}

static int check_rule(const struct fabric_view *view, const struct fabric_rule *rule,
                      struct err *err)
{
    uint32_t group_count = view->fabric->group_count;
    if (rule->group >= group_count ||
        (rule->peer_group != FABRIC_NO_GROUP && rule->peer_group >= group_count))
        return err_set(err, "a rule names a group that is not there");
    if (rule->direction > DIRECTION_EGRESS)
        return err_set(err, "a rule has no direction");
    if (rule->peer_group == FABRIC_NO_GROUP && check_block(rule->network, rule->prefix, err) < 0)
        return -1;
    return check_ports(rule->protocol, rule->port_from, rule->port_to, err);
}

static int check_interface(const struct fabric_view *view, const struct fabric_interface *interface,
                           struct err *err)
{
    if (fabric_check_id(interface->id, "eni-", err) < 0)
        return -1;
    if (interface->subnet >= view->fabric->subnet_count)
        return err_set(err, "interface %s is in no subnet", interface->id);
    if (interface->kind != INTERFACE_INSTANCE && interface->kind != INTERFACE_BALANCER &&
        interface->kind != INTERFACE_NAT)
        return err_set(err, "interface %s is of an unknown kind", interface->id);
    uint32_t flags = interface->flags & ~(uint32_t)INTERFACE_LOGGED;
    if (flags && (flags != INTERFACE_UNCHECKED || interface->kind != INTERFACE_INSTANCE))
        return err_set(err, "interface %s has a flag that it cannot have", interface->id);
    if (interface->group_count > FABRIC_GROUPS_PER_INTERFACE)
        return err_set(err, "interface %s has too many groups", interface->id);
    for (unsigned i = 0; i < interface->group_count; i++)
        if (interface->groups[i] >= view->fabric->group_count)
            return err_set(err, "interface %s names a group that is not there", interface->id);
    return 0;
}

/* In order of interfaces, at least one each. */
static int check_addresses(const struct fabric_view *view, struct err *err)
{
    uint32_t next = 0; /* the first interface without an address so far */
    for (uint32_t i = 0; i < view->fabric->address_count; i++) {
        const struct fabric_address *address = &view->addresses[i];
        if (address->interface >= view->fabric->interface_count || address->interface > next ||
            address->interface + 1 < next)
            return err_set(err, "an address is not in order of its interface");
        next = address->interface + 1;
        const struct fabric_interface *interface = &view->interfaces[address->interface];
        const struct fabric_subnet *subnet = &view->subnets[interface->subnet];
        if ((address->address & fabric_mask(subnet->prefix)) != subnet->network)
            return err_set(err, "interface %s lies outside its subnet", interface->id);
    }
    if (next != view->fabric->interface_count)
        return err_set(err, "an interface has no address");
    return 0;
}

static int compare_ids(const void *left, const void *right)
{
    return strncmp(left, right, ID_SIZE);
}

static int compare_addresses(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Sorts a copy of `count` keys found every `stride` bytes; zero keys may repeat. */
static int check_unique(const void *first, size_t count, size_t stride, size_t key_size,
                        int (*compare)(const void *, const void *), struct err *err)
{
    static const char zero[ID_SIZE];
    auto_free char *keys = malloc(count * key_size + 1);
    if (!keys)
        return err_set(err, "out of memory");
    for (size_t i = 0; i < count; i++)
        memcpy(keys + i * key_size, (const char *)first + i * stride, key_size);
    qsort(keys, count, key_size, compare);
    for (size_t i = 1; i < count; i++) {
        const char *key = keys + i * key_size;
        if (compare(key - key_size, key) == 0 && memcmp(key, zero, key_size) != 0)
            return err_set(err, "an id or address appears twice");
    }
    return 0;
}

static int check_all_unique(const struct fabric_view *view, struct err *err)
{
    const struct fabric *fabric = view->fabric;
    size_t stride = sizeof(struct fabric_address);
    if (check_unique(view->subnets, fabric->subnet_count, sizeof(struct fabric_subnet), ID_SIZE,
                     compare_ids, err) < 0 ||
        check_unique(view->acls, fabric->acl_count, sizeof(struct fabric_acl), ID_SIZE, compare_ids,
                     err) < 0 ||
        check_unique(view->peers, fabric->peer_count, sizeof(struct fabric_peer), ID_SIZE,
                     compare_ids, err) < 0 ||
        check_unique(view->groups, fabric->group_count, sizeof(struct fabric_group), ID_SIZE,
                     compare_ids, err) < 0 ||
        check_unique(view->interfaces, fabric->interface_count, sizeof(struct fabric_interface),
                     ID_SIZE, compare_ids, err) < 0)
        return -1;
    if (fabric->address_count == 0)
        return 0;
    if (check_unique(&view->addresses->address, fabric->address_count, stride, 4, compare_addresses,
                     err) < 0 ||
        check_unique(&view->addresses->public_address, fabric->address_count, stride, 4,
                     compare_addresses, err) < 0)
        return -1;
    return 0;
}

static int check(const struct fabric_view *view, struct err *err)
{
    const struct fabric *fabric = view->fabric;
    if (fabric_check_id(fabric->vpc, "vpc-", err) < 0 || check_blocks(view, err) < 0 ||
        check_subnets(view, err) < 0 || check_routes(view, err) < 0 || check_peers(view, err) < 0)
        return -1;
    for (uint32_t i = 0; i < fabric->acl_count; i++)
        if (fabric_check_id(view->acls[i].id, "acl-", err) < 0)
            return -1;
    if (check_acl_rules(view, err) < 0)
        return -1;
    if (check_groups(view, err) < 0)
        return -1;
    for (uint32_t i = 0; i < fabric->rule_count; i++)
        if (check_rule(view, &view->rules[i], err) < 0)
            return -1;
    for (uint32_t i = 0; i < fabric->interface_count; i++)
        if (check_interface(view, &view->interfaces[i], err) < 0)
            return -1;
    if (check_addresses(view, err) < 0)
        return -1;
    return check_all_unique(view, err);
}

int fabric_view(struct fabric_view *view, const void *message, size_t size, struct err *err)
{
    if (split(view, message, size, err) < 0 || check(view, err) < 0)
        return err_wrap(err, "malformed FABRIC message");
    return 0;
}
