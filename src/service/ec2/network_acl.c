/* Network ACLs and their associations with subnets. Their entries are in network_acl_entry.c. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "network-acl";

enum { ALLOW_RULE = 100, LAST_RULE = 32767, ACLS_PER_VPC_MAX = 200 };

static json_t *make_entry(bool is_egress, int number, const char *action)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:i}", "CidrBlock", "0.0.0.0/0", "Egress", is_egress,
                     "Protocol", "-1", "RuleAction", action, "RuleNumber", number);
}

const json_t *ec2_network_acl_make(struct call *call, const char *vpc, bool is_default,
                                   json_t *tags)
{
    char id[32];
    json_t *entries = json_array();
    for (int is_egress = 1; is_egress >= 0; is_egress--) {
        if (is_default)
            json_array_append_new(entries, make_entry(is_egress, ALLOW_RULE, "allow"));
        json_array_append_new(entries, make_entry(is_egress, LAST_RULE, "deny"));
    }
    call_make_id(call, "acl", id);
    json_t *acl = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "NetworkAclId", id, "VpcId", vpc,
                            "OwnerId", call->account, "IsDefault", is_default, "Tags",
                            tags ? json_deep_copy(tags) : json_array(), "Entries", entries);
    txn_put(call->txn, kind, call->region, id, acl);
    return acl;
}

/* Whether the subnet's packets are judged by this ACL: a subnet that names none has the default. */
static bool has_acl(const json_t *subnet, const json_t *acl)
{
    const char *own = ec2_text(subnet, "_network_acl");
    if (own)
        return !strcmp(own, ec2_text(acl, "NetworkAclId"));
    return json_is_true(json_object_get(acl, "IsDefault")) &&
           !strcmp(ec2_text(subnet, "VpcId"), ec2_text(acl, "VpcId"));
}

static json_t *show(const struct call *call, const json_t *acl)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)acl);
    json_t *associations = json_array();
    json_object_set_new(shown, "Associations", associations);
    store_each (subnet, call->store, "subnet", call->region) {
        if (!has_acl(subnet.doc, acl))
            continue;
        json_array_append_new(
            associations, json_pack("{s:O, s:O, s:s}", "NetworkAclAssociationId",
                                    json_object_get(subnet.doc, "_acl_association"), "NetworkAclId",
                                    json_object_get(acl, "NetworkAclId"), "SubnetId", subnet.id));
    }
    return shown;
}

int ec2_CreateNetworkAcl(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcId TagSpecifications", err) < 0)
        return -1;
    const char *vpc = ec2_required(call, "VpcId", err);
    if (!vpc || !ec2_find(call, "vpc", vpc, err) ||
        ec2_limit(call, kind, "VpcId", vpc, ACLS_PER_VPC_MAX, "NetworkAclLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    const json_t *acl = ec2_network_acl_make(call, vpc, false, tags);
    json_object_set_new(call->out, "NetworkAcl", show(call, acl));
    const char *token = ec2_text(call->in, "ClientToken");
    if (token)
        json_object_set_new(call->out, "ClientToken", json_string(token));
    return 0;
}

int ec2_DeleteNetworkAcl(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkAclId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NetworkAclId", err);
    const json_t *acl = id ? ec2_find(call, kind, id, err) : NULL;
    if (!acl)
        return -1;
    if (json_is_true(json_object_get(acl, "IsDefault")))
        return err_aws(err, "InvalidParameterValue", "cannot delete default network ACL %s", id);
    store_each (subnet, call->store, "subnet", call->region) {
        if (has_acl(subnet.doc, acl))
            return err_aws(err, "DependencyViolation",
                           "The networkAcl '%s' has dependencies and cannot be deleted.", id);
    }
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

/* The subnet that has the association `id`; NULL and err if there is none. */
static const json_t *find_association(const struct call *call, const char *id, struct err *err)
{
    if (ec2_id_check("network-acl-association", id, err) < 0)
        return NULL;
    const json_t *subnet = ec2_first(call, "subnet", "_acl_association", id);
    if (!subnet)
        ec2_id_not_found("network-acl-association", id, err);
    return subnet;
}

int ec2_ReplaceNetworkAclAssociation(struct call *call, struct err *err)
{
    char association[32];
    if (call_accept(call->in, "AssociationId NetworkAclId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "AssociationId", err);
    const char *acl_id = id ? ec2_required(call, "NetworkAclId", err) : NULL;
    const json_t *acl = acl_id ? ec2_find(call, kind, acl_id, err) : NULL;
    const json_t *found = acl ? find_association(call, id, err) : NULL;
    if (!found)
        return -1;
    const char *subnet_id = ec2_text(found, "SubnetId");
    if (strcmp(ec2_text(acl, "VpcId"), ec2_text(found, "VpcId")))
        return err_aws(err, "InvalidParameterValue",
                       "Network ACL %s and subnet %s belong to different networks", acl_id,
                       subnet_id);
    json_t *subnet = txn_edit(call->txn, "subnet", call->region, subnet_id);
    call_make_id(call, "aclassoc", association);
    json_object_set_new(subnet, "_network_acl", json_string(acl_id));
    json_object_set_new(subnet, "_acl_association", json_string(association));
    json_object_set_new(call->out, "NewAssociationId", json_string(association));
    return 0;
}

int ec2_DescribeNetworkAcls(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"association.association-id", "Associations.NetworkAclAssociationId"},
        {"association.network-acl-id", "Associations.NetworkAclId"},
        {"association.subnet-id", "Associations.SubnetId"},
        {"default", "IsDefault"},
        {"entry.cidr", "Entries.CidrBlock"},
        {"entry.egress", "Entries.Egress"},
        {"entry.icmp.code", "Entries.IcmpTypeCode.Code"},
        {"entry.icmp.type", "Entries.IcmpTypeCode.Type"},
        {"entry.ipv6-cidr", "Entries.Ipv6CidrBlock"},
        {"entry.port-range.from", "Entries.PortRange.From"},
        {"entry.port-range.to", "Entries.PortRange.To"},
        {"entry.protocol", "Entries.Protocol"},
        {"entry.rule-action", "Entries.RuleAction"},
        {"entry.rule-number", "Entries.RuleNumber"},
        {"network-acl-id", "NetworkAclId"},
        {"owner-id", "OwnerId"},
        {"vpc-id", "VpcId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "NetworkAcls",
        .selectors = {{"NetworkAclIds", "NetworkAclId", kind}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in, "Filters NetworkAclIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
