#include "control/fabric_compose.h"

#include "base/map.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/filter.h"
#include "service/ec2/flow_log.h"
#include "service/ec2/network.h"
#include "service/ec2/vpc_block.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Indices of the message: ids to places in its arrays, stored as place + 1. */
struct compose {
    const struct store *store;
    const char *region, *vpc;
    const char *main_table;
    const char *default_acl;
    struct map subnets, groups, tables, acls;
    struct map interfaces; /* by their ids, and by those of NAT gateways */
    struct map peers;      /* by the ids of the connections, and by those of the other VPCs */
    struct map logged;     /* ids of what has a flow log */
    struct buf block_rows, subnet_rows, route_rows, acl_rows, acl_rule_rows, group_rows, rule_rows,
        member_rows, peer_rows, interface_rows, address_rows;
    bool has_gateway; /* without one, public addresses lead nowhere */
};

static const uint16_t none = 0xffff;

static uint16_t index_of(const struct map *map, const char *id)
{
    uintptr_t place = (uintptr_t)map_get(map, id);
    return place ? (uint16_t)(place - 1) : none;
}

static void index_add(struct map *map, const char *id)
{
    map_set(map, id, (void *)(uintptr_t)(map->count + 1));
}

/* Whether a document belongs to the VPC. */
static bool is_ours(const struct compose *compose, const json_t *doc)
{
    return doc_is(doc, "VpcId", compose->vpc);
}

static struct cidr block_of(const char *text)
{
    struct cidr cidr = {0};
    cidr_parse(text, &cidr);
    return cidr;
}

static uint32_t count_of(const struct buf *rows, size_t row_size)
{
    return (uint32_t)(rows->size / row_size);
}

/* ---- network ACLs ---- */

enum { LAST_ENTRY = 32767 }; /* denies all, as the host does with what no entry matches */

static void add_entry(struct compose *compose, const json_t *entry, uint16_t acl)
{
    const json_t *ports = json_object_get(entry, "PortRange");
    const json_t *icmp = json_object_get(entry, "IcmpTypeCode");
    int protocol = ec2_network_protocol(doc_text(entry, "Protocol"));
    const char *block_text = doc_text(entry, "CidrBlock");
    if (protocol < 0 || !*block_text || doc_number(entry, "RuleNumber") == LAST_ENTRY)
        return; /* nothing has an IPv6 address that an IPv6 entry could concern */
    struct cidr block = block_of(block_text);
    struct fabric_acl_rule row = {
        .network = block.network,
        .prefix = (uint16_t)block.prefix,
        .acl = acl,
        .number = (uint16_t)doc_number(entry, "RuleNumber"),
        .port_to = 0xffff,
        .protocol = (uint8_t)protocol,
        .direction = doc_flag(entry, "Egress") ? DIRECTION_EGRESS : DIRECTION_INGRESS,
        .action = doc_is(entry, "RuleAction", "allow") ? ACTION_ALLOW : ACTION_DENY,
    };
    if (protocol == IPPROTO_ICMP) {
        /* -1, which stands for all types or codes, becomes 0xffff */
        row.port_from = icmp ? (uint16_t)doc_number(icmp, "Type") : 0xffff;
        row.port_to = icmp ? (uint16_t)doc_number(icmp, "Code") : 0xffff;
    } else if (ports) {
        row.port_from = (uint16_t)doc_number(ports, "From");
        row.port_to = (uint16_t)doc_number(ports, "To");
    }
    buf_append(&compose->acl_rule_rows, &row, sizeof row);
}

static int compare_entries(const void *left, const void *right)
{
    const struct fabric_acl_rule *a = left, *b = right;
    if (a->acl != b->acl)
        return a->acl < b->acl ? -1 : 1;
    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static void add_acls(struct compose *compose)
{
    store_each (cursor, compose->store, "network-acl", compose->region) {
        if (!is_ours(compose, cursor.doc))
            continue;
        struct fabric_acl row = {0};
        snprintf(row.id, sizeof row.id, "%s", cursor.id);
        index_add(&compose->acls, cursor.id);
        buf_append(&compose->acl_rows, &row, sizeof row);
        if (doc_flag(cursor.doc, "IsDefault"))
            compose->default_acl = cursor.id;
        size_t i;
        const json_t *entry;
        json_array_foreach (json_object_get(cursor.doc, "Entries"), i, entry)
            add_entry(compose, entry, index_of(&compose->acls, cursor.id));
    }
    if (compose->acl_rule_rows.size)
        qsort(compose->acl_rule_rows.data,
              count_of(&compose->acl_rule_rows, sizeof(struct fabric_acl_rule)),
              sizeof(struct fabric_acl_rule), compare_entries);
}

/* The network ACL of a subnet: its own, or the VPC's default one. */
static uint16_t acl_of(const struct compose *compose, const json_t *subnet)
{
    const char *own = doc_text(subnet, "_network_acl");
    return index_of(&compose->acls, *own ? own : compose->default_acl);
}

/* The entries of the prefix list that a member of a rule or route names; NULL: it names none. */
static const json_t *entries_of(const struct compose *compose, const json_t *doc,
                                const char *member)
{
    const json_t *list =
        store_get(compose->store, "prefix-list", compose->region, doc_text(doc, member));
    return json_object_get(list, "_entries");
}

/* ---- route tables and subnets ---- */

static void add_block(struct compose *compose, const char *text, uint16_t peer)
{
    struct cidr block = block_of(text);
    struct fabric_block row = {
        .network = block.network, .prefix = (uint16_t)block.prefix, .peer = peer};
    buf_append(&compose->block_rows, &row, sizeof row);
}

/* The primary block first. */
static void add_blocks(struct compose *compose, const json_t *vpc, uint16_t peer)
{
    size_t i;
    const json_t *association;
    const char *primary = doc_text(vpc, "CidrBlock");
    add_block(compose, primary, peer);
    json_array_foreach (json_object_get(vpc, "CidrBlockAssociationSet"), i, association)
        if (!doc_is(association, "CidrBlock", primary))
            add_block(compose, doc_text(association, "CidrBlock"), peer);
}

/* ---- peering ---- */

static void add_peers(struct compose *compose)
{
    uintptr_t place = 0;
    store_each (cursor, compose->store, "vpc-peering-connection", compose->region) {
        const json_t *other =
            ec2_network_peer(compose->store, compose->region, compose->vpc, cursor.doc);
        if (!other)
            continue;
        struct fabric_peer row = {0};
        snprintf(row.id, sizeof row.id, "%s", cursor.id);
        snprintf(row.vpc, sizeof row.vpc, "%s", doc_text(other, "VpcId"));
        place++;
        map_set(&compose->peers, row.id, (void *)place);
        map_set(&compose->peers, row.vpc, (void *)place);
        add_blocks(compose, other, index_of(&compose->peers, row.id));
        buf_append(&compose->peer_rows, &row, sizeof row);
    }
}

/* The peer whose VPC a document belongs to. */
static uint16_t peer_that_has(const struct compose *compose, const json_t *doc)
{
    return doc ? index_of(&compose->peers, doc_text(doc, "VpcId")) : none;
}

/* Rows of interfaces follow in the same order. */
static void index_interfaces(struct compose *compose)
{
    uintptr_t place = 0;
    store_each (cursor, compose->store, "network-interface", compose->region) {
        if (!is_ours(compose, cursor.doc))
            continue;
        place++;
        const char *owner = doc_text(cursor.doc, "_owner");
        map_set(&compose->interfaces, cursor.id, (void *)place);
        if (!map_find(&compose->interfaces, owner)) /* a NAT gateway has one */
            map_set(&compose->interfaces, owner, (void *)place);
    }
}

/* Where a route leads; what its target names and is not there (any more) is a blackhole. */
static void set_target(const struct compose *compose, const json_t *route, struct fabric_route *row)
{
    static const char *const members[] = {"NetworkInterfaceId", "NatGatewayId"};
    const char *gateway = doc_text(route, "GatewayId");
    if (ec2_path_has(store_get(compose->store, "internet-gateway", compose->region, gateway),
                     "Attachments.VpcId", compose->vpc)) {
        row->kind = ROUTE_INTERNET_GATEWAY;
        return;
    }
    row->kind = ROUTE_BLACKHOLE;
    uint16_t peer = index_of(&compose->peers, doc_text(route, "VpcPeeringConnectionId"));
    if (peer != none) {
        row->kind = ROUTE_PEER;
        row->target = peer;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        uint16_t interface = index_of(&compose->interfaces, doc_text(route, members[i]));
        if (interface == none)
            continue;
        row->kind = ROUTE_INTERFACE;
        row->target = interface;
        return;
    }
}

static void add_route(struct compose *compose, const json_t *route, uint16_t table,
                      struct cidr block)
{
    struct fabric_route row = {
        .network = block.network,
        .prefix = (uint16_t)block.prefix,
        .table = table,
    };
    set_target(compose, route, &row);
    buf_append(&compose->route_rows, &row, sizeof row);
}

/* Whether the table, whose rows begin at `first`, leads to this block already. */
static bool has_route(const struct compose *compose, uint32_t first, struct cidr block)
{
    const struct fabric_route *rows = (const void *)compose->route_rows.data;
    for (uint32_t i = first; i < count_of(&compose->route_rows, sizeof *rows); i++)
        if (rows[i].network == block.network && rows[i].prefix == block.prefix)
            return true;
    return false;
}

/* A list gives way to other routes with its blocks, and never leads out of the VPC's own. */
static void add_list_routes(struct compose *compose, const json_t *route, uint16_t table,
                            uint32_t first)
{
    const json_t *vpc = store_get(compose->store, "vpc", compose->region, compose->vpc);
    size_t i;
    const json_t *entry;
    json_array_foreach (entries_of(compose, route, "DestinationPrefixListId"), i, entry) {
        struct cidr block;
        if (cidr_parse(doc_text(entry, "Cidr"), &block) && !ec2_vpc_contains(vpc, block) &&
            !has_route(compose, first, block))
            add_route(compose, route, table, block);
    }
}

static void add_routes(struct compose *compose, const json_t *table, uint16_t number)
{
    size_t i;
    const json_t *route, *routes = json_object_get(table, "Routes");
    uint32_t first = count_of(&compose->route_rows, sizeof(struct fabric_route));
    json_array_foreach (routes, i, route)
        if (json_object_get(route, "DestinationCidrBlock") && !doc_is(route, "GatewayId", "local"))
            add_route(compose, route, number, block_of(doc_text(route, "DestinationCidrBlock")));
    json_array_foreach (routes, i, route)
        add_list_routes(compose, route, number, first);
}

static void add_tables(struct compose *compose)
{
    store_each (cursor, compose->store, "route-table", compose->region) {
        if (!is_ours(compose, cursor.doc))
            continue;
        index_add(&compose->tables, cursor.id);
        add_routes(compose, cursor.doc, index_of(&compose->tables, cursor.id));
    }
}

/* The number of the route table that a subnet uses: its own, or the VPC's main one. */
static uint16_t table_of(const struct compose *compose, const char *subnet)
{
    for (const struct map_entry *entry = compose->tables.first; entry; entry = entry->next) {
        const json_t *table = store_get(compose->store, "route-table", compose->region, entry->key);
        if (ec2_path_has(table, "Associations.SubnetId", subnet))
            return index_of(&compose->tables, entry->key);
    }
    return index_of(&compose->tables, compose->main_table);
}

static void add_subnets(struct compose *compose)
{
    store_each (cursor, compose->store, "subnet", compose->region) {
        if (!is_ours(compose, cursor.doc))
            continue;
        struct cidr block = block_of(doc_text(cursor.doc, "CidrBlock"));
        struct fabric_subnet row = {
            .network = block.network,
            .prefix = (uint16_t)block.prefix,
            .table = table_of(compose, cursor.id),
            .acl = acl_of(compose, cursor.doc),
        };
        snprintf(row.id, sizeof row.id, "%s", cursor.id);
        index_add(&compose->subnets, cursor.id);
        buf_append(&compose->subnet_rows, &row, sizeof row);
    }
}

/* ---- security groups ---- */

static void add_group(struct compose *compose, const char *id, uint16_t peer)
{
    struct fabric_group row = {.peer = peer};
    snprintf(row.id, sizeof row.id, "%s", id);
    index_add(&compose->groups, id);
    buf_append(&compose->group_rows, &row, sizeof row);
}

static void add_groups(struct compose *compose)
{
    store_each (cursor, compose->store, "security-group", compose->region) {
        if (is_ours(compose, cursor.doc))
            add_group(compose, cursor.id, FABRIC_NO_PEER);
    }
}

/* All addresses of an interface that has the group. */
static void add_members(struct compose *compose, const json_t *interface, uint16_t group)
{
    size_t i;
    const json_t *address;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, address) {
        struct fabric_member row = {.group = group};
        cidr_parse_address(doc_text(address, "PrivateIpAddress"), &row.address);
        buf_append(&compose->member_rows, &row, sizeof row);
    }
}

/* Groups of peered VPCs that rules of ours name, and who has them. */
static void add_peers_groups(struct compose *compose)
{
    size_t own = compose->groups.count;
    store_each (cursor, compose->store, "security-group-rule", compose->region) {
        const char *peer = doc_text(json_object_get(cursor.doc, "ReferencedGroupInfo"), "GroupId");
        uint16_t group = index_of(&compose->groups, doc_text(cursor.doc, "GroupId"));
        uint16_t place = peer_that_has(
            compose, store_get(compose->store, "security-group", compose->region, peer));
        if (group < own && place != none && index_of(&compose->groups, peer) == none)
            add_group(compose, peer, place);
    }
    if (compose->groups.count == own)
        return;
    store_each (cursor, compose->store, "network-interface", compose->region) {
        size_t i;
        const json_t *group;
        json_array_foreach (json_object_get(cursor.doc, "Groups"), i, group) {
            uint16_t index = index_of(&compose->groups, doc_text(group, "GroupId"));
            if (index != none && index >= own)
                add_members(compose, cursor.doc, index);
        }
    }
}

/* `block_text`: where it lets from or to, if that is no group. */
static void add_rule(struct compose *compose, const json_t *rule, uint16_t group,
                     const char *block_text)
{
    const json_t *peer = json_object_get(rule, "ReferencedGroupInfo");
    int protocol = ec2_network_protocol(doc_text(rule, "IpProtocol"));
    uint16_t peer_group = peer ? index_of(&compose->groups, doc_text(peer, "GroupId")) : none;
    if (protocol < 0 || (peer && peer_group == none) || (!peer && !*block_text))
        return;
    bool has_ports = protocol == 1 || protocol == 6 || protocol == 17;
    struct cidr block = block_of(block_text);
    struct fabric_rule row = {
        .group = group,
        .direction = doc_flag(rule, "IsEgress") ? DIRECTION_EGRESS : DIRECTION_INGRESS,
        .protocol = (uint8_t)protocol,
        /* -1, which stands for all ICMP types or codes, becomes 0xffff */
        .port_from = has_ports ? (uint16_t)doc_number(rule, "FromPort") : 0,
        .port_to = has_ports ? (uint16_t)doc_number(rule, "ToPort") : 0xffff,
        .network = block.network,
        .prefix = (uint16_t)block.prefix,
        .peer_group = peer ? peer_group : FABRIC_NO_GROUP,
    };
    buf_append(&compose->rule_rows, &row, sizeof row);
}

/* A rule that names a prefix list is one rule for each IPv4 block of it. */
static void add_rule_of_document(struct compose *compose, const json_t *rule, uint16_t group)
{
    size_t i;
    struct cidr block;
    const json_t *entry;
    if (!json_object_get(rule, "PrefixListId"))
        add_rule(compose, rule, group, doc_text(rule, "CidrIpv4"));
    json_array_foreach (entries_of(compose, rule, "PrefixListId"), i, entry)
        if (cidr_parse(doc_text(entry, "Cidr"), &block))
            add_rule(compose, rule, group, doc_text(entry, "Cidr"));
}

/* Of the first groups, which are our own. */
static void add_rules(struct compose *compose, size_t own_count)
{
    store_each (cursor, compose->store, "security-group-rule", compose->region) {
        uint16_t group = index_of(&compose->groups, doc_text(cursor.doc, "GroupId"));
        if (group < own_count)
            add_rule_of_document(compose, cursor.doc, group);
    }
}

/* ---- interfaces ---- */

static void parse_mac(const char *text, uint8_t out[6])
{
    unsigned bytes[6] = {0};
    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
           &bytes[5]);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)bytes[i];
}

static void set_groups(const struct compose *compose, const json_t *doc,
                       struct fabric_interface *row)
{
    size_t i;
    const json_t *group;
    json_array_foreach (json_object_get(doc, "Groups"), i, group) {
        uint16_t index = index_of(&compose->groups, doc_text(group, "GroupId"));
        if (index != none && row->group_count < FABRIC_GROUPS_PER_INTERFACE)
            row->groups[row->group_count++] = index;
    }
}

/* An address of the interface that is added next, from a document that has it and its Association.
 */
static void add_address(struct compose *compose, const json_t *doc)
{
    struct fabric_address row = {
        .interface = count_of(&compose->interface_rows, sizeof(struct fabric_interface))};
    cidr_parse_address(doc_text(doc, "PrivateIpAddress"), &row.address);
    if (compose->has_gateway)
        cidr_parse_address(doc_text(json_object_get(doc, "Association"), "PublicIp"),
                           &row.public_address);
    buf_append(&compose->address_rows, &row, sizeof row);
}

/* The primary address first. */
static void add_addresses(struct compose *compose, const json_t *doc)
{
    size_t i;
    const json_t *address;
    add_address(compose, doc);
    json_array_foreach (json_object_get(doc, "PrivateIpAddresses"), i, address)
        if (!doc_flag(address, "Primary"))
            add_address(compose, address);
}

static enum fabric_interface_kind kind_of(const json_t *doc)
{
    if (doc_is(doc, "_kind", "instance"))
        return INTERFACE_INSTANCE;
    return doc_is(doc, "_kind", "nat") ? INTERFACE_NAT : INTERFACE_BALANCER;
}

static void index_flow_logs(struct compose *compose)
{
    store_each (cursor, compose->store, EC2_FLOW_LOG, compose->region)
        index_add(&compose->logged, doc_text(cursor.doc, "ResourceId"));
}

static bool is_logged(const struct compose *compose, const json_t *interface)
{
    bool logged = false;
    for (int i = 0; i < EC2_FLOW_LOG_RESOURCES; i++)
        logged |= map_find(&compose->logged, ec2_flow_log_resource(interface, i)) != NULL;
    return logged;
}

static void add_interfaces(struct compose *compose)
{
    store_each (cursor, compose->store, "network-interface", compose->region) {
        const json_t *doc = cursor.doc;
        if (!is_ours(compose, doc))
            continue;
        struct fabric_interface row = {
            .kind = kind_of(doc),
            .subnet = index_of(&compose->subnets, doc_text(doc, "SubnetId")),
        };
        snprintf(row.id, sizeof row.id, "%s", cursor.id);
        parse_mac(doc_text(doc, "MacAddress"), row.mac);
        if (row.kind == INTERFACE_INSTANCE && !doc_flag(doc, "SourceDestCheck"))
            row.flags = INTERFACE_UNCHECKED;
        if (is_logged(compose, doc))
            row.flags |= INTERFACE_LOGGED;
        set_groups(compose, doc, &row);
        add_addresses(compose, doc);
        buf_append(&compose->interface_rows, &row, sizeof row);
    }
}

uint32_t fabric_compose(const struct store *store, const char *region, const json_t *vpc,
                        bool packet_log, struct buf *out)
{
    struct compose compose = {
        .store = store,
        .region = region,
        .vpc = doc_text(vpc, "VpcId"),
        .main_table = doc_text(vpc, "_main_route_table"),
        .default_acl = "",
    };
    compose.has_gateway = ec2_network_gateway(store, region, compose.vpc) != NULL;
    add_blocks(&compose, vpc, FABRIC_OWN_BLOCK);
    add_acls(&compose);
    add_peers(&compose);
    index_interfaces(&compose);
    add_tables(&compose);
    add_subnets(&compose);
    add_groups(&compose);
    size_t own_count = compose.groups.count;
    add_peers_groups(&compose);
    add_rules(&compose, own_count);
    if (packet_log)
        index_flow_logs(&compose);
    add_interfaces(&compose);
    struct fabric head = {
        .block_count = count_of(&compose.block_rows, sizeof(struct fabric_block)),
        .subnet_count = count_of(&compose.subnet_rows, sizeof(struct fabric_subnet)),
        .acl_count = count_of(&compose.acl_rows, sizeof(struct fabric_acl)),
        .acl_rule_count = count_of(&compose.acl_rule_rows, sizeof(struct fabric_acl_rule)),
        .route_count = count_of(&compose.route_rows, sizeof(struct fabric_route)),
        .group_count = count_of(&compose.group_rows, sizeof(struct fabric_group)),
        .rule_count = count_of(&compose.rule_rows, sizeof(struct fabric_rule)),
        .member_count = count_of(&compose.member_rows, sizeof(struct fabric_member)),
        .peer_count = count_of(&compose.peer_rows, sizeof(struct fabric_peer)),
        .interface_count = count_of(&compose.interface_rows, sizeof(struct fabric_interface)),
        .address_count = count_of(&compose.address_rows, sizeof(struct fabric_address)),
    };
    snprintf(head.vpc, sizeof head.vpc, "%s", compose.vpc);
    buf_append(out, &head, sizeof head);
    struct buf *const parts[] = {
        &compose.block_rows,    &compose.subnet_rows,    &compose.route_rows,  &compose.acl_rows,
        &compose.acl_rule_rows, &compose.group_rows,     &compose.rule_rows,   &compose.member_rows,
        &compose.peer_rows,     &compose.interface_rows, &compose.address_rows};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        out->failed = out->failed || parts[i]->failed;
        if (parts[i]->size)
            buf_append(out, parts[i]->data, parts[i]->size);
        buf_reset(parts[i]);
    }
    map_finish(&compose.subnets);
    map_finish(&compose.groups);
    map_finish(&compose.tables);
    map_finish(&compose.acls);
    map_finish(&compose.interfaces);
    map_finish(&compose.peers);
    map_finish(&compose.logged);
    return head.interface_count;
}
