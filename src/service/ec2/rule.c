#include "service/ec2/rule.h"

#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/ids.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_peering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTION_SIZE_MAX = 255, PROTOCOL_MAX = 255, PORT_MAX = 65535, ICMP_MAX = 255 };

/* ---- protocol and ports ---- */

static const struct {
    const char *name;
    int number;
} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmpv6", 58}};

/* Names have no case; numbers of protocols with a name become the name. NULL: unknown. */
static json_t *read_protocol(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    bool is_number = *text >= '0' && *text <= '9' && *end == '\0';
    if (!strcmp(text, "-1") || !strcasecmp(text, "all"))
        return json_string("-1");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (is_number ? number == protocols[i].number : !strcasecmp(text, protocols[i].name))
            return json_string(protocols[i].name);
    if (is_number && number <= PROTOCOL_MAX)
        return json_sprintf("%ld", number);
    return NULL;
}

static int read_port(const json_t *permission, const char *member)
{
    const json_t *value = json_object_get(permission, member);
    return value ? (int)json_integer_value(value) : -1;
}

static int check_ports(const char *protocol, int from, int to, struct err *err)
{
    bool is_icmp = !strncmp(protocol, "icmp", 4);
    int most = is_icmp ? ICMP_MAX : PORT_MAX;
    if (from < -1 || to < -1 || from > most || to > most)
        return err_aws(err, "InvalidParameterValue", "Invalid value '%d' for portRange.",
                       from < -1 || from > most ? from : to);
    if (!is_icmp && (from < 0 || to < 0))
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value 'Must specify both from and to ports with TCP/UDP.' for "
                       "portRange.");
    if (!is_icmp && from > to)
        return err_aws(
            err, "InvalidParameterValue",
            "Invalid value '%d-%d' for portRange. The from port must not be greater than "
            "the to port.",
            from, to);
    if (is_icmp && from == -1 && to != -1)
        return err_aws(
            err, "InvalidParameterValue",
            "Invalid value '%d' for code. All types were specified, so all codes must be.", to);
    return 0;
}

/* A rule with protocol and ports, but no peer yet. */
static json_t *read_traffic(const json_t *permission, struct err *err)
{
    const char *text = ec2_text(permission, "IpProtocol");
    if (!text || !*text) {
        err_aws(err, "MissingParameter", "The request must contain the parameter ipProtocol");
        return NULL;
    }
    json_auto_t *protocol = read_protocol(text);
    if (!protocol) {
        err_aws(err, "InvalidParameterValue",
                "Invalid value '%.64s' for IP protocol. Unknown protocol.", text);
        return NULL;
    }
    const char *name = json_string_value(protocol);
    bool has_ports = !strcmp(name, "tcp") || !strcmp(name, "udp") || !strncmp(name, "icmp", 4);
    int from = has_ports ? read_port(permission, "FromPort") : -1;
    int to = has_ports ? read_port(permission, "ToPort") : -1;
    if (has_ports && check_ports(name, from, to, err) < 0)
        return NULL;
    return json_pack("{s:O, s:i, s:i}", "IpProtocol", protocol, "FromPort", from, "ToPort", to);
}

/* ---- peers ---- */

static int set_block(const struct call *call, json_t *rule, const char *text, struct err *err)
{
    (void)call;
    struct cidr cidr;
    char block[20];
    if (!cidr_parse(text, &cidr))
        return err_aws(err, "InvalidParameterValue", "CIDR block %.64s is malformed", text);
    cidr_format(cidr_canonical(cidr), block);
    json_object_set_new(rule, "CidrIpv4", json_string(block));
    return 0;
}

/* No interface has an IPv6 address here, so these rules are kept but never match anything. */
static int set_block6(const struct call *call, json_t *rule, const char *text, struct err *err)
{
    (void)call;
    char block[CIDR6_SIZE];
    if (!cidr6_canonical(text, block))
        return err_aws(err, "InvalidParameterValue", "CIDR block %.64s is malformed", text);
    json_object_set_new(rule, "CidrIpv6", json_string(block));
    return 0;
}

static int set_prefix_list(const struct call *call, json_t *rule, const char *text, struct err *err)
{
    if (!ec2_find(call, "prefix-list", text, err))
        return -1;
    json_object_set_new(rule, "PrefixListId", json_string(text));
    return 0;
}

/* A group by id, which may be of a peered VPC, or one of the same VPC by name. */
static int set_group(const struct call *call, const json_t *group, json_t *rule, const char *id,
                     const char *name, struct err *err)
{
    const json_t *peer = NULL;
    const char *vpc = ec2_text(group, "VpcId");
    if (id) {
        peer = ec2_find(call, "security-group", id, err);
        if (!peer)
            return -1;
    } else if (name) {
        store_each (cursor, call->store, "security-group", call->region) {
            if (!strcmp(ec2_text(cursor.doc, "VpcId"), vpc) &&
                !strcmp(ec2_text(cursor.doc, "GroupName"), name))
                peer = cursor.doc;
        }
    }
    if (!peer)
        return name ? ec2_id_not_found("security-group", name, err)
                    : err_aws(err, "MissingParameter",
                              "The request must contain the parameter groupId");
    json_t *info = json_pack("{s:O, s:s}", "GroupId", json_object_get(peer, "GroupId"), "UserId",
                             call->account);
    if (strcmp(ec2_text(peer, "VpcId"), vpc))
        json_object_set(info, "VpcId", json_object_get(peer, "VpcId"));
    json_object_set_new(rule, "ReferencedGroupInfo", info);
    return 0;
}

int ec2_rule_connect(const struct call *call, const json_t *group, json_t *rule, struct err *err)
{
    json_t *info = json_object_get(rule, "ReferencedGroupInfo");
    const char *vpc = ec2_text(info, "VpcId");
    if (!vpc)
        return 0;
    const json_t *peering = ec2_peering_between(call, ec2_text(group, "VpcId"), vpc);
    if (!peering)
        return err_aws(err, "InvalidGroup.NotFound",
                       "You have specified two resources that belong to different networks.");
    json_object_set(info, "VpcPeeringConnectionId",
                    json_object_get(peering, "VpcPeeringConnectionId"));
    return 0;
}

json_t *ec2_rule_show(const struct call *call, const json_t *rule)
{
    const json_t *info = json_object_get(rule, "ReferencedGroupInfo");
    const char *id = ec2_text(info, "VpcPeeringConnectionId");
    if (!id)
        return json_incref((json_t *)(uintptr_t)rule);
    const json_t *peering = store_get(call->store, "vpc-peering-connection", call->region, id);
    json_t *shown = json_copy((json_t *)(uintptr_t)rule);
    json_t *shown_info = json_copy((json_t *)(uintptr_t)info);
    json_object_set_new(shown_info, "PeeringStatus",
                        json_string(peering ? ec2_peering_state(call, peering) : "deleted"));
    json_object_set_new(shown, "ReferencedGroupInfo", shown_info);
    return shown;
}

static int set_group_pair(const struct call *call, const json_t *group, json_t *rule,
                          const json_t *pair, struct err *err)
{
    const char *user = ec2_text(pair, "UserId");
    if (call_accept(pair, "UserId GroupId GroupName VpcId Description", err) < 0)
        return -1;
    if (user && *user && strcmp(user, call->account))
        return err_aws(err, "InvalidGroup.NotFound",
                       "The security group of account %.32s does not exist", user);
    return set_group(call, group, rule, ec2_text(pair, "GroupId"), ec2_text(pair, "GroupName"),
                     err);
}

/* ---- a request's permissions ---- */

static int set_description(json_t *rule, const json_t *peer, struct err *err)
{
    const char *description = ec2_text(peer, "Description");
    if (!description || !*description)
        return 0;
    if (strlen(description) > DESCRIPTION_SIZE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid rule description. Rule descriptions may not exceed %d characters.",
                       DESCRIPTION_SIZE_MAX);
    json_object_set_new(rule, "Description", json_string(description));
    return 0;
}

bool ec2_rule_equals(const json_t *a, const json_t *b)
{
    static const char *const members[] = {"IpProtocol", "FromPort", "ToPort",
                                          "CidrIpv4",   "CidrIpv6", "PrefixListId"};
    const json_t *group_a = json_object_get(json_object_get(a, "ReferencedGroupInfo"), "GroupId");
    const json_t *group_b = json_object_get(json_object_get(b, "ReferencedGroupInfo"), "GroupId");
    if ((group_a || group_b) && !json_equal(group_a, group_b))
        return false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *x = json_object_get(a, members[i]), *y = json_object_get(b, members[i]);
        if ((x || y) && !json_equal(x, y))
            return false;
    }
    return true;
}

static int add_unique(json_t *rules, json_t *rule, struct err *err)
{
    size_t i;
    const json_t *other;
    json_array_foreach (rules, i, other)
        if (ec2_rule_equals(other, rule))
            return err_aws(err, "InvalidParameterValue",
                           "The same permission must not appear multiple times");
    json_array_append(rules, rule);
    return 0;
}

/* The lists of a permission that name peers, and the member of their entries that is a block. */
static const struct peer_list {
    const char *list, *member;
    /* NULL: a group pair */
    int (*set)(const struct call *call, json_t *rule, const char *text, struct err *err);
} peer_lists[] = {
    {"IpRanges", "CidrIp", set_block},
    {"Ipv6Ranges", "CidrIpv6", set_block6},
    {"PrefixListIds", "PrefixListId", set_prefix_list},
    {"UserIdGroupPairs", NULL, NULL},
};

static int set_peer(const struct call *call, const json_t *group, const struct peer_list *list,
                    const json_t *peer, json_t *rule, struct err *err)
{
    if (!list->set)
        return set_group_pair(call, group, rule, peer, err);
    const char *text = ec2_text(peer, list->member);
    if (!text)
        return err_aws(err, "MissingParameter", "The request must contain the parameter %s",
                       list->member);
    return list->set(call, rule, text, err);
}

/* Adds a rule to `rules` for each peer of the permission. */
static int read_permission(const struct call *call, const json_t *group, const json_t *permission,
                           json_t *rules, struct err *err)
{
    size_t before = json_array_size(rules);
    if (call_accept(permission,
                    "IpProtocol FromPort ToPort IpRanges Ipv6Ranges PrefixListIds "
                    "UserIdGroupPairs",
                    err) < 0)
        return -1;
    json_auto_t *traffic = read_traffic(permission, err);
    if (!traffic)
        return -1;
    for (size_t l = 0; l < sizeof peer_lists / sizeof *peer_lists; l++) {
        size_t i;
        const json_t *peer;
        json_array_foreach (json_object_get(permission, peer_lists[l].list), i, peer) {
            json_auto_t *rule = json_copy(traffic);
            if (set_peer(call, group, &peer_lists[l], peer, rule, err) < 0 ||
                set_description(rule, peer, err) < 0 || add_unique(rules, rule, err) < 0)
                return -1;
        }
    }
    if (json_array_size(rules) == before)
        return err_aws(err, "MissingParameter",
                       "The request must contain a source or a destination of the permission");
    return 0;
}

/* The members from before there were IpPermissions, as one of those; NULL if there are none. */
static json_t *older_permission(const struct call *call)
{
    const json_t *protocol = json_object_get(call->in, "IpProtocol");
    const char *block = ec2_text(call->in, "CidrIp");
    const char *name = ec2_text(call->in, "SourceSecurityGroupName");
    if (!protocol && !block && !name)
        return NULL;
    static const char *const copied[] = {"IpProtocol", "FromPort", "ToPort"};
    json_t *permission = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(permission, copied[i], json_object_get(call->in, copied[i]));
    if (block)
        json_object_set_new(permission, "IpRanges", json_pack("[{s:s}]", "CidrIp", block));
    if (name)
        json_object_set_new(permission, "UserIdGroupPairs",
                            json_pack("[{s:s, s:s*}]", "GroupName", name, "UserId",
                                      ec2_text(call->in, "SourceSecurityGroupOwnerId")));
    return permission;
}

json_t *ec2_rules_read(const struct call *call, const json_t *group, struct err *err)
{
    json_auto_t *rules = json_array();
    json_auto_t *older = older_permission(call);
    const json_t *permissions = json_object_get(call->in, "IpPermissions");
    if (older && json_array_size(permissions) > 0) {
        err_aws(err, "InvalidParameterCombination",
                "The parameter ipPermissions may not be used with cidrIp, ipProtocol, fromPort, "
                "toPort or sourceSecurityGroupName");
        return NULL;
    }
    if (older && read_permission(call, group, older, rules, err) < 0)
        return NULL;
    size_t i;
    const json_t *permission;
    json_array_foreach (permissions, i, permission)
        if (read_permission(call, group, permission, rules, err) < 0)
            return NULL;
    if (json_array_size(rules) == 0) {
        err_aws(err, "MissingParameter", "The request must contain the parameter ipPermissions");
        return NULL;
    }
    return json_incref(rules);
}

json_t *ec2_rule_read(const struct call *call, const json_t *group, const json_t *request,
                      struct err *err)
{
    const char *block = ec2_text(request, "CidrIpv4"), *block6 = ec2_text(request, "CidrIpv6");
    const char *peer = ec2_text(request, "ReferencedGroupId");
    const char *prefixes = ec2_text(request, "PrefixListId");
    if (call_accept(request,
                    "IpProtocol FromPort ToPort CidrIpv4 CidrIpv6 PrefixListId ReferencedGroupId "
                    "Description",
                    err) < 0)
        return NULL;
    if ((block != NULL) + (block6 != NULL) + (peer != NULL) + (prefixes != NULL) != 1) {
        err_aws(err, "InvalidParameterValue",
                "Exactly one source or destination of the rule must be specified");
        return NULL;
    }
    json_auto_t *rule = read_traffic(request, err);
    if (!rule || (block && set_block(call, rule, block, err) < 0) ||
        (block6 && set_block6(call, rule, block6, err) < 0) ||
        (prefixes && set_prefix_list(call, rule, prefixes, err) < 0) ||
        (peer && set_group(call, group, rule, peer, NULL, err) < 0) ||
        set_description(rule, request, err) < 0)
        return NULL;
    return json_incref(rule);
}

/* ---- as permissions ---- */

/* The permission of the list with the rule's protocol and ports; added if there is none yet. */
static json_t *permission_for(json_t *permissions, const json_t *rule)
{
    size_t i;
    json_t *permission;
    const char *protocol = ec2_text(rule, "IpProtocol");
    const json_t *from = json_object_get(rule, "FromPort"), *to = json_object_get(rule, "ToPort");
    bool has_ports = strcmp(protocol, "-1") != 0;
    json_array_foreach (permissions, i, permission)
        if (!strcmp(ec2_text(permission, "IpProtocol"), protocol) &&
            (!has_ports || (json_equal(json_object_get(permission, "FromPort"), from) &&
                            json_equal(json_object_get(permission, "ToPort"), to))))
            return permission;
    permission = json_pack("{s:s, s:[], s:[], s:[], s:[]}", "IpProtocol", protocol, "IpRanges",
                           "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs");
    if (has_ports) {
        json_object_set(permission, "FromPort", (json_t *)(uintptr_t)from);
        json_object_set(permission, "ToPort", (json_t *)(uintptr_t)to);
    }
    json_array_append_new(permissions, permission);
    return permission;
}

static void add_pair(json_t *permission, const json_t *peer, const char *description)
{
    json_t *pair = json_copy((json_t *)(uintptr_t)peer);
    if (description)
        json_object_set_new(pair, "Description", json_string(description));
    json_array_append_new(json_object_get(permission, "UserIdGroupPairs"), pair);
}

static void add_to_permission(json_t *permission, const json_t *rule)
{
    const char *description = ec2_text(rule, "Description");
    const json_t *peer = json_object_get(rule, "ReferencedGroupInfo");
    const char *block = ec2_text(rule, "CidrIpv4"), *prefixes = ec2_text(rule, "PrefixListId");
    if (peer)
        add_pair(permission, peer, description);
    else if (block)
        json_array_append_new(
            json_object_get(permission, "IpRanges"),
            json_pack("{s:s, s:s*}", "CidrIp", block, "Description", description));
    else if (prefixes)
        json_array_append_new(
            json_object_get(permission, "PrefixListIds"),
            json_pack("{s:s, s:s*}", "PrefixListId", prefixes, "Description", description));
    else
        json_array_append_new(json_object_get(permission, "Ipv6Ranges"),
                              json_pack("{s:s, s:s*}", "CidrIpv6", ec2_text(rule, "CidrIpv6"),
                                        "Description", description));
}

json_t *ec2_rules_as_permissions(const struct call *call, const char *group, bool is_egress)
{
    json_t *permissions = json_array();
    store_each (cursor, call->store, "security-group-rule", call->region) {
        if (!strcmp(ec2_text(cursor.doc, "GroupId"), group) &&
            json_is_true(json_object_get(cursor.doc, "IsEgress")) == is_egress) {
            json_auto_t *shown = ec2_rule_show(call, cursor.doc);
            add_to_permission(permission_for(permissions, shown), shown);
        }
    }
    return permissions;
}
