#include "service/ec2/vpc.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/dhcp_options.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/security_group.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc_block.h"
#include "service/ec2/vpc_peering.h"

#include <string.h>

enum { VPCS_MAX = 5 };

const json_t *ec2_default_vpc(const struct call *call)
{
    return ec2_first(call, "vpc", "IsDefault", "true");
}

static json_t *make_document(struct call *call, const char *id, const char *block, bool is_default,
                             json_t *tags)
{
    return json_pack("{s:s, s:s, s:s, s:[o], s:[], s:s, s:s, s:s, s:b, s:o, s:b}", "VpcId", id,
                     "OwnerId", call->account, "CidrBlock", block, "CidrBlockAssociationSet",
                     ec2_vpc_block_associated(call, block), "Ipv6CidrBlockAssociationSet",
                     "DhcpOptionsId", ec2_dhcp_options_default(call), "State", "available",
                     "InstanceTenancy", "default", "IsDefault", is_default, "Tags",
                     tags ? json_deep_copy(tags) : json_array(), "_dns_hostnames", is_default);
}

static void add_default_rules(struct call *call, const char *group)
{
    ec2_rule_make(call, group, false,
                  json_pack("{s:s, s:i, s:i, s:{s:s, s:s}}", "IpProtocol", "-1", "FromPort", -1,
                            "ToPort", -1, "ReferencedGroupInfo", "GroupId", group, "UserId",
                            call->account),
                  NULL);
}

const json_t *ec2_vpc_make(struct call *call, const char *block, bool is_default, json_t *tags)
{
    char id[32];
    call_make_id(call, "vpc", id);
    json_t *vpc = make_document(call, id, block, is_default, tags);
    const json_t *table = ec2_route_table_make(call, vpc, true, NULL);
    const json_t *group =
        ec2_security_group_make(call, id, "default", "default VPC security group", NULL);
    add_default_rules(call, ec2_text(group, "GroupId"));
    ec2_network_acl_make(call, id, true, NULL);
    json_object_set(vpc, "_main_route_table", json_object_get(table, "RouteTableId"));
    json_object_set(vpc, "_default_group", json_object_get(group, "GroupId"));
    txn_put(call->txn, "vpc", call->region, id, vpc);
    return vpc;
}

/* ---- CreateVpc, DeleteVpc ---- */

int ec2_CreateVpc(struct call *call, struct err *err)
{
    struct cidr cidr;
    char block[20];
    if (call_accept(call->in, "CidrBlock InstanceTenancy=default TagSpecifications", err) < 0)
        return -1;
    const char *wanted = ec2_required(call, "CidrBlock", err);
    if (!wanted || ec2_vpc_block_read(wanted, &cidr, err) < 0 ||
        ec2_limit(call, "vpc", NULL, NULL, VPCS_MAX, "VpcLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, "vpc", "vpc", err);
    if (!tags)
        return -1;
    cidr_format(cidr, block);
    const json_t *vpc = ec2_vpc_make(call, block, false, tags);
    json_object_set(call->out, "Vpc", (json_t *)(uintptr_t)vpc);
    return 0;
}

int ec2_CreateDefaultVpc(struct call *call, struct err *err)
{
    if (call_accept(call->in, "", err) < 0)
        return -1;
    if (ec2_default_vpc(call))
        return err_aws(err, "DefaultVpcAlreadyExists",
                       "A Default VPC already exists for this account in this region.");
    const json_t *vpc = ec2_default_vpc_make(call);
    json_object_set(call->out, "Vpc", (json_t *)(uintptr_t)vpc);
    return 0;
}

/* What comes with a VPC goes with it; anything else must be gone before. */
static bool has_dependencies(const struct call *call, const json_t *vpc)
{
    static const char *const kinds[] = {"subnet", "network-interface", "vpc-endpoint"};
    const char *id = ec2_text(vpc, "VpcId");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ec2_first(call, kinds[i], "VpcId", id))
            return true;
    if (ec2_first(call, "internet-gateway", "Attachments.VpcId", id) ||
        ec2_peering_is_used(call, id))
        return true;
    store_each (acl, call->store, "network-acl", call->region) {
        if (ec2_path_has(acl.doc, "VpcId", id) && ec2_path_has(acl.doc, "IsDefault", "false"))
            return true;
    }
    store_each (group, call->store, "security-group", call->region) {
        if (ec2_path_has(group.doc, "VpcId", id) &&
            strcmp(group.id, ec2_text(vpc, "_default_group")))
            return true;
    }
    store_each (table, call->store, "route-table", call->region) {
        if (ec2_path_has(table.doc, "VpcId", id) &&
            strcmp(table.id, ec2_text(vpc, "_main_route_table")))
            return true;
    }
    return false;
}

int ec2_DeleteVpc(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "VpcId", err);
    const json_t *vpc = id ? ec2_find(call, "vpc", id, err) : NULL;
    if (!vpc)
        return -1;
    if (has_dependencies(call, vpc))
        return err_aws(err, "DependencyViolation",
                       "The vpc '%s' has dependencies and cannot be deleted.", id);
    ec2_security_group_delete(call, ec2_text(vpc, "_default_group"));
    txn_delete(call->txn, "route-table", call->region, ec2_text(vpc, "_main_route_table"));
    const json_t *acl = ec2_first(call, "network-acl", "VpcId", id);
    txn_delete(call->txn, "network-acl", call->region, ec2_text(acl, "NetworkAclId"));
    txn_delete(call->txn, "vpc", call->region, id);
    return 0;
}

/* ---- DescribeVpcs and attributes ---- */

int ec2_DescribeVpcs(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"cidr", "CidrBlock"},
        {"cidr-block-association.cidr-block", "CidrBlockAssociationSet.CidrBlock"},
        {"cidr-block-association.association-id", "CidrBlockAssociationSet.AssociationId"},
        {"cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State"},
        {"dhcp-options-id", "DhcpOptionsId"},
        {"is-default", "IsDefault"},
        {"isDefault", "IsDefault"},
        {"owner-id", "OwnerId"},
        {"state", "State"},
        {"vpc-id", "VpcId"},
        {"ipv6-cidr-block-association.ipv6-cidr-block",
         "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
        {"ipv6-cidr-block-association.ipv6-pool", "Ipv6CidrBlockAssociationSet.Ipv6Pool"},
        {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
        {"ipv6-cidr-block-association.state",
         "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "vpc",
        .list = "Vpcs",
        .selectors = {{"VpcIds", "VpcId", "vpc"}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters VpcIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

struct vpc_attribute {
    const char *name;    /* as DescribeVpcAttribute is asked for it */
    const char *member;  /* of requests and answers */
    const char *private; /* of the document; NULL: it is `usual`, and cannot be changed */
    bool usual;          /* also where a document does not say */
};

static const struct vpc_attribute attributes[] = {
    {"enableDnsSupport", "EnableDnsSupport", "_dns_support", true},
    {"enableDnsHostnames", "EnableDnsHostnames", "_dns_hostnames", false},
    {"enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics", NULL, false},
};

enum { ATTRIBUTE_COUNT = sizeof attributes / sizeof *attributes };

static bool has_attribute(const json_t *vpc, const struct vpc_attribute *attribute)
{
    const json_t *own = attribute->private ? json_object_get(vpc, attribute->private) : NULL;
    return own ? json_is_true(own) : attribute->usual;
}

int ec2_DescribeVpcAttribute(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcId Attribute", err) < 0)
        return -1;
    const char *id = ec2_required(call, "VpcId", err);
    const char *name = id ? ec2_required(call, "Attribute", err) : NULL;
    const json_t *vpc = name ? ec2_find(call, "vpc", id, err) : NULL;
    if (!vpc)
        return -1;
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (strcmp(attributes[i].name, name))
            continue;
        bool value = has_attribute(vpc, &attributes[i]);
        json_object_set_new(call->out, "VpcId", json_string(id));
        json_object_set_new(call->out, attributes[i].member, json_pack("{s:b}", "Value", value));
        return 0;
    }
    return err_aws(err, "InvalidParameterValue",
                   "Value (%.64s) for parameter attribute is invalid. Unknown attribute.", name);
}

int ec2_ModifyVpcAttribute(struct call *call, struct err *err)
{
    const struct vpc_attribute *changed = NULL;
    int count = 0;
    if (call_accept(call->in,
                    "VpcId EnableDnsSupport EnableDnsHostnames EnableNetworkAddressUsageMetrics",
                    err) < 0)
        return -1;
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (!json_object_get(call->in, attributes[i].member))
            continue;
        changed = &attributes[i];
        count++;
    }
    if (count != 1)
        return err_aws(err, "InvalidParameterCombination",
                       "Exactly one attribute of the VPC must be specified");
    const char *id = ec2_required(call, "VpcId", err);
    if (!id || !ec2_find(call, "vpc", id, err))
        return -1;
    bool value = json_is_true(json_object_get(json_object_get(call->in, changed->member), "Value"));
    if (!changed->private)
        return value == changed->usual
                   ? 0
                   : err_aws(err, "UnsupportedOperation",
                             "The value '%s' of the attribute %s is not supported by Pileus yet",
                             value ? "true" : "false", changed->name);
    json_t *vpc = txn_edit(call->txn, "vpc", call->region, id);
    json_object_set_new(vpc, changed->private, json_boolean(value));
    ec2_interface_name_public(call, id);
    return 0;
}
