/* Security groups; their rules are in security_rule.c. */
#include "service/ec2/security_group.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/rule.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "security-group";

enum { GROUPS_PER_REGION_MAX = 2500, NAME_SIZE_MAX = 255 };

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789 ._-:/()#,@[]+=&;{}!$*";

static json_t *everywhere_rule(void)
{
    return json_pack("{s:s, s:i, s:i, s:s}", "IpProtocol", "-1", "FromPort", -1, "ToPort", -1,
                     "CidrIpv4", "0.0.0.0/0");
}

const json_t *ec2_security_group_make(struct call *call, const char *vpc, const char *name,
                                      const char *description, json_t *tags)
{
    char id[32];
    call_make_id(call, "sg", id);
    json_t *group = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:o}", "GroupId", id,
                              "SecurityGroupArn", ec2_arn(call, kind, id), "GroupName", name,
                              "Description", description, "VpcId", vpc, "OwnerId", call->account,
                              "Tags", tags ? json_deep_copy(tags) : json_array());
    txn_put(call->txn, kind, call->region, id, group);
    ec2_rule_make(call, id, true, everywhere_rule(), NULL);
    return group;
}

static const json_t *find_by_name(const struct call *call, const char *vpc, const char *name)
{
    store_each (cursor, call->store, kind, call->region) {
        if (!strcmp(ec2_text(cursor.doc, "VpcId"), vpc) &&
            !strcmp(ec2_text(cursor.doc, "GroupName"), name))
            return cursor.doc;
    }
    return NULL;
}

const json_t *ec2_security_group_of_request(const struct call *call, struct err *err)
{
    const char *id = ec2_text(call->in, "GroupId");
    const char *name = ec2_text(call->in, "GroupName");
    if (id)
        return ec2_find(call, kind, id, err);
    if (!name) {
        err_aws(err, "MissingParameter",
                "The request must contain the parameter groupName or groupId");
        return NULL;
    }
    const json_t *vpc = ec2_default_vpc(call);
    const json_t *group = vpc ? find_by_name(call, ec2_text(vpc, "VpcId"), name) : NULL;
    if (!group)
        ec2_id_not_found("security-group-name", name, err);
    return group;
}

/* ---- CreateSecurityGroup, DeleteSecurityGroup ---- */

static int check_name(const char *name, const char *description, struct err *err)
{
    if (strlen(name) > NAME_SIZE_MAX || strspn(name, name_characters) != strlen(name))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.300s) for parameter GroupName is invalid. Character sets beyond "
                       "ASCII are not supported.",
                       name);
    if (!strncmp(name, "sg-", 3))
        return err_aws(
            err, "InvalidParameterValue",
            "Value (%.300s) for parameter GroupName is invalid. Group names may not be in "
            "the format sg-*.",
            name);
    if (!strcmp(name, "default"))
        return err_aws(err, "InvalidParameterValue", "Cannot use reserved security group name: %s",
                       name);
    if (strlen(description) > NAME_SIZE_MAX ||
        strspn(description, name_characters) != strlen(description))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.300s) for parameter GroupDescription is invalid. Character sets "
                       "beyond ASCII are not supported.",
                       description);
    return 0;
}

/* The VPC that the request names, or the default one. */
static const json_t *vpc_of_request(const struct call *call, struct err *err)
{
    const char *id = ec2_text(call->in, "VpcId");
    if (id)
        return ec2_find(call, "vpc", id, err);
    const json_t *vpc = ec2_default_vpc(call);
    if (!vpc)
        err_aws(err, "VPCIdNotSpecified", "No default VPC for this user");
    return vpc;
}

int ec2_CreateSecurityGroup(struct call *call, struct err *err)
{
    if (call_accept(call->in, "GroupName Description VpcId TagSpecifications", err) < 0)
        return -1;
    const char *name = ec2_required(call, "GroupName", err);
    const char *description = name ? ec2_required(call, "Description", err) : NULL;
    if (!description || check_name(name, description, err) < 0)
        return -1;
    const json_t *vpc = vpc_of_request(call, err);
    if (!vpc || ec2_limit(call, kind, NULL, NULL, GROUPS_PER_REGION_MAX,
                          "SecurityGroupLimitExceeded", err) < 0)
        return -1;
    const char *vpc_id = ec2_text(vpc, "VpcId");
    if (find_by_name(call, vpc_id, name))
        return err_aws(err, "InvalidGroup.Duplicate",
                       "The security group '%s' already exists for VPC '%s'", name, vpc_id);
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    const json_t *group = ec2_security_group_make(call, vpc_id, name, description, tags);
    json_object_set(call->out, "GroupId", json_object_get(group, "GroupId"));
    json_object_set(call->out, "SecurityGroupArn", json_object_get(group, "SecurityGroupArn"));
    json_object_set(call->out, "Tags", json_object_get(group, "Tags"));
    return 0;
}

/* Interfaces use it, or rules of other groups name it. */
static bool is_in_use(const struct call *call, const char *id)
{
    if (ec2_first(call, "network-interface", "Groups.GroupId", id))
        return true;
    store_each (rule, call->store, "security-group-rule", call->region) {
        if (ec2_path_has(rule.doc, "ReferencedGroupInfo.GroupId", id) &&
            strcmp(ec2_text(rule.doc, "GroupId"), id))
            return true;
    }
    return false;
}

void ec2_security_group_delete(struct call *call, const char *id)
{
    const json_t *rule;
    while ((rule = ec2_first(call, "security-group-rule", "GroupId", id)))
        txn_delete(call->txn, "security-group-rule", call->region,
                   ec2_text(rule, "SecurityGroupRuleId"));
    txn_delete(call->txn, kind, call->region, id);
}

int ec2_DeleteSecurityGroup(struct call *call, struct err *err)
{
    if (call_accept(call->in, "GroupId GroupName", err) < 0)
        return -1;
    const json_t *group = ec2_security_group_of_request(call, err);
    if (!group)
        return -1;
    const char *id = ec2_text(group, "GroupId");
    if (!strcmp(ec2_text(group, "GroupName"), "default"))
        return err_aws(err, "CannotDelete",
                       "the specified group: \"%s\" name: \"default\" cannot be deleted by a user",
                       id);
    if (is_in_use(call, id))
        return err_aws(err, "DependencyViolation", "resource %s has a dependent object", id);
    json_object_set_new(call->out, "Return", json_true());
    json_object_set_new(call->out, "GroupId", json_string(id));
    ec2_security_group_delete(call, id);
    return 0;
}

/* ---- DescribeSecurityGroups ---- */

/* GroupNames finds groups of the default VPC only: the others have no `_default_vpc_name`. */
static json_t *show(const struct call *call, const json_t *group)
{
    const char *id = ec2_text(group, "GroupId");
    json_t *shown = json_copy((json_t *)(uintptr_t)group);
    json_object_set_new(shown, "IpPermissions", ec2_rules_as_permissions(call, id, false));
    json_object_set_new(shown, "IpPermissionsEgress", ec2_rules_as_permissions(call, id, true));
    const json_t *vpc = ec2_default_vpc(call);
    if (vpc && !strcmp(ec2_text(group, "VpcId"), ec2_text(vpc, "VpcId")))
        json_object_set(shown, "_default_vpc_name", json_object_get(group, "GroupName"));
    return shown;
}

int ec2_DescribeSecurityGroups(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"description", "Description"},
        {"egress.ip-permission.cidr", "IpPermissionsEgress.IpRanges.CidrIp"},
        {"egress.ip-permission.from-port", "IpPermissionsEgress.FromPort"},
        {"egress.ip-permission.group-id", "IpPermissionsEgress.UserIdGroupPairs.GroupId"},
        {"egress.ip-permission.ipv6-cidr", "IpPermissionsEgress.Ipv6Ranges.CidrIpv6"},
        {"egress.ip-permission.protocol", "IpPermissionsEgress.IpProtocol"},
        {"egress.ip-permission.to-port", "IpPermissionsEgress.ToPort"},
        {"egress.ip-permission.user-id", "IpPermissionsEgress.UserIdGroupPairs.UserId"},
        {"group-id", "GroupId"},
        {"group-name", "GroupName"},
        {"ip-permission.cidr", "IpPermissions.IpRanges.CidrIp"},
        {"ip-permission.from-port", "IpPermissions.FromPort"},
        {"ip-permission.group-id", "IpPermissions.UserIdGroupPairs.GroupId"},
        {"ip-permission.ipv6-cidr", "IpPermissions.Ipv6Ranges.CidrIpv6"},
        {"ip-permission.protocol", "IpPermissions.IpProtocol"},
        {"ip-permission.to-port", "IpPermissions.ToPort"},
        {"ip-permission.user-id", "IpPermissions.UserIdGroupPairs.UserId"},
        {"owner-id", "OwnerId"},
        {"vpc-id", "VpcId"},
        {"egress.ip-permission.group-name", "IpPermissionsEgress.UserIdGroupPairs.GroupName"},
        {"egress.ip-permission.prefix-list-id", "IpPermissionsEgress.PrefixListIds.PrefixListId"},
        {"ip-permission.group-name", "IpPermissions.UserIdGroupPairs.GroupName"},
        {"ip-permission.prefix-list-id", "IpPermissions.PrefixListIds.PrefixListId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "SecurityGroups",
        .selectors = {{"GroupIds", "GroupId", kind},
                      {"GroupNames", "_default_vpc_name", "security-group-name"}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in, "Filters GroupIds GroupNames MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
