/*
 * A packet is judged twice, in two base chains of each hook: first by its sender's egress rules,
 * then by its receiver's ingress rules. An accept ends only the base chain that it is in, so both
 * must accept.
 *
 *     forward, input, output --> send    --> @egress  --> eni_X_out --> sg_Y_out: accept
 *                            --> receive --> @ingress --> eni_Z_in  --> sg_Y_in:  accept
 *
 * A group's rules stand in one chain and its members in one set, so a changed rule or a new
 * interface costs the same however many interfaces there are.
 */
#include "host/net/ruleset.h"

#include "base/cleanup.h"
#include "host/net/router.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum object_kind { OBJECT_SET, OBJECT_MAP, OBJECT_CHAIN };
enum { NAME_SIZE = ID_SIZE + 16, LINE_SIZE = 256, PORT_MAX = 0xffff, ICMP_ALL = 0xffff };

struct ruleset_object {
    enum object_kind kind;
    const char *type;    /* static; what stands in the braces of its declaration */
    struct map elements; /* of sets and maps: key -> malloc'd text, "" in sets */
    struct buf rules;    /* of chains: one rule a line */
};

/* Dotted quad of an address in host byte order, as arguments of printf. */
#define QUAD_FORMAT   "%u.%u.%u.%u"
#define QUAD(address) (address) >> 24, (address) >> 16 & 255, (address) >> 8 & 255, (address)&255

/* ---- objects ---- */

static void object_free(struct ruleset_object *object)
{
    if (!object)
        return;
    map_each (entry, &object->elements)
        free(entry->value);
    map_finish(&object->elements);
    buf_reset(&object->rules);
    free(object);
}

void ruleset_reset(struct ruleset *ruleset)
{
    map_each (entry, &ruleset->objects)
        object_free(entry->value);
    map_finish(&ruleset->objects);
    memset(ruleset, 0, sizeof(*ruleset));
}

/* Ruleset under construction; failure is sticky. */
struct builder {
    struct ruleset *ruleset;
    const struct fabric_view *view;
    bool failed;
};

static struct ruleset_object *declare(struct builder *builder, enum object_kind kind,
                                      const char *name, const char *type)
{
    struct ruleset_object *object = calloc(1, sizeof(*object));
    if (!object || map_set(&builder->ruleset->objects, name, object) < 0) {
        object_free(object);
        builder->failed = true;
        return NULL;
    }
    object->kind = kind;
    object->type = type;
    return object;
}

__attribute__((format(printf, 4, 5))) static void
add_element(struct builder *builder, const char *set, const char *key, const char *format, ...)
{
    struct ruleset_object *object = map_get(&builder->ruleset->objects, set);
    auto_buf value = {0};
    va_list arguments;
    char text[LINE_SIZE];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buf_append_string(&value, text);
    auto_free char *owned = buf_take(&value);
    if (!object || !owned || map_set(&object->elements, key, owned) < 0)
        builder->failed = true;
    else
        owned = NULL;
}

/* "sg-0a1b" and "_in" give "sg_0a1b_in". */
static void name_of(char name[NAME_SIZE], const char *id, const char *suffix)
{
    snprintf(name, NAME_SIZE, "%.*s%s", ID_SIZE, id, suffix);
    for (char *byte = name; *byte; byte++)
        if (*byte == '-')
            *byte = '_';
}

void net_link_name(char name[NET_LINK_NAME_SIZE], const char *interface_id)
{
    size_t length = strnlen(interface_id, ID_SIZE), tail = NET_LINK_NAME_SIZE - 2;
    snprintf(name, NET_LINK_NAME_SIZE, "v%s", interface_id + (length > tail ? length - tail : 0));
}

/* ---- what every VPC has ---- */

static const struct {
    const char *name, *type;
    enum object_kind kind;
} fixed_objects[] = {
    {"bound", "typeof iifname . ip saddr . ether saddr;", OBJECT_SET},
    {"egress", "type ipv4_addr : verdict;", OBJECT_MAP},
    {"ingress", "type ipv4_addr : verdict;", OBJECT_MAP},
    {"public", "type ipv4_addr : ipv4_addr;", OBJECT_MAP},
    {"private", "type ipv4_addr : ipv4_addr;", OBJECT_MAP},
    {"spoofing", "type filter hook prerouting priority -300; policy drop;", OBJECT_CHAIN},
    {"prerouting", "type nat hook prerouting priority -100; policy accept;", OBJECT_CHAIN},
    {"postrouting", "type nat hook postrouting priority 100; policy accept;", OBJECT_CHAIN},
    {"leave", "type filter hook postrouting priority 200; policy accept;", OBJECT_CHAIN},
    {"send", "", OBJECT_CHAIN},
    {"receive", "", OBJECT_CHAIN},
    {"services", "", OBJECT_CHAIN},
    {"send_forward", "type filter hook forward priority 0; policy drop;", OBJECT_CHAIN},
    {"send_input", "type filter hook input priority 0; policy drop;", OBJECT_CHAIN},
    {"send_output", "type filter hook output priority 0; policy drop;", OBJECT_CHAIN},
    {"receive_forward", "type filter hook forward priority 10; policy drop;", OBJECT_CHAIN},
    {"receive_input", "type filter hook input priority 10; policy drop;", OBJECT_CHAIN},
    {"receive_output", "type filter hook output priority 10; policy drop;", OBJECT_CHAIN},
};

#define INTERNET "\"" NET_INTERNET_LINK "\""

/* The rules of the fixed chains that are the same in every VPC. */
static const struct {
    const char *chain, *rules;
} fixed_rules[] = {
    {"spoofing", "iifname { \"lo\", " INTERNET " } accept\n"
                 "iifname . ip saddr . ether saddr @bound accept\n"},
    {"prerouting", "iifname " INTERNET " dnat to ip daddr map @public\n"},
    {"postrouting", "oifname " INTERNET " snat to ip saddr map @private\n"},
    {"send", "icmp type redirect drop\n"
             "oifname " INTERNET " ip daddr != 100.64.0.0/10 drop\n"
             "ct state established,related accept\n"
             "ct state invalid drop\n"
             "iifname " INTERNET " ct status dnat accept\n"
             "iifname " INTERNET " drop\n"
             "ip saddr vmap @egress\n"},
    {"receive", "ct state established,related accept\n"
                "oifname " INTERNET " accept\n"
                "ip daddr vmap @ingress\n"},
    {"services", "iifname " INTERNET " return\n"
                 "ip daddr " ROUTER_IMDS_TEXT " tcp dport 80 accept\n"
                 "ip daddr " ROUTER_DNS_TEXT " meta l4proto { tcp, udp } th dport 53 accept\n"},
    {"send_forward", "jump send\n"},
    {"send_input", "jump services\njump send\n"},
    {"send_output", "jump send\n"},
    {"receive_forward", "jump receive\n"},
    {"receive_input", "jump services\njump receive\n"},
    {"receive_output", "jump receive\n"},
};

static struct buf *rules_of(struct builder *builder, const char *chain)
{
    static struct buf nowhere = {.size_limit = 1};
    struct ruleset_object *object = map_get(&builder->ruleset->objects, chain);
    return object ? &object->rules : &nowhere;
}

static void build_fixed(struct builder *builder, uint32_t world_network)
{
    uint32_t resolver = builder->view->blocks[0].network + ROUTER_RESOLVER_OFFSET;

    for (size_t i = 0; i < sizeof(fixed_objects) / sizeof(*fixed_objects); i++)
        declare(builder, fixed_objects[i].kind, fixed_objects[i].name, fixed_objects[i].type);
    for (size_t i = 0; i < sizeof(fixed_rules) / sizeof(*fixed_rules); i++)
        buf_append_string(rules_of(builder, fixed_rules[i].chain), fixed_rules[i].rules);
    buf_printf(rules_of(builder, "prerouting"),
               "iifname != " INTERNET " ip daddr " QUAD_FORMAT
               " meta l4proto { tcp, udp } th dport 53 dnat to " ROUTER_DNS_TEXT "\n",
               QUAD(resolver));
    buf_printf(rules_of(builder, "leave"),
               "oifname " INTERNET " ip saddr != " QUAD_FORMAT "/16 drop\n", QUAD(world_network));
}

/* ---- groups and their rules ---- */

static const char *const direction_suffixes[] = {"_in", "_out"};

static void append_peer(struct buf *line, const struct fabric_view *view,
                        const struct fabric_rule *rule)
{
    const char *field = rule->direction == DIRECTION_INGRESS ? "saddr" : "daddr";
    char members[NAME_SIZE];

    if (rule->peer_group != FABRIC_NO_GROUP) {
        name_of(members, view->groups[rule->peer_group].id, "_members");
        buf_printf(line, "ip %s @%s ", field, members);
    } else if (rule->prefix) {
        buf_printf(line, "ip %s " QUAD_FORMAT "/%u ", field, QUAD(rule->network), rule->prefix);
    }
}

static void append_protocol(struct buf *line, const struct fabric_rule *rule)
{
    bool has_ports = rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP;
    bool all_ports = rule->port_from == 0 && rule->port_to == PORT_MAX;

    if (has_ports && !all_ports) {
        buf_printf(line, "%s dport ", rule->protocol == IPPROTO_TCP ? "tcp" : "udp");
        if (rule->port_from == rule->port_to)
            buf_printf(line, "%u ", rule->port_from);
        else
            buf_printf(line, "%u-%u ", rule->port_from, rule->port_to);
    } else if (rule->protocol == IPPROTO_ICMP && rule->port_from != ICMP_ALL) {
        buf_printf(line, "icmp type %u ", rule->port_from);
        if (rule->port_to != ICMP_ALL)
            buf_printf(line, "icmp code %u ", rule->port_to);
    } else if (rule->protocol) {
        buf_printf(line, "ip protocol %u ", rule->protocol);
    }
}

static void build_groups(struct builder *builder)
{
    const struct fabric_view *view = builder->view;
    char name[NAME_SIZE];

    for (uint32_t i = 0; i < view->fabric->group_count; i++) {
        name_of(name, view->groups[i].id, "_members");
        declare(builder, OBJECT_SET, name, "type ipv4_addr;");
        for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
            name_of(name, view->groups[i].id, direction_suffixes[direction]);
            declare(builder, OBJECT_CHAIN, name, "");
        }
    }
    for (uint32_t i = 0; i < view->fabric->rule_count; i++) {
        const struct fabric_rule *rule = &view->rules[i];
        name_of(name, view->groups[rule->group].id, direction_suffixes[rule->direction]);
        struct buf *rules = rules_of(builder, name);
        append_peer(rules, view, rule);
        append_protocol(rules, rule);
        buf_append_string(rules, "accept\n");
    }
}

/* ---- interfaces ---- */

static const char *const verdict_maps[] = {"ingress", "egress"};

/* The chains that judge an interface's packets, whichever of its addresses they have. */
static void build_interface(struct builder *builder, const struct fabric_interface *interface)
{
    const struct fabric_group *groups = builder->view->groups;
    char name[NAME_SIZE], group[NAME_SIZE];

    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        name_of(name, interface->id, direction_suffixes[direction]);
        declare(builder, OBJECT_CHAIN, name, "");
        for (unsigned i = 0; i < interface->group_count; i++) {
            name_of(group, groups[interface->groups[i]].id, direction_suffixes[direction]);
            buf_printf(rules_of(builder, name), "jump %s\n", group);
        }
        buf_append_string(rules_of(builder, name), "drop\n");
    }
}

static void build_bound(struct builder *builder, const struct fabric_interface *interface,
                        const char *address)
{
    char link[NET_LINK_NAME_SIZE], key[LINE_SIZE];
    const uint8_t *mac = interface->mac;

    if (interface->kind != INTERFACE_INSTANCE)
        return;
    net_link_name(link, interface->id);
    snprintf(key, sizeof(key), "\"%s\" . %s . %02x:%02x:%02x:%02x:%02x:%02x", link, address, mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
    add_element(builder, "bound", key, "%s", "");
}

/* What is found by an address: the chains of its interface, its groups, its public address. */
static void build_address(struct builder *builder, const struct fabric_address *row)
{
    const struct fabric_interface *interface = &builder->view->interfaces[row->interface];
    char name[NAME_SIZE], address[LINE_SIZE], public[LINE_SIZE];

    snprintf(address, sizeof(address), QUAD_FORMAT, QUAD(row->address));
    for (int direction = 0; direction <= DIRECTION_EGRESS; direction++) {
        name_of(name, interface->id, direction_suffixes[direction]);
        add_element(builder, verdict_maps[direction], address, "goto %s", name);
    }
    for (unsigned i = 0; i < interface->group_count; i++) {
        name_of(name, builder->view->groups[interface->groups[i]].id, "_members");
        add_element(builder, name, address, "%s", "");
    }
    build_bound(builder, interface, address);
    if (!row->public_address)
        return;
    snprintf(public, sizeof(public), QUAD_FORMAT, QUAD(row->public_address));
    add_element(builder, "public", public, "%s", address);
    add_element(builder, "private", address, "%s", public);
}

int ruleset_build(struct ruleset *ruleset, const struct fabric_view *view, uint32_t world_network,
                  struct err *err)
{
    struct builder builder = {.ruleset = ruleset, .view = view};

    memset(ruleset, 0, sizeof(*ruleset));
    build_fixed(&builder, world_network);
    build_groups(&builder);
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

/* ---- the difference ---- */

#define TABLE "ip pileus"

static const char *const kind_names[] = {"set", "map", "chain"};

static const struct ruleset_object *counterpart(const struct ruleset *ruleset, const char *name)
{
    return ruleset ? map_get(&ruleset->objects, name) : NULL;
}

static void diff_declarations(const struct ruleset *old, const struct ruleset *new,
                              struct buf *commands)
{
    map_each (entry, &new->objects) {
        const struct ruleset_object *object = entry->value;
        if (counterpart(old, entry->key))
            continue;
        buf_printf(commands, "add %s " TABLE " %s", kind_names[object->kind], entry->key);
        if (*object->type)
            buf_printf(commands, " { %s }", object->type);
        buf_append_string(commands, "\n");
    }
}

static void append_rules(struct buf *commands, const char *chain, const struct buf *rules)
{
    const char *line = rules->data, *end = rules->data + rules->size;
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        buf_printf(commands, "add rule " TABLE " %s %.*s\n", chain, (int)(next - line), line);
        line = next + 1;
    }
}

static bool same_rules(const struct ruleset_object *a, const struct ruleset_object *b)
{
    return a->rules.size == b->rules.size &&
           (a->rules.size == 0 || memcmp(a->rules.data, b->rules.data, a->rules.size) == 0);
}

static void diff_chains(const struct ruleset *old, const struct ruleset *new, struct buf *commands)
{
    map_each (entry, &new->objects) {
        const struct ruleset_object *object = entry->value, *before = counterpart(old, entry->key);
        if (object->kind != OBJECT_CHAIN || (before && same_rules(before, object)))
            continue;
        if (before)
            buf_printf(commands, "flush chain " TABLE " %s\n", entry->key);
        append_rules(commands, entry->key, &object->rules);
    }
}

/* Writes `verb` for each element of `these` that `those` (may be NULL) lacks or has otherwise. */
static void diff_elements(const char *verb, const char *set, const struct ruleset_object *these,
                          const struct ruleset_object *those, struct buf *commands)
{
    bool open = false;
    map_each (entry, &these->elements) {
        const struct map_entry *match = those ? map_find(&those->elements, entry->key) : NULL;
        const char *value = entry->value;
        if (match && strcmp(match->value, value) == 0)
            continue;
        if (open)
            buf_append_string(commands, ", ");
        else
            buf_printf(commands, "%s element " TABLE " %s { ", verb, set);
        open = true;
        buf_append_string(commands, entry->key);
        if (*value)
            buf_printf(commands, " : %s", value);
    }
    if (open)
        buf_append_string(commands, " }\n");
}

static void diff_removed_elements(const struct ruleset *old, const struct ruleset *new,
                                  struct buf *commands)
{
    map_each (entry, &old->objects) {
        const struct ruleset_object *after = counterpart(new, entry->key);
        if (after)
            diff_elements("delete", entry->key, entry->value, after, commands);
    }
}

/* Chains are emptied first, so that none refers to what goes. */
static void diff_removed_objects(const struct ruleset *old, const struct ruleset *new,
                                 struct buf *commands)
{
    for (int pass = 0; pass < 2; pass++)
        map_each (entry, &old->objects) {
            const struct ruleset_object *object = entry->value;
            if (counterpart(new, entry->key))
                continue;
            if (pass == 1)
                buf_printf(commands, "delete %s " TABLE " %s\n", kind_names[object->kind],
                           entry->key);
            else if (object->kind == OBJECT_CHAIN)
                buf_printf(commands, "flush chain " TABLE " %s\n", entry->key);
        }
}

void ruleset_diff(const struct ruleset *old, const struct ruleset *new, struct buf *commands)
{
    if (!old)
        buf_append_string(commands,
                          "add table " TABLE "\ndelete table " TABLE "\nadd table " TABLE "\n");
    diff_declarations(old, new, commands);
    diff_chains(old, new, commands);
    if (old)
        diff_removed_elements(old, new, commands);
    map_each (entry, &new->objects)
        diff_elements("add", entry->key, entry->value, counterpart(old, entry->key), commands);
    if (old)
        diff_removed_objects(old, new, commands);
}
