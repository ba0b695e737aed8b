#include "fabric_builder.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t quad(const char *text)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1)
        abort();
    return ntohl(address.s_addr);
}

static void parse_block(const char *block, uint32_t *network, uint16_t *prefix)
{
    char text[INET_ADDRSTRLEN];
    size_t size = strcspn(block, "/");
    snprintf(text, sizeof(text), "%.*s", (int)size, block);
    *network = quad(text);
    *prefix = (uint16_t)strtoul(block + size + 1, NULL, 10);
}

void build_vpc(struct fabric_builder *builder, const char *vpc)
{
    memset(builder, 0, sizeof(*builder));
    snprintf(builder->fabric.vpc, ID_SIZE, "%s", vpc);
    build_block(builder, "10.0.0.0/16", FABRIC_OWN_BLOCK);
    int acl = build_acl(builder);
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++)
        build_acl_rule(builder, acl, (enum fabric_direction)direction, 100, 0, 0, 0xffff,
                       "0.0.0.0/0", ACTION_ALLOW);
}

int build_block(struct fabric_builder *builder, const char *block, int peer)
{
    uint32_t index = builder->fabric.block_count++;
    parse_block(block, &builder->blocks[index].network, &builder->blocks[index].prefix);
    builder->blocks[index].peer = (uint16_t)peer;
    return (int)index;
}

int build_subnet(struct fabric_builder *builder, const char *block, int table)
{
    uint32_t index = builder->fabric.subnet_count++;
    struct fabric_subnet *subnet = &builder->subnets[index];
    snprintf(subnet->id, ID_SIZE, "subnet-%017x", index);
    parse_block(block, &subnet->network, &subnet->prefix);
    subnet->table = (uint16_t)table;
    return (int)index;
}

int build_route(struct fabric_builder *builder, int table, const char *block,
                enum fabric_route_kind kind)
{
    uint32_t index = builder->fabric.route_count++;
    struct fabric_route *route = &builder->routes[index];
    parse_block(block, &route->network, &route->prefix);
    route->table = (uint16_t)table;
    route->kind = kind;
    return (int)index;
}

int build_route_to(struct fabric_builder *builder, int table, const char *block,
                   enum fabric_route_kind kind, int target)
{
    int index = build_route(builder, table, block, kind);
    builder->routes[index].target = (uint32_t)target;
    return index;
}

int build_acl(struct fabric_builder *builder)
{
    uint32_t index = builder->fabric.acl_count++;
    snprintf(builder->acls[index].id, ID_SIZE, "acl-%017x", index);
    return (int)index;
}

int build_acl_rule(struct fabric_builder *builder, int acl, enum fabric_direction direction,
                   int number, int protocol, int port_from, int port_to, const char *block,
                   enum fabric_action action)
{
    uint32_t index = builder->fabric.acl_rule_count++;
    struct fabric_acl_rule *rule = &builder->acl_rules[index];
    rule->acl = (uint16_t)acl;
    rule->direction = (uint8_t)direction;
    rule->number = (uint16_t)number;
    rule->protocol = (uint8_t)protocol;
    rule->port_from = (uint16_t)port_from;
    rule->port_to = (uint16_t)port_to;
    rule->action = (uint8_t)action;
    parse_block(block, &rule->network, &rule->prefix);
    return (int)index;
}

int build_group(struct fabric_builder *builder)
{
    uint32_t index = builder->fabric.group_count++;
    snprintf(builder->groups[index].id, ID_SIZE, "sg-%017x", index);
    builder->groups[index].peer = FABRIC_NO_PEER;
    return (int)index;
}

int build_rule(struct fabric_builder *builder, int group, enum fabric_direction direction,
               int protocol, int port_from, int port_to, const char *peer, int peer_group)
{
    uint32_t index = builder->fabric.rule_count++;
    struct fabric_rule *rule = &builder->rules[index];
    rule->group = (uint16_t)group;
    rule->direction = (uint8_t)direction;
    rule->protocol = (uint8_t)protocol;
    rule->port_from = (uint16_t)port_from;
    rule->port_to = (uint16_t)port_to;
    rule->peer_group = (uint16_t)peer_group;
    if (peer) {
        rule->peer_group = FABRIC_NO_GROUP;
        parse_block(peer, &rule->network, &rule->prefix);
    }
    return (int)index;
}

int build_egress(struct fabric_builder *builder, int group)
{
    return build_rule(builder, group, DIRECTION_EGRESS, 0, 0, 0, "0.0.0.0/0", 0);
}

int build_interface(struct fabric_builder *builder, enum fabric_interface_kind kind, int subnet,
                    const char *address, const char *public_address, int group)
{
    uint32_t index = builder->fabric.interface_count++;
    struct fabric_interface *interface = &builder->interfaces[index];
    snprintf(interface->id, ID_SIZE, "eni-%017x", index);
    interface->kind = kind;
    interface->subnet = (uint16_t)subnet;
    interface->mac[0] = 2;
    interface->mac[5] = (uint8_t)index;
    interface->groups[interface->group_count++] = (uint16_t)group;
    build_address(builder, (int)index, address, public_address);
    return (int)index;
}

int build_address(struct fabric_builder *builder, int interface, const char *address,
                  const char *public_address)
{
    uint32_t index = builder->fabric.address_count++;
    struct fabric_address *row = &builder->addresses[index];
    row->interface = (uint32_t)interface;
    row->address = quad(address);
    row->public_address = public_address ? quad(public_address) : 0;
    return (int)index;
}

struct fabric *build_message(const struct fabric_builder *builder, size_t *ret_size)
{
    const struct fabric *fabric = &builder->fabric;
    struct buf message = {0};

    buf_append(&message, fabric, sizeof(*fabric));
#define ROWS(array, counter)                                                                       \
    buf_append(&message, builder->array, fabric->counter * sizeof(*builder->array))
    ROWS(blocks, block_count);
    ROWS(subnets, subnet_count);
    ROWS(routes, route_count);
    ROWS(acls, acl_count);
    ROWS(acl_rules, acl_rule_count);
    ROWS(groups, group_count);
    ROWS(rules, rule_count);
    ROWS(members, member_count);
    ROWS(peers, peer_count);
    ROWS(interfaces, interface_count);
    ROWS(addresses, address_count);
#undef ROWS
    *ret_size = message.size;
    return (struct fabric *)(void *)buf_take(&message);
}
