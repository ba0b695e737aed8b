/*
 * Network ACLs and security groups, as the rules of host/net/ruleset*.c judge a packet. Of a
 * forwarder the link says which subnet and groups count, of others the packet's addresses.
 */
#include "service/doc.h"
#include "service/ec2/network.h"
#include "service/ec2/reach_internal.h"

#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535, LAST_ENTRY = 32767 };

static const struct reach_ports all_ports = {0, PORT_MAX};

static const char *direction_of(bool is_egress)
{
    return is_egress ? "egress" : "ingress";
}

/* The address that rules and entries of a direction are about. */
static uint32_t other_address(const struct reach *reach, bool is_egress)
{
    return is_egress ? reach->packet.destination : reach->packet.source;
}

static bool has_ports(int protocol)
{
    return protocol == REACH_TCP || protocol == REACH_UDP;
}

static bool icmp_matches(const struct reach_packet *packet, int type, int code)
{
    return type < 0 || (type == packet->icmp_type && (code < 0 || code == packet->icmp_code));
}

static json_t *port_range(int first, int last)
{
    return json_pack("{s:i, s:i}", "From", first, "To", last);
}

/* ---- network ACLs ---- */

struct acl {
    const struct reach *reach;
    const json_t *doc;
    bool is_egress;
    const json_t *entry;      /* the last one that decided; NULL: none did, which denies */
    struct reach_ports ports; /* what it decided about */
};

static struct reach_ports ports_of(const json_t *entry)
{
    const json_t *range = json_object_get(entry, "PortRange");
    if (!range || !has_ports(ec2_network_protocol(doc_text(entry, "Protocol"))))
        return all_ports;
    return (struct reach_ports){(int)doc_number(range, "From"), (int)doc_number(range, "To")};
}

/* Whether an entry is about the packet, but for its ports. */
static bool entry_concerns(const struct acl *acl, const json_t *entry)
{
    struct cidr block;
    const json_t *icmp = json_object_get(entry, "IcmpTypeCode");
    int protocol = ec2_network_protocol(doc_text(entry, "Protocol"));
    if (doc_flag(entry, "Egress") != acl->is_egress ||
        doc_number(entry, "RuleNumber") == LAST_ENTRY ||
        !cidr_parse(doc_text(entry, "CidrBlock"), &block) ||
        !cidr_contains(block, other_address(acl->reach, acl->is_egress)))
        return false;
    if (protocol == 0)
        return true;
    if (protocol != acl->reach->packet.protocol)
        return false;
    return protocol != REACH_ICMP || !icmp ||
           icmp_matches(&acl->reach->packet, (int)doc_number(icmp, "Type"),
                        (int)doc_number(icmp, "Code"));
}

/*
 * Whether entries from the index on let all of these ports through. An entry that is about some of
 * them decides those; the others are asked about further on.
 */
static bool acl_allows(struct acl *acl, size_t first, struct reach_ports ports)
{
    const json_t *entries = json_object_get(acl->doc, "Entries");
    for (size_t i = first; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        struct reach_ports common = ports_of(entry);
        common.first = common.first > ports.first ? common.first : ports.first;
        common.last = common.last < ports.last ? common.last : ports.last;
        if (common.first > common.last || !entry_concerns(acl, entry))
            continue;
        if (ports.first < common.first &&
            !acl_allows(acl, i + 1, (struct reach_ports){ports.first, common.first - 1}))
            return false;
        if (common.last < ports.last &&
            !acl_allows(acl, i + 1, (struct reach_ports){common.last + 1, ports.last}))
            return false;
        acl->entry = entry;
        acl->ports = common;
        return doc_is(entry, "RuleAction", "allow");
    }
    acl->entry = NULL;
    acl->ports = ports;
    return false;
}

/* The subnet whose edge the packet crosses in this direction, by its own forwarder or address. */
static const json_t *subnet_of(const struct reach *reach, const struct reach_way *way,
                               bool is_egress)
{
    const json_t *interface = is_egress ? reach->place.interface : way->interface;
    enum reach_link link = is_egress ? reach->place.link : way->link;
    if (link == REACH_INTERFACE && reach_is_forwarder(interface))
        return reach_get(reach, "subnet", doc_text(interface, "SubnetId"));
    return reach_subnet_at(reach, doc_text(reach->place.vpc, "VpcId"),
                           is_egress ? reach->packet.source : reach->packet.destination);
}

/* What stays in the subnet is not judged. */
static bool stays_in(const struct reach *reach, const struct reach_way *way, const json_t *subnet,
                     bool is_egress)
{
    const json_t *other = is_egress ? way->interface : reach->place.interface;
    enum reach_link link = is_egress ? way->link : reach->place.link;
    struct cidr block = {0};
    if (link == REACH_INTERFACE && reach_is_forwarder(other))
        return doc_is(other, "SubnetId", doc_text(subnet, "SubnetId"));
    cidr_parse(doc_text(subnet, "CidrBlock"), &block);
    return cidr_contains(block, other_address(reach, is_egress));
}

static const json_t *acl_of(const struct reach *reach, const json_t *subnet)
{
    const char *own = doc_text(subnet, "_network_acl");
    if (*own)
        return reach_get(reach, "network-acl", own);
    store_each (cursor, reach->call.store, "network-acl", reach->call.region) {
        if (doc_is(cursor.doc, "VpcId", doc_text(subnet, "VpcId")) &&
            doc_flag(cursor.doc, "IsDefault"))
            return cursor.doc;
    }
    return NULL;
}

/* A number before the entry that denies, which no other entry of the direction has. */
static int free_number(const struct acl *acl)
{
    int number = acl->entry ? (int)doc_number(acl->entry, "RuleNumber") - 1 : 100;
    const json_t *entries = json_object_get(acl->doc, "Entries");
    size_t i = 0;
    while (i < json_array_size(entries)) {
        const json_t *entry = json_array_get(entries, i++);
        if (doc_flag(entry, "Egress") != acl->is_egress ||
            doc_number(entry, "RuleNumber") != number)
            continue;
        number += acl->entry ? -1 : 1;
        i = 0;
    }
    return number > 0 ? number : 1;
}

static void suggest_entry(const struct acl *acl, json_t *explanation)
{
    const struct reach_packet *packet = &acl->reach->packet;
    char address[16], what[96];
    reach_quad(other_address(acl->reach, acl->is_egress), address);
    if (has_ports(packet->protocol) && packet->is_answer)
        snprintf(what, sizeof what, "--port-range From=1024,To=65535");
    else if (has_ports(packet->protocol))
        snprintf(what, sizeof what, "--port-range From=%d,To=%d", packet->ports.first,
                 packet->ports.last);
    else if (packet->protocol == REACH_ICMP)
        snprintf(what, sizeof what, "--icmp-type-code Type=%d,Code=-1", packet->icmp_type);
    else
        *what = 0;
    reach_change(explanation,
                 "aws ec2 create-network-acl-entry --network-acl-id %s --%s --rule-number %d "
                 "--protocol %d%s%s --cidr-block %s/32 --rule-action allow",
                 doc_text(acl->doc, "NetworkAclId"), direction_of(acl->is_egress), free_number(acl),
                 packet->protocol, *what ? " " : "", what, address);
}

/* In the shape AnalysisAclRule. */
static void report_entry(const struct acl *acl, json_t *hop)
{
    json_t *rule = json_pack(
        "{s:s, s:b, s:s, s:s, s:I}", "Cidr",
        acl->entry ? doc_text(acl->entry, "CidrBlock") : "0.0.0.0/0", "Egress", acl->is_egress,
        "Protocol", acl->entry ? doc_text(acl->entry, "Protocol") : "-1", "RuleAction",
        acl->entry ? doc_text(acl->entry, "RuleAction") : "deny", "RuleNumber",
        acl->entry ? (json_int_t)doc_number(acl->entry, "RuleNumber") : (json_int_t)LAST_ENTRY);
    if (acl->entry && json_object_get(acl->entry, "PortRange"))
        json_object_set(rule, "PortRange", json_object_get(acl->entry, "PortRange"));
    json_object_set_new(hop, "AclRule", rule);
}

bool reach_judge_acl(struct reach *reach, const struct reach_way *way, bool is_egress)
{
    char traffic[64], address[16], number[16] = "*";
    const json_t *subnet = subnet_of(reach, way, is_egress);
    if (!subnet || stays_in(reach, way, subnet, is_egress))
        return true;
    struct acl acl = {.reach = reach, .doc = acl_of(reach, subnet), .is_egress = is_egress};
    bool allows = acl_allows(&acl, 0, reach->packet.ports);
    if (acl.entry)
        snprintf(number, sizeof number, "%d", (int)doc_number(acl.entry, "RuleNumber"));
    json_t *hop =
        reach_hop(reach, REACH_OF_ACL, doc_text(acl.doc, "NetworkAclId"), direction_of(is_egress),
                  "rule %s %s", number, allows ? "allows" : "denies");
    json_object_set_new(hop, "Subnet", json_pack("{s:s}", "Id", doc_text(subnet, "SubnetId")));
    report_entry(&acl, hop);
    if (allows)
        return true;
    reach_quad(other_address(reach, is_egress), address);
    json_t *explanation =
        reach_explain(reach, "SUBNET_ACL_RESTRICTION", "rule %s of the network ACL denies %s %s %s",
                      number, reach_traffic(reach, traffic), is_egress ? "to" : "from", address);
    json_object_set(explanation, "AclRule", json_object_get(hop, "AclRule"));
    json_object_set_new(explanation, "Subnet",
                        json_pack("{s:s}", "Id", doc_text(subnet, "SubnetId")));
    suggest_entry(&acl, explanation);
    return false;
}

/* ---- security groups ---- */

static bool has_group(const json_t *interface, const char *group)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(interface, "Groups"), i, row)
        if (doc_is(row, "GroupId", group))
            return true;
    return false;
}

/* The groups that judge a packet, and the other end that their rules must name. */
struct judge {
    const struct reach *reach;
    const json_t *interface; /* whose groups */
    const json_t *peer;      /* the VPC behind the link to the other end; NULL: it is no peer's */
    bool is_egress;
    uint32_t address; /* of the other end */
};

/* Whether the other end has a group. Peers may have the same addresses: a link tells them apart. */
static bool is_member(const struct judge *judge, const char *group)
{
    const struct reach *reach = judge->reach;
    const char *vpc = doc_text(reach->place.vpc, "VpcId");
    const char *home = doc_text(reach_get(reach, "security-group", group), "VpcId");
    if (!*home || (strcmp(home, vpc) && !doc_is(judge->peer, "VpcId", home)))
        return false;
    store_each (cursor, reach->call.store, "network-interface", reach->call.region) {
        if (doc_is(cursor.doc, "VpcId", home) && has_group(cursor.doc, group) &&
            reach_has_address(cursor.doc, judge->address))
            return true;
    }
    return false;
}

static bool block_has(const char *text, uint32_t address)
{
    struct cidr block;
    return cidr_parse(text, &block) && cidr_contains(block, address);
}

/* Whether the rule's source or destination is the address. Of what is foreign no group is known. */
static bool rule_names(const struct judge *judge, const json_t *rule)
{
    size_t i;
    const json_t *entry;
    const struct reach *reach = judge->reach;
    const json_t *group = json_object_get(rule, "ReferencedGroupInfo");
    const char *list = doc_text(rule, "PrefixListId");
    if (group)
        return !reach->place.is_foreign && is_member(judge, doc_text(group, "GroupId"));
    if (!*list)
        return block_has(doc_text(rule, "CidrIpv4"), judge->address);
    json_array_foreach (json_object_get(reach_get(reach, "prefix-list", list), "_entries"), i,
                        entry)
        if (block_has(doc_text(entry, "Cidr"), judge->address))
            return true;
    return false;
}

static bool rule_admits(const struct judge *judge, const json_t *rule)
{
    const struct reach_packet *packet = &judge->reach->packet;
    int protocol = ec2_network_protocol(doc_text(rule, "IpProtocol"));
    int from = (int)doc_number(rule, "FromPort"), to = (int)doc_number(rule, "ToPort");
    if (doc_flag(rule, "IsEgress") != judge->is_egress ||
        (protocol != 0 && protocol != packet->protocol))
        return false;
    if (protocol == REACH_ICMP && !icmp_matches(packet, from, to))
        return false;
    if (has_ports(protocol) && (packet->ports.first < from || packet->ports.last > to))
        return false;
    return rule_names(judge, rule);
}

/* The rule that admits the packet; NULL if none does. Counts those of its direction. */
static const json_t *find_rule(const struct judge *judge, int *ret_count)
{
    *ret_count = 0;
    store_each (cursor, judge->reach->call.store, "security-group-rule",
                judge->reach->call.region) {
        if (!has_group(judge->interface, doc_text(cursor.doc, "GroupId")))
            continue;
        *ret_count += doc_flag(cursor.doc, "IsEgress") == judge->is_egress;
        if (rule_admits(judge, cursor.doc))
            return cursor.doc;
    }
    return NULL;
}

/* Whose groups judge the packet in this direction; NULL: nobody's. */
static const json_t *interface_of(const struct reach *reach, const struct reach_way *way,
                                  bool is_egress)
{
    enum reach_link link = is_egress ? reach->place.link : way->link;
    if (link == REACH_INTERNET || link == REACH_PEER || link == REACH_NOWHERE)
        return NULL;
    return is_egress ? reach->place.interface : way->interface;
}

/* What a rule names, for people. */
static const char *named_by(const json_t *rule)
{
    static const char *const members[] = {"CidrIpv4", "PrefixListId"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (*doc_text(rule, members[i]))
            return doc_text(rule, members[i]);
    return doc_text(json_object_get(rule, "ReferencedGroupInfo"), "GroupId");
}

/* In the shape AnalysisSecurityGroupRule. */
static void report_rule(json_t *hop, const json_t *rule, bool is_egress)
{
    int from = (int)doc_number(rule, "FromPort"), to = (int)doc_number(rule, "ToPort");
    const char *protocol = doc_text(rule, "IpProtocol");
    const char *list = doc_text(rule, "PrefixListId"), *block = doc_text(rule, "CidrIpv4");
    const char *group = doc_text(json_object_get(rule, "ReferencedGroupInfo"), "GroupId");
    json_t *shown =
        json_pack("{s:s, s:s*, s:s*, s:s*, s:s}", "Direction", direction_of(is_egress), "Cidr",
                  *block ? block : NULL, "PrefixListId", *list ? list : NULL, "SecurityGroupId",
                  *group ? group : NULL, "Protocol", strcmp(protocol, "-1") ? protocol : "all");
    if (has_ports(ec2_network_protocol(protocol)))
        json_object_set_new(shown, "PortRange", port_range(from, to));
    json_object_set_new(hop, "SecurityGroupRule", shown);
    json_object_set(hop, "SecurityGroupRuleId", json_object_get(rule, "SecurityGroupRuleId"));
}

/* The group of the other end, if a rule that names it would admit the packet; else NULL. */
static const char *group_of_other(const struct reach *reach, bool is_egress)
{
    const char *vpc = doc_text(reach->place.vpc, "VpcId");
    uint32_t address = other_address(reach, is_egress);
    const struct reach_end *ends[] = {&reach->source, &reach->destination};
    for (int i = 0; i < 2 && !reach->place.is_foreign; i++) {
        const json_t *interface = ends[i]->interface;
        const char *home = doc_text(interface, "VpcId");
        const char *group =
            doc_text(json_array_get(json_object_get(interface, "Groups"), 0), "GroupId");
        if (*group && reach_has_address(interface, address) &&
            (!strcmp(home, vpc) || reach_peering(reach, vpc, home)))
            return group;
    }
    return NULL;
}

static void suggest_rule(const struct reach *reach, const char *group, bool is_egress,
                         json_t *explanation)
{
    const struct reach_packet *packet = &reach->packet;
    const char *other = group_of_other(reach, is_egress);
    char address[16], pair[96], what[96];
    reach_quad(other_address(reach, is_egress), address);
    if (packet->protocol == REACH_ICMP)
        snprintf(what, sizeof what, "icmp,FromPort=%d,ToPort=-1", packet->icmp_type);
    else if (has_ports(packet->protocol))
        snprintf(what, sizeof what, "%s,FromPort=%d,ToPort=%d",
                 packet->protocol == REACH_TCP ? "tcp" : "udp", packet->ports.first,
                 packet->ports.last);
    else
        snprintf(what, sizeof what, "%d", packet->protocol);
    if (other)
        snprintf(pair, sizeof pair, "UserIdGroupPairs='[{GroupId=%s}]'", other);
    else
        snprintf(pair, sizeof pair, "IpRanges='[{CidrIp=%s/32}]'", address);
    reach_change(explanation,
                 "aws ec2 authorize-security-group-%s --group-id %s --ip-permissions "
                 "IpProtocol=%s,%s",
                 direction_of(is_egress), group, what, pair);
}

static void explain_mismatch(struct reach *reach, const json_t *interface, bool is_egress,
                             int rule_count)
{
    char traffic[64], address[16];
    size_t i;
    const json_t *row, *groups = json_object_get(interface, "Groups");
    const char *group = doc_text(json_array_get(groups, 0), "GroupId");
    json_t *hop = reach_hop(reach, REACH_OF_GROUP, group, direction_of(is_egress), "no rule");
    reach_quad(other_address(reach, is_egress), address);
    json_t *explanation = reach_explain(
        reach, rule_count ? "ENI_SG_RULES_MISMATCH" : "SG_HAS_NO_RULES",
        "no %s rule of its security groups admits %s %s %s", is_egress ? "outbound" : "inbound",
        reach_traffic(reach, traffic), is_egress ? "to" : "from", address);
    json_t *all = json_array();
    json_array_foreach (groups, i, row)
        json_array_append_new(all,
                              reach_component(reach, REACH_OF_GROUP, doc_text(row, "GroupId")));
    json_object_set(hop, "SecurityGroups", all);
    json_object_set_new(explanation, "SecurityGroups", all);
    suggest_rule(reach, group, is_egress, explanation);
}

/* NAT gateways have no groups, and answers are let through by those of who asked. */
bool reach_judge_group(struct reach *reach, const struct reach_way *way, bool is_egress)
{
    int rule_count;
    const struct judge judge = {
        .reach = reach,
        .interface = interface_of(reach, way, is_egress),
        .peer = is_egress ? reach_peer(reach, doc_text(reach->place.vpc, "VpcId"), way->peering)
                          : reach->place.peer,
        .is_egress = is_egress,
        .address = other_address(reach, is_egress)};
    if (!judge.interface || reach_is_nat(judge.interface) || reach->packet.is_answer)
        return true;
    const json_t *rule = find_rule(&judge, &rule_count);
    if (!rule) {
        explain_mismatch(reach, judge.interface, is_egress, rule_count);
        return false;
    }
    const char *protocol = doc_text(rule, "IpProtocol");
    json_t *hop =
        reach_hop(reach, REACH_OF_GROUP, doc_text(rule, "GroupId"), direction_of(is_egress),
                  "%s %s %s", strcmp(protocol, "-1") ? protocol : "all traffic",
                  is_egress ? "to" : "from", named_by(rule));
    report_rule(hop, rule, is_egress);
    return true;
}
