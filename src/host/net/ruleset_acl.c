/*
 * Network ACLs. They judge each packet that crosses the edge of a subnet by itself, whatever went
 * before it, before the groups of its sender or receiver do.
 *
 *     leave_subnet --> @subnets_out --> subnet_X_out --> acl_Y_out: return or drop
 *     enter_subnet --> @subnets_in  --> subnet_Z_in  --> acl_Y_in:  return or drop
 *
 * Addresses are private ones there, as AWS's ACLs see them: those of the internet gateway are
 * translated before and after. A changed entry costs the same however many subnets have its ACL.
 */
#include "host/net/router.h"
#include "host/net/ruleset_builder.h"

#include <stdio.h>

static const struct {
    const char *name, *type;
    enum ruleset_kind kind;
} objects[] = {
    {"subnets_out", "type ipv4_addr : verdict; flags interval;", RULESET_MAP},
    {"subnets_in", "type ipv4_addr : verdict; flags interval;", RULESET_MAP},
    {"links_out", "type ifname : verdict;", RULESET_MAP},
    {"links_in", "type ifname : verdict;", RULESET_MAP},
    {"forwarders", "type ifname;", RULESET_SET},
    {"leave_subnet", "", RULESET_CHAIN},
    {"enter_subnet", "", RULESET_CHAIN},
};

/* Of a packet's other end, by direction. */
static const char *const other_fields[] = {"saddr", "daddr"};

static void build_chains(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;
    char name[RULESET_NAME_SIZE];

    for (uint32_t i = 0; i < view->fabric->acl_count; i++)
        for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
            ruleset_name(name, view->acls[i].id, ruleset_suffixes[direction]);
            ruleset_declare(builder, RULESET_CHAIN, name, "");
        }
    for (uint32_t i = 0; i < view->fabric->acl_rule_count; i++) {
        const struct fabric_acl_rule *rule = &view->acl_rules[i];
        ruleset_name(name, view->acls[rule->acl].id, ruleset_suffixes[rule->direction]);
        struct buf *line = ruleset_rules(builder, name);
        if (rule->prefix)
            buf_printf(line, "ip %s " QUAD_FORMAT "/%u ", other_fields[rule->direction],
                       QUAD(rule->network), rule->prefix);
        ruleset_append_protocol(line, rule->protocol, rule->port_from, rule->port_to);
        if (rule->action == ACTION_ALLOW)
            buf_append_string(line, "return\n");
        else
            buf_printf(line, "goto rejected%s\n", ruleset_suffixes[rule->direction]);
    }
    for (uint32_t i = 0; i < view->fabric->acl_count; i++)
        for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
            ruleset_name(name, view->acls[i].id, ruleset_suffixes[direction]);
            buf_printf(ruleset_rules(builder, name), "goto rejected%s\n",
                       ruleset_suffixes[direction]);
        }
}

static void declare_subnet(struct ruleset_builder *builder, const struct fabric_subnet *subnet)
{
    static const char *const maps[] = {"subnets_in", "subnets_out"};
    char name[RULESET_NAME_SIZE], block[RULESET_LINE_SIZE];

    snprintf(block, sizeof(block), QUAD_FORMAT "/%u", QUAD(subnet->network), subnet->prefix);
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, subnet->id, ruleset_suffixes[direction]);
        ruleset_declare(builder, RULESET_CHAIN, name, "");
        ruleset_add_element(builder, maps[direction], block, "goto %s", name);
    }
}

static const char *const other_links[] = {"iifname", "oifname"};

/* Where a forwarder is, its link says, whatever addresses its packets have. */
static void build_forwarder(struct ruleset_builder *builder,
                            const struct fabric_interface *interface)
{
    static const char *const maps[] = {"links_in", "links_out"};
    const struct fabric_subnet *subnet = &builder->view->subnets[interface->subnet];
    char name[RULESET_NAME_SIZE], link[NET_LINK_NAME_SIZE], key[RULESET_LINE_SIZE];

    net_link_name(link, interface->id);
    snprintf(key, sizeof(key), "\"%s\"", link);
    ruleset_add_element(builder, "forwarders", key, "%s", "");
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, subnet->id, ruleset_suffixes[direction]);
        ruleset_add_element(builder, maps[direction], key, "goto %s", name);
        buf_printf(ruleset_rules(builder, name), "%s %s return\n", other_links[direction], key);
    }
}

/* What stays in the subnet is not judged. */
static void build_subnet(struct ruleset_builder *builder, const struct fabric_subnet *subnet)
{
    char name[RULESET_NAME_SIZE], acl[RULESET_NAME_SIZE];

    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_name(name, subnet->id, ruleset_suffixes[direction]);
        ruleset_name(acl, builder->view->acls[subnet->acl].id, ruleset_suffixes[direction]);
        struct buf *lines = ruleset_rules(builder, name);
        if (builder->has_forwarders)
            buf_printf(lines, "%s @forwarders goto %s\n", other_links[direction], acl);
        buf_printf(lines, "ip %s " QUAD_FORMAT "/%u return\ngoto %s\n", other_fields[direction],
                   QUAD(subnet->network), subnet->prefix, acl);
    }
}

void ruleset_build_acls(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;

    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        ruleset_declare(builder, objects[i].kind, objects[i].name, objects[i].type);
    build_chains(builder);
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        declare_subnet(builder, &view->subnets[i]);
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        if (fabric_is_forwarder(&view->interfaces[i]))
            build_forwarder(builder, &view->interfaces[i]);
    for (uint32_t i = 0; i < view->fabric->subnet_count; i++)
        build_subnet(builder, &view->subnets[i]);
}
