/* Authorizing, revoking and changing the rules of security groups. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/prefix_list.h"
#include "service/ec2/rule.h"
#include "service/ec2/security_group.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char kind[] = "security-group-rule";

static const char permission_members[] =
    "GroupId GroupName IpPermissions IpProtocol FromPort ToPort CidrIp SourceSecurityGroupName "
    "SourceSecurityGroupOwnerId TagSpecifications SecurityGroupRuleIds";

const json_t *ec2_rule_make(struct call *call, const char *group, bool is_egress, json_t *rule,
                            json_t *tags)
{
    char id[32];
    call_make_id(call, "sgr", id);
    json_object_set_new(rule, "SecurityGroupRuleId", json_string(id));
    json_object_set_new(rule, "SecurityGroupRuleArn", ec2_arn(call, kind, id));
    json_object_set_new(rule, "GroupId", json_string(group));
    json_object_set_new(rule, "GroupOwnerId", json_string(call->account));
    json_object_set_new(rule, "IsEgress", json_boolean(is_egress));
    json_object_set_new(rule, "Tags", tags ? json_deep_copy(tags) : json_array());
    txn_put(call->txn, kind, call->region, id, rule);
    return rule;
}

static bool belongs(const json_t *rule, const char *group, bool is_egress)
{
    return !strcmp(ec2_text(rule, "GroupId"), group) &&
           json_is_true(json_object_get(rule, "IsEgress")) == is_egress;
}

/* The group's rule that lets the same traffic pass; NULL if there is none. */
static const json_t *find_equal(const struct call *call, const char *group, bool is_egress,
                                const json_t *rule)
{
    store_each (cursor, call->store, kind, call->region) {
        if (belongs(cursor.doc, group, is_egress) && ec2_rule_equals(cursor.doc, rule))
            return cursor.doc;
    }
    return NULL;
}

/* ---- authorize ---- */

/* `peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW`, as AWS describes a duplicate. */
static int duplicate_error(const json_t *rule, struct err *err)
{
    const char *peer = ec2_text(rule, "CidrIpv4");
    char protocol[16] = "ALL", ports[64] = "";
    if (!peer)
        peer = ec2_text(rule, "CidrIpv6");
    if (!peer)
        peer = ec2_text(rule, "PrefixListId");
    if (!peer)
        peer = ec2_text(json_object_get(rule, "ReferencedGroupInfo"), "GroupId");
    if (strcmp(ec2_text(rule, "IpProtocol"), "-1")) {
        snprintf(protocol, sizeof protocol, "%s", ec2_text(rule, "IpProtocol"));
        for (char *at = protocol; *at; at++)
            *at = (char)toupper((unsigned char)*at);
        snprintf(ports, sizeof ports, " from port: %d, to port: %d,",
                 (int)json_integer_value(json_object_get(rule, "FromPort")),
                 (int)json_integer_value(json_object_get(rule, "ToPort")));
    }
    return err_aws(err, "InvalidPermission.Duplicate",
                   "the specified rule \"peer: %s, %s,%s ALLOW\" already exists", peer, protocol,
                   ports);
}

size_t ec2_rule_count(const struct call *call, const char *group, bool is_egress)
{
    size_t count = 0;
    store_each (cursor, call->store, kind, call->region) {
        if (belongs(cursor.doc, group, is_egress))
            count += ec2_prefix_list_weight(call, ec2_text(cursor.doc, "PrefixListId"));
    }
    return count;
}

static int check_addition(const struct call *call, const char *group, bool is_egress,
                          const json_t *rules, struct err *err)
{
    size_t i, count = ec2_rule_count(call, group, is_egress);
    const json_t *rule;
    json_array_foreach (rules, i, rule) {
        if (find_equal(call, group, is_egress, rule))
            return duplicate_error(rule, err);
        count += ec2_prefix_list_weight(call, ec2_text(rule, "PrefixListId"));
    }
    if (count > EC2_RULES_PER_DIRECTION_MAX)
        return err_aws(err, "RulesPerSecurityGroupLimitExceeded",
                       "The maximum number of rules per security group has been reached.");
    return 0;
}

static int authorize(struct call *call, bool is_egress, struct err *err)
{
    if (call_accept(call->in, permission_members, err) < 0)
        return -1;
    const json_t *group = ec2_security_group_of_request(call, err);
    json_auto_t *rules = group ? ec2_rules_read(call, group, err) : NULL;
    if (!rules)
        return -1;
    const char *id = ec2_text(group, "GroupId");
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags || check_addition(call, id, is_egress, rules, err) < 0)
        return -1;
    json_t *made = json_array();
    json_object_set_new(call->out, "SecurityGroupRules", made);
    size_t i;
    json_t *rule;
    json_array_foreach (rules, i, rule)
        if (ec2_rule_connect(call, group, rule, err) < 0)
            return -1;
    json_array_foreach (rules, i, rule)
        json_array_append(
            made, (json_t *)(uintptr_t)ec2_rule_make(call, id, is_egress, json_incref(rule), tags));
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

int ec2_AuthorizeSecurityGroupIngress(struct call *call, struct err *err)
{
    return authorize(call, false, err);
}

int ec2_AuthorizeSecurityGroupEgress(struct call *call, struct err *err)
{
    return authorize(call, true, err);
}

/* ---- revoke ---- */

/* What RevokeSecurityGroup* answers for a rule. */
static json_t *revoked(const json_t *rule)
{
    static const char *const copied[] = {
        "SecurityGroupRuleId",
        "GroupId",
        "IsEgress",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIpv4",
        "CidrIpv6",
        "PrefixListId",
        "Description",
    };
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(out, copied[i], json_object_get(rule, copied[i]));
    const json_t *peer = json_object_get(rule, "ReferencedGroupInfo");
    if (peer)
        json_object_set(out, "ReferencedGroupId", json_object_get(peer, "GroupId"));
    return out;
}

/* The group's rules with the ids of the request. */
static json_t *rules_by_id(const struct call *call, const char *group, bool is_egress,
                           const json_t *ids, struct err *err)
{
    json_auto_t *rules = json_array();
    size_t i;
    const json_t *id;
    json_array_foreach (ids, i, id) {
        const json_t *rule = ec2_find(call, kind, json_string_value(id), err);
        if (!rule)
            return NULL;
        if (!belongs(rule, group, is_egress)) {
            ec2_id_not_found(kind, json_string_value(id), err);
            return NULL;
        }
        json_array_append(rules, (json_t *)(uintptr_t)rule);
    }
    return json_incref(rules);
}

/* The group's rules that equal those of the request's permissions. */
static json_t *rules_by_permission(const struct call *call, const json_t *group, bool is_egress,
                                   struct err *err)
{
    json_auto_t *found = json_array();
    json_auto_t *wanted = ec2_rules_read(call, group, err);
    if (!wanted)
        return NULL;
    size_t i;
    const json_t *rule;
    json_array_foreach (wanted, i, rule) {
        const json_t *equal = find_equal(call, ec2_text(group, "GroupId"), is_egress, rule);
        if (!equal) {
            err_aws(err, "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.");
            return NULL;
        }
        json_array_append(found, (json_t *)(uintptr_t)equal);
    }
    return json_incref(found);
}

static int revoke(struct call *call, bool is_egress, struct err *err)
{
    if (call_accept(call->in, permission_members, err) < 0)
        return -1;
    const json_t *group = ec2_security_group_of_request(call, err);
    if (!group)
        return -1;
    const json_t *ids = json_object_get(call->in, "SecurityGroupRuleIds");
    json_auto_t *rules = json_array_size(ids) > 0
                             ? rules_by_id(call, ec2_text(group, "GroupId"), is_egress, ids, err)
                             : rules_by_permission(call, group, is_egress, err);
    if (!rules)
        return -1;
    json_t *list = json_array();
    json_object_set_new(call->out, "RevokedSecurityGroupRules", list);
    size_t i;
    const json_t *rule;
    json_array_foreach (rules, i, rule) {
        json_array_append_new(list, revoked(rule));
        txn_delete(call->txn, kind, call->region, ec2_text(rule, "SecurityGroupRuleId"));
    }
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

int ec2_RevokeSecurityGroupIngress(struct call *call, struct err *err)
{
    return revoke(call, false, err);
}

int ec2_RevokeSecurityGroupEgress(struct call *call, struct err *err)
{
    return revoke(call, true, err);
}

/* ---- change ---- */

static int modify_rule(struct call *call, const json_t *group, const json_t *update,
                       struct err *err)
{
    static const char *const replaced[] = {
        "IpProtocol",          "FromPort",    "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId",
        "ReferencedGroupInfo", "Description",
    };
    const char *id = ec2_text(update, "SecurityGroupRuleId");
    const json_t *old = ec2_find(call, kind, id ? id : "", err);
    if (!old)
        return -1;
    const char *group_id = ec2_text(group, "GroupId");
    bool is_egress = json_is_true(json_object_get(old, "IsEgress"));
    if (!belongs(old, group_id, is_egress))
        return ec2_id_not_found(kind, id, err);
    json_auto_t *wanted =
        ec2_rule_read(call, group, json_object_get(update, "SecurityGroupRule"), err);
    if (!wanted || ec2_rule_connect(call, group, wanted, err) < 0)
        return -1;
    const json_t *equal = find_equal(call, group_id, is_egress, wanted);
    if (equal && equal != old)
        return duplicate_error(wanted, err);
    json_t *rule = txn_edit(call->txn, kind, call->region, id);
    for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++) {
        json_t *value = json_object_get(wanted, replaced[i]);
        if (value)
            json_object_set(rule, replaced[i], value);
        else
            json_object_del(rule, replaced[i]);
    }
    return 0;
}

int ec2_ModifySecurityGroupRules(struct call *call, struct err *err)
{
    if (call_accept(call->in, "GroupId SecurityGroupRules", err) < 0)
        return -1;
    const json_t *group = ec2_security_group_of_request(call, err);
    if (!group)
        return -1;
    size_t i;
    const json_t *update;
    json_array_foreach (json_object_get(call->in, "SecurityGroupRules"), i, update)
        if (modify_rule(call, group, update, err) < 0)
            return -1;
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

static void describe_rule(struct call *call, const char *id, const char *description)
{
    json_t *rule = txn_edit(call->txn, kind, call->region, id);
    if (description && *description)
        json_object_set_new(rule, "Description", json_string(description));
    else
        json_object_del(rule, "Description");
}

static int describe_by_id(struct call *call, const char *group, bool is_egress,
                          const json_t *descriptions, struct err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (descriptions, i, item) {
        const char *id = ec2_text(item, "SecurityGroupRuleId");
        const json_t *rule = ec2_find(call, kind, id ? id : "", err);
        if (!rule)
            return -1;
        if (!belongs(rule, group, is_egress))
            return ec2_id_not_found(kind, id, err);
        describe_rule(call, id, ec2_text(item, "Description"));
    }
    return 0;
}

static int update_descriptions(struct call *call, bool is_egress, struct err *err)
{
    if (call_accept(call->in, "GroupId GroupName IpPermissions SecurityGroupRuleDescriptions",
                    err) < 0)
        return -1;
    const json_t *group = ec2_security_group_of_request(call, err);
    if (!group)
        return -1;
    const char *group_id = ec2_text(group, "GroupId");
    const json_t *by_id = json_object_get(call->in, "SecurityGroupRuleDescriptions");
    json_object_set_new(call->out, "Return", json_true());
    if (json_array_size(by_id) > 0)
        return describe_by_id(call, group_id, is_egress, by_id, err);
    json_auto_t *wanted = ec2_rules_read(call, group, err);
    if (!wanted)
        return -1;
    size_t i;
    const json_t *rule;
    json_array_foreach (wanted, i, rule) {
        const json_t *equal = find_equal(call, group_id, is_egress, rule);
        if (!equal)
            return err_aws(err, "InvalidPermission.NotFound",
                           "The specified rule does not exist in this security group.");
        describe_rule(call, ec2_text(equal, "SecurityGroupRuleId"), ec2_text(rule, "Description"));
    }
    return 0;
}

int ec2_UpdateSecurityGroupRuleDescriptionsIngress(struct call *call, struct err *err)
{
    return update_descriptions(call, false, err);
}

int ec2_UpdateSecurityGroupRuleDescriptionsEgress(struct call *call, struct err *err)
{
    return update_descriptions(call, true, err);
}

int ec2_DescribeSecurityGroupRules(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"group-id", "GroupId"},
        {"security-group-rule-id", "SecurityGroupRuleId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "SecurityGroupRules",
        .selectors = {{"SecurityGroupRuleIds", "SecurityGroupRuleId", kind}},
        .filters = filters,
        .show = ec2_rule_show,
    };
    if (call_accept(call->in, "Filters SecurityGroupRuleIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
