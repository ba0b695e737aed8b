/*
 * Flow logs: packets of interfaces that are logged are told to the guest process, each where its
 * verdict at the interface is final. Without such an interface there is no rule for it.
 *
 *     send_*    --> sent_*:      accepted from its sender
 *     receive_* --> received_*:  accepted to its receiver
 *     rejected_out, rejected_in: stopped there by a group or a network ACL
 *
 * The prefix of what is logged names the interface, action and direction ("eni-0a1b 10"), so that
 * who reads it needs to know nothing of the VPC. Of more packets a second than PACKETS_PER_SECOND
 * it only says that they are missing ("eni-0a1b 10+"): a flood of one does not drown the others.
 */
#include "host/net/ruleset_builder.h"

#include <stdio.h>

#define PACKETS_PER_SECOND "50000"
#define PACKETS_AT_ONCE    "20000" /* the socket has room for them */

/* By enum fabric_direction. */
static const struct {
    const char *rejected, *field, *link, *passed[3];
} sides[] = {
    {"rejected_in", "daddr", "oifname", {"received_forward", "received_input", "received_output"}},
    {"rejected_out", "saddr", "iifname", {"sent_forward", "sent_input", "sent_output"}},
};

/* By enum fabric_direction, then enum fabric_action. */
static const struct {
    const char *chain, *addresses, *links, *suffix;
} points[2][2] = {
    {{"log_rejected_in", "rejected_in_of", "rejected_in_links", "_rejected_in"},
     {"log_accepted_in", "accepted_in_of", "accepted_in_links", "_accepted_in"}},
    {{"log_rejected_out", "rejected_out_of", "rejected_out_links", "_rejected_out"},
     {"log_accepted_out", "accepted_out_of", "accepted_out_links", "_accepted_out"}},
};

static const char *const hook_types[2][3] = {
    {"type filter hook forward priority 20; policy accept;",
     "type filter hook input priority 20; policy accept;",
     "type filter hook output priority 20; policy accept;"},
    {"type filter hook forward priority 5; policy accept;",
     "type filter hook input priority 5; policy accept;",
     "type filter hook output priority 5; policy accept;"},
};

static bool is_logged(const struct fabric_interface *interface)
{
    return interface->flags & INTERFACE_LOGGED;
}

/* What AWS logs of nobody: IMDS, DNS, and whatever else is at link-local addresses. */
static void declare_point(struct ruleset_builder *builder, int direction, int action)
{
    const char *chain = points[direction][action].chain;
    ruleset_declare(builder, RULESET_MAP, points[direction][action].addresses,
                    "type ipv4_addr : verdict;");
    ruleset_declare(builder, RULESET_MAP, points[direction][action].links,
                    "type ifname : verdict;");
    ruleset_declare(builder, RULESET_CHAIN, chain, "");
    buf_printf(ruleset_rules(builder, chain),
               "ip saddr 169.254.0.0/16 return\nip daddr 169.254.0.0/16 return\n"
               "%s vmap @%s\nip %s vmap @%s\n",
               sides[direction].link, points[direction][action].links, sides[direction].field,
               points[direction][action].addresses);
}

static void declare_side(struct ruleset_builder *builder, int direction)
{
    for (int action = 0; action <= ACTION_ALLOW; action++)
        declare_point(builder, direction, action);
    for (int hook = 0; hook < 3; hook++) {
        const char *chain = sides[direction].passed[hook];
        ruleset_declare(builder, RULESET_CHAIN, chain, hook_types[direction][hook]);
        buf_printf(ruleset_rules(builder, chain), "jump %s\n",
                   points[direction][ACTION_ALLOW].chain);
    }
    buf_printf(ruleset_rules(builder, sides[direction].rejected), "jump %s\n",
               points[direction][ACTION_DENY].chain);
}

static void add_link(struct ruleset_builder *builder, const char *link, const char *id)
{
    char key[NET_LINK_NAME_SIZE + 2], name[RULESET_NAME_SIZE];

    snprintf(key, sizeof(key), "\"%s\"", link);
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++)
        for (int action = 0; action <= ACTION_ALLOW; action++) {
            ruleset_name(name, id ? id : "", points[direction][action].suffix);
            ruleset_add_element(builder, points[direction][action].links, key, "%s%s",
                                id ? "goto " : "return", id ? name : "");
        }
}

/* As in the judges: what forwarders, peers and the internet send is theirs, whatever addresses it
 * has.
 */
static void add_links(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;
    char link[NET_LINK_NAME_SIZE];

    add_link(builder, NET_INTERNET_LINK, NULL);
    for (uint32_t i = 0; i < view->fabric->interface_count; i++) {
        const struct fabric_interface *interface = &view->interfaces[i];
        if (!fabric_is_forwarder(interface))
            continue;
        net_link_name(link, interface->id);
        add_link(builder, link, is_logged(interface) ? interface->id : NULL);
    }
    for (uint32_t i = 0; i < view->fabric->peer_count; i++) {
        net_peer_link_name(link, view->peers[i].id);
        add_link(builder, link, NULL);
    }
}

static void build_interface(struct ruleset_builder *builder,
                            const struct fabric_interface *interface)
{
    char name[RULESET_NAME_SIZE];

    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++)
        for (int action = 0; action <= ACTION_ALLOW; action++) {
            ruleset_name(name, interface->id, points[direction][action].suffix);
            ruleset_declare(builder, RULESET_CHAIN, name, "");
            buf_printf(ruleset_rules(builder, name),
                       "limit rate " PACKETS_PER_SECOND "/second burst " PACKETS_AT_ONCE
                       " packets log prefix \"%s %d%d\" group %u snaplen 64 queue-threshold 32 "
                       "return\n"
                       "limit rate 1/second burst 1 packets log prefix \"%s %d%d+\" group %u "
                       "snaplen 64 queue-threshold 32\n",
                       interface->id, action, direction, builder->log_group, interface->id, action,
                       direction, builder->log_group);
        }
}

static void add_address(struct ruleset_builder *builder, const struct fabric_address *row)
{
    const char *id = builder->view->interfaces[row->interface].id;
    char address[RULESET_LINE_SIZE], name[RULESET_NAME_SIZE];

    snprintf(address, sizeof(address), QUAD_FORMAT, QUAD(row->address));
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++)
        for (int action = 0; action <= ACTION_ALLOW; action++) {
            ruleset_name(name, id, points[direction][action].suffix);
            ruleset_add_element(builder, points[direction][action].addresses, address, "goto %s",
                                name);
        }
}

void ruleset_build_flows(struct ruleset_builder *builder)
{
    const struct fabric_view *view = builder->view;
    bool logged = false;

    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        logged |= is_logged(&view->interfaces[i]);
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        ruleset_declare(builder, RULESET_CHAIN, sides[direction].rejected, "");
        if (logged)
            declare_side(builder, direction);
        buf_append_string(ruleset_rules(builder, sides[direction].rejected), "drop\n");
    }
    if (!logged)
        return;
    add_links(builder);
    for (uint32_t i = 0; i < view->fabric->interface_count; i++)
        if (is_logged(&view->interfaces[i]))
            build_interface(builder, &view->interfaces[i]);
    for (uint32_t i = 0; i < view->fabric->address_count; i++) {
        const struct fabric_interface *interface = &view->interfaces[view->addresses[i].interface];
        if (is_logged(interface) && !fabric_is_forwarder(interface))
            add_address(builder, &view->addresses[i]);
    }
}
