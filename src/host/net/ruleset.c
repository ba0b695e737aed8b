/*
 * A packet is judged twice, in two base chains of each hook: first where its sender is, by what
 * leaves the subnet (ruleset_acl.c) and the groups' egress rules, then where its receiver is. An
 * accept ends only the base chain that it is in, so both must accept.
 *
 *     forward, input, output
 *         send_*    --> leave_subnet: return or drop
 *                   --> send    --> @egress  --> eni_X_out --> sg_Y_out: accept
 *         receive_* --> enter_subnet: return or drop
 *                   --> receive --> @ingress --> eni_Z_in  --> sg_Y_in:  accept
 *
 * A group's rules stand in one chain and its members in one set, so a changed rule or a new
 * interface costs the same however many interfaces there are. What passed or was stopped where can
 * be logged (ruleset_flows.c).
 */
#include "host/net/ruleset.h"

#include "host/net/router.h"
#include "host/net/ruleset_builder.h"

#include <stdio.h>
#include <string.h>

static void name_link(char name[NET_LINK_NAME_SIZE], char sort, const char *id)
{
    size_t length = strnlen(id, ID_SIZE), tail = NET_LINK_NAME_SIZE - 2;
    snprintf(name, NET_LINK_NAME_SIZE, "%c%s", sort, id + (length > tail ? length - tail : 0));
}

void net_link_name(char name[NET_LINK_NAME_SIZE], const char *interface_id)
{
    name_link(name, 'v', interface_id);
}

void net_peer_link_name(char name[NET_LINK_NAME_SIZE], const char *peering_id)
{
    name_link(name, 'p', peering_id);
}

/* ---- what every VPC has ---- */

static const struct {
    const char *name, *type;
    enum ruleset_kind kind;
} fixed_objects[] = {
    {"peers", "type ifname;", RULESET_SET},
    {"peer_sources", "type ifname . ipv4_addr; flags interval;", RULESET_SET},
    {"own_blocks", "type ipv4_addr; flags interval;", RULESET_SET},
    {"own_names", "type ipv4_addr . ipv4_addr;", RULESET_SET},
    {"bound", "typeof iifname . ip saddr . ether saddr;", RULESET_SET},
    {"unchecked", "typeof iifname . ether saddr;", RULESET_SET},
    {"egress", "type ipv4_addr : verdict;", RULESET_MAP},
    {"ingress", "type ipv4_addr : verdict;", RULESET_MAP},
    {"egress_links", "type ifname : verdict;", RULESET_MAP},
    {"ingress_links", "type ifname : verdict;", RULESET_MAP},
    {"public", "type ipv4_addr : ipv4_addr;", RULESET_MAP},
    {"private", "type ipv4_addr : ipv4_addr;", RULESET_MAP},
    {"spoofing", "type filter hook prerouting priority -300; policy drop;", RULESET_CHAIN},
    {"prerouting", "type nat hook prerouting priority -100; policy accept;", RULESET_CHAIN},
    {"postrouting", "type nat hook postrouting priority 100; policy accept;", RULESET_CHAIN},
    {"leave", "type filter hook postrouting priority 200; policy accept;", RULESET_CHAIN},
    {"send", "", RULESET_CHAIN},
    {"receive", "", RULESET_CHAIN},
    {"services", "", RULESET_CHAIN},
    {"tracked", "", RULESET_CHAIN},
    {"send_forward", "type filter hook forward priority 0; policy drop;", RULESET_CHAIN},
    {"send_input", "type filter hook input priority 0; policy drop;", RULESET_CHAIN},
    {"send_output", "type filter hook output priority 0; policy drop;", RULESET_CHAIN},
    {"receive_forward", "type filter hook forward priority 10; policy drop;", RULESET_CHAIN},
    {"receive_input", "type filter hook input priority 10; policy drop;", RULESET_CHAIN},
    {"receive_output", "type filter hook output priority 10; policy drop;", RULESET_CHAIN},
};

#define FOREIGN  ROUTER_FOREIGN_MARK
#define INTERNET "\"" NET_INTERNET_LINK "\""

/* What network ACLs do not judge: the guest services, and what the router itself says of packets.
 */
#define EXEMPT(judge)                                                                              \
    "ip saddr { " ROUTER_IMDS_TEXT ", " ROUTER_DNS_TEXT " } goto " judge "\n"                      \
    "icmp type { destination-unreachable, time-exceeded } goto " judge "\n"

/* The rules of the fixed chains that are the same in every VPC. */
static const struct {
    const char *chain, *rules;
} fixed_rules[] = {
    {"spoofing", "iifname { \"lo\", " INTERNET " } accept\n"
                 "iifname . ip saddr . ether saddr @bound accept\n"
                 "ip saddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } drop\n"
                 "ip daddr 169.254.0.0/16 drop\n"
                 "iifname @peers ether saddr " ROUTER_FOREIGN_MAC " meta mark set " FOREIGN "\n"
                 "iifname . ip saddr @peer_sources ip daddr @own_blocks accept\n"},
    {"prerouting", "iifname " INTERNET " dnat to ip daddr map @public\n"},
    {"postrouting", "oifname " INTERNET " snat to ip saddr map @private\n"},
    {"send",
     "icmp type redirect drop\n"
     "oifname " INTERNET " ip daddr != 100.64.0.0/10 drop\n"
     "oifname " INTERNET " ip saddr 100.64.0.0/10 drop\n"
     "oifname " INTERNET " meta mark " FOREIGN " ip saddr . ip daddr @own_names drop\n"
     "iifname " INTERNET
     " ct direction original ip daddr . ct original ip daddr != @own_names drop\n"
     "iifname " INTERNET " ct direction reply ip daddr . ct reply ip daddr != @own_names drop\n"
     "jump tracked\n"
     "ct state invalid drop\n"
     "iifname " INTERNET " ct status dnat accept\n"
     "iifname " INTERNET " drop\n"},
    {"receive", "jump tracked\n"
                "oifname " INTERNET " accept\n"},
    /* A connection remembers a public address also when somebody else has it. */
    {"leave",
     "oifname " INTERNET
     " ct direction original ct original ip saddr . ip saddr != @own_names drop\n"
     "oifname " INTERNET " ct direction reply ct reply ip saddr . ip saddr != @own_names drop\n"},
    /* What a forwarder sends for others may answer them, but is no part of what they sent. */
    {"tracked", "meta mark " FOREIGN " ct direction original return\n"
                "ct state established,related accept\n"},
    {"services", "iifname " INTERNET " return\n"
                 "iifname @peers return\n"
                 "ip daddr " ROUTER_IMDS_TEXT " tcp dport 80 accept\n"
                 "ip daddr " ROUTER_DNS_TEXT " meta l4proto { tcp, udp } th dport 53 accept\n"},
    {"send_forward", "jump leave_subnet\njump send\n"},
    {"send_input", "jump services\njump leave_subnet\njump send\n"},
    {"send_output", EXEMPT("send") "jump leave_subnet\njump send\n"},
    {"receive_forward", "jump enter_subnet\njump receive\n"},
    {"receive_input", "jump services\njump enter_subnet\njump receive\n"},
    {"receive_output", EXEMPT("receive") "jump enter_subnet\njump receive\n"},
};

static void build_fixed(struct ruleset_builder *builder, uint32_t world_network)
{
    uint32_t resolver = builder->view->blocks[0].network + ROUTER_RESOLVER_OFFSET;

    for (size_t i = 0; i < sizeof(fixed_objects) / sizeof(*fixed_objects); i++)
        ruleset_declare(builder, fixed_objects[i].kind, fixed_objects[i].name,
                        fixed_objects[i].type);
    for (size_t i = 0; i < sizeof(fixed_rules) / sizeof(*fixed_rules); i++)
        buf_append_string(ruleset_rules(builder, fixed_rules[i].chain), fixed_rules[i].rules);
    buf_printf(ruleset_rules(builder, "prerouting"),
               "iifname != " INTERNET " iifname != @peers ip daddr " QUAD_FORMAT
               " meta l4proto { tcp, udp } th dport 53 dnat to " ROUTER_DNS_TEXT "\n",
               QUAD(resolver));
    buf_printf(ruleset_rules(builder, "spoofing"),
               "ip daddr " QUAD_FORMAT " drop\n"
               "iifname . ether saddr @unchecked meta mark set " FOREIGN " accept\n",
               QUAD(resolver));
    buf_printf(ruleset_rules(builder, "leave"),
               "oifname " INTERNET " ip saddr != " QUAD_FORMAT "/16 drop\n", QUAD(world_network));
}

/*
 * Sender and receiver of a packet are those of its addresses, except that of a packet that comes
 * from a forwarder or a peered VPC, or goes to one, the link tells.
 */
static const struct {
    const char *chain, *by_link, *by_address;
} judges[] = {
    {"leave_subnet", "iifname vmap @links_out\n", "ip saddr vmap @subnets_out\n"},
    {"enter_subnet", "oifname vmap @links_in\n", "ip daddr vmap @subnets_in\n"},
    {"send", "iifname vmap @egress_links\n", "ip saddr vmap @egress\n"},
    {"receive", "oifname vmap @ingress_links\n", "ip daddr vmap @ingress\n"},
};

static void build_judges(struct ruleset_builder *builder)
{
    for (size_t i = 0; i < sizeof(judges) / sizeof(*judges); i++) {
        if (builder->has_forwarders || builder->view->fabric->peer_count)
            buf_append_string(ruleset_rules(builder, judges[i].chain), judges[i].by_link);
        buf_append_string(ruleset_rules(builder, judges[i].chain), judges[i].by_address);
    }
}

/* ---- groups and their rules ---- */

/* Peered VPCs may have the same addresses as each other: a member of one's group is behind its
 * link.
 */
static void append_peer_group(struct buf *line, const struct fabric_view *view, uint16_t index,
                              bool is_ingress)
{
    const struct fabric_group *group = &view->groups[index];
    char members[RULESET_NAME_SIZE], link[NET_LINK_NAME_SIZE];

    ruleset_name(members, group->id, "_members");
    if (group->peer != FABRIC_NO_PEER) {
        net_peer_link_name(link, view->peers[group->peer].id);
        buf_printf(line, "%s \"%s\" ", is_ingress ? "iifname" : "oifname", link);
    }
    buf_printf(line, "meta mark != " FOREIGN " ip %s @%s ", is_ingress ? "saddr" : "daddr",
               members);
}

static void append_peer(struct buf *line, const struct fabric_view *view,
                        const struct fabric_rule *rule)
{
    bool is_ingress = rule->direction == DIRECTION_INGRESS;

    if (rule->peer_group != FABRIC_NO_GROUP) {
        append_peer_group(line, view, rule->peer_group, is_ingress);
    } else if (rule->prefix) {
        const char *field = is_ingress ? "saddr" : "daddr";
        buf_printf(line, "ip %s " QUAD_FORMAT "/%u ", field, QUAD(rule->network), rule->prefix);
    }
}

static void build_groups(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;
    char name[RULESET_NAME_SIZE];

    for (uint32_t i = 0; i < view->fabric->group_count; i++) {
        ruleset_name(name, view->groups[i].id, "_members");
        ruleset_declare(builder, RULESET_SET, name, "type ipv4_addr;");
        for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
            ruleset_name(name, view->groups[i].id, ruleset_suffixes[direction]);
            ruleset_declare(builder, RULESET_CHAIN, name, "");
        }
    }
    for (uint32_t i = 0; i < view->fabric->rule_count; i++) {
        const struct fabric_rule *rule = &view->rules[i];
        ruleset_name(name, view->groups[rule->group].id, ruleset_suffixes[rule->direction]);
        struct buf *rules = ruleset_rules(builder, name);
        append_peer(rules, view, rule);
        ruleset_append_protocol(rules, rule->protocol, rule->port_from, rule->port_to);
        buf_append_string(rules, "accept\n");
    }
}

/* ---- peers ---- */

/* What comes from a peer, its sender's rules have let out there; what goes to one is judged there.
 */
static void build_peer(struct ruleset_builder *builder, const struct fabric_peer *peer)
{
    char name[NET_LINK_NAME_SIZE], key[RULESET_LINE_SIZE];

    net_peer_link_name(name, peer->id);
    snprintf(key, sizeof(key), "\"%s\"", name);
    ruleset_add_element(builder, "peers", key, "%s", "");
    ruleset_add_element(builder, "egress_links", key, "accept");
    ruleset_add_element(builder, "ingress_links", key, "accept");
}

static void build_block(struct ruleset_builder *builder, const struct fabric_block *block)
{
    char name[NET_LINK_NAME_SIZE], text[RULESET_NAME_SIZE], key[RULESET_LINE_SIZE];

    snprintf(text, sizeof(text), QUAD_FORMAT "/%u", QUAD(block->network), block->prefix);
    if (block->peer == FABRIC_OWN_BLOCK) {
        ruleset_add_element(builder, "own_blocks", text, "%s", "");
        return;
    }
    net_peer_link_name(name, builder->view->peers[block->peer].id);
    snprintf(key, sizeof(key), "\"%s\" . %s", name, text);
    ruleset_add_element(builder, "peer_sources", key, "%s", "");
}

static void build_member(struct ruleset_builder *builder, const struct fabric_member *member)
{
    char name[RULESET_NAME_SIZE], address[RULESET_LINE_SIZE];

    ruleset_name(name, builder->view->groups[member->group].id, "_members");
    snprintf(address, sizeof(address), QUAD_FORMAT, QUAD(member->address));
    ruleset_add_element(builder, name, address, "%s", "");
}

static void build_peers(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;

    for (uint32_t i = 0; i < view->fabric->peer_count; i++)
        build_peer(builder, &view->peers[i]);
    for (uint32_t i = 0; i < view->fabric->block_count; i++)
        build_block(builder, &view->blocks[i]);
    for (uint32_t i = 0; i < view->fabric->member_count; i++)
        build_member(builder, &view->members[i]);
}

/* ---- interfaces ---- */

static const char *const verdict_maps[] = {"ingress", "egress"};

static void build_mac(char text[RULESET_NAME_SIZE], const uint8_t mac[6])
{
    snprintf(text, RULESET_NAME_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
}

static void build_forwarder(struct ruleset_builder *builder,
                            const struct fabric_interface *interface)
{
    static const char *const maps[] = {"ingress_links", "egress_links"};
    char link[NET_LINK_NAME_SIZE], name[RULESET_NAME_SIZE], mac[RULESET_NAME_SIZE],
        key[RULESET_LINE_SIZE];

    net_link_name(link, interface->id);
    snprintf(key, sizeof(key), "\"%s\"", link);
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, interface->id, ruleset_suffixes[direction]);
        ruleset_add_element(builder, maps[direction], key, "goto %s", name);
    }
    build_mac(mac, interface->mac);
    snprintf(key, sizeof(key), "\"%s\" . %s", link, mac);
    ruleset_add_element(builder, "unchecked", key, "%s", "");
}

/* The chains that judge an interface's packets, whichever of its addresses they have. */
static void build_interface(struct ruleset_builder *builder,
                            const struct fabric_interface *interface)
{
    const struct fabric_group *groups = builder->view->groups;
    char name[RULESET_NAME_SIZE], group[RULESET_NAME_SIZE];

    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, interface->id, ruleset_suffixes[direction]);
        ruleset_declare(builder, RULESET_CHAIN, name, "");
        for (unsigned i = 0; i < interface->group_count; i++) {
            ruleset_name(group, groups[interface->groups[i]].id, ruleset_suffixes[direction]);
            buf_printf(ruleset_rules(builder, name), "jump %s\n", group);
        }
        if (interface->kind == INTERFACE_NAT)
            buf_append_string(ruleset_rules(builder, name), "accept\n");
        else
            buf_printf(ruleset_rules(builder, name), "goto rejected%s\n",
                       ruleset_suffixes[direction]);
    }
    if (fabric_is_forwarder(interface))
        build_forwarder(builder, interface);
}

static void build_bound(struct ruleset_builder *builder, const struct fabric_interface *interface,
                        const char *address)
{
    char link[NET_LINK_NAME_SIZE], mac[RULESET_NAME_SIZE], key[RULESET_LINE_SIZE];

    if (interface->kind == INTERFACE_BALANCER)
        return;
    net_link_name(link, interface->id);
    build_mac(mac, interface->mac);
    snprintf(key, sizeof(key), "\"%s\" . %s . %s", link, address, mac);
    ruleset_add_element(builder, "bound", key, "%s", "");
}

/* What is found by an address: the chains of its interface, its groups, its public address. */
static void build_address(struct ruleset_builder *builder, const struct fabric_address *row)
{
    const struct fabric_interface *interface = &builder->view->interfaces[row->interface];
    char name[RULESET_NAME_SIZE], address[RULESET_LINE_SIZE], public[RULESET_LINE_SIZE];

    snprintf(address, sizeof(address), QUAD_FORMAT, QUAD(row->address));
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, interface->id, ruleset_suffixes[direction]);
        ruleset_add_element(builder, verdict_maps[direction], address, "goto %s", name);
    }
    for (unsigned i = 0; i < interface->group_count; i++) {
        ruleset_name(name, builder->view->groups[interface->groups[i]].id, "_members");
        ruleset_add_element(builder, name, address, "%s", "");
    }
    build_bound(builder, interface, address);
    if (!row->public_address)
        return;
    snprintf(public, sizeof(public), QUAD_FORMAT, QUAD(row->public_address));
    ruleset_add_element(builder, "public", public, "%s", address);
    ruleset_add_element(builder, "private", address, "%s", public);
    char names[2 * RULESET_LINE_SIZE];
    snprintf(names, sizeof(names), "%s . %s", address, public);
    ruleset_add_element(builder, "own_names", names, "%s", "");
}

int ruleset_build(struct ruleset *ruleset, const struct fabric_view *view, uint32_t world_network,
                  unsigned log_group, struct err *err)
{
    struct ruleset_builder builder = {.ruleset = ruleset, .view = view, .log_group = log_group};

    memset(ruleset, 0, sizeof(*ruleset));
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        builder.has_forwarders |= fabric_is_forwarder(&view->interfaces[i]);
    build_fixed(&builder, world_network);
    ruleset_build_flows(&builder);
    ruleset_build_acls(&builder);
    build_judges(&builder);
    build_groups(&builder);
    build_peers(&builder);
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        build_interface(&builder, &view->interfaces[i]);
    for (uint32_t i = 0; i < view->fabric->address_count; i++)
        build_address(&builder, &view->addresses[i]);
    map_each (entry, &ruleset->objects) {
        const struct ruleset_object *object = entry->value;
        builder.failed |= object->rules.failed;
    }
    if (!builder.failed)
        return 0;
    ruleset_reset(ruleset);
    return err_set(err, "out of memory");
}
