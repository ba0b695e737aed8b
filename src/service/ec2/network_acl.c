/* The default network ACL of a VPC, which allows everything. Others cannot be created yet. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/vpc.h"

#include <string.h>

enum { ALLOW_RULE = 100, LAST_RULE = 32767 };

static json_t *make_entry(bool is_egress, int number, const char *action)
{
    return json_pack("{s:s, s:b, s:s, s:s, s:i}", "CidrBlock", "0.0.0.0/0", "Egress", is_egress,
                     "Protocol", "-1", "RuleAction", action, "RuleNumber", number);
}

const json_t *ec2_network_acl_make(struct call *call, const char *vpc)
{
    char id[32];
    call_make_id(call, "acl", id);
    json_t *acl =
        json_pack("{s:s, s:s, s:s, s:b, s:[], s:[o, o, o, o]}", "NetworkAclId", id, "VpcId", vpc,
                  "OwnerId", call->account, "IsDefault", 1, "Tags", "Entries",
                  make_entry(true, ALLOW_RULE, "allow"), make_entry(true, LAST_RULE, "deny"),
                  make_entry(false, ALLOW_RULE, "allow"), make_entry(false, LAST_RULE, "deny"));
    txn_put(call->txn, "network-acl", call->region, id, acl);
    return acl;
}

/* Every subnet of the VPC is associated with its default ACL. */
static json_t *show(const struct call *call, const json_t *acl)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)acl);
    json_t *associations = json_array();
    json_object_set_new(shown, "Associations", associations);
    store_each (subnet, call->store, "subnet", call->region) {
        if (strcmp(ec2_text(subnet.doc, "VpcId"), ec2_text(acl, "VpcId")))
            continue;
        json_array_append_new(
            associations, json_pack("{s:O, s:O, s:s}", "NetworkAclAssociationId",
                                    json_object_get(subnet.doc, "_acl_association"), "NetworkAclId",
                                    json_object_get(acl, "NetworkAclId"), "SubnetId", subnet.id));
    }
    return shown;
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
        {"entry.protocol", "Entries.Protocol"},
        {"entry.rule-action", "Entries.RuleAction"},
        {"entry.rule-number", "Entries.RuleNumber"},
        {"network-acl-id", "NetworkAclId"},
        {"owner-id", "OwnerId"},
        {"vpc-id", "VpcId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "network-acl",
        .list = "NetworkAcls",
        .selectors = {{"NetworkAclIds", "NetworkAclId", "network-acl"}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in, "Filters NetworkAclIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
