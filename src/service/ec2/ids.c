#include "service/ec2/ids.h"

#include <stdio.h>
#include <string.h>

/* Ids are "<prefix>-" and 8 (old) or 17 hex digits. */
struct id_kind {
    const char *kind;
    const char *prefix;         /* NULL: names, which have no form */
    const char *malformed_code; /* NULL where prefix is */
    const char *not_found_code;
    const char *not_found_text; /* with one %s */
};

/* Kinds that are no kind of document are ways to name one, used by selectors. */
static const struct id_kind kinds[] = {
    {"vpc", "vpc", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound",
     "The vpc ID '%s' does not exist"},
    {"vpc-cidr-block-association", "vpc-cidr-assoc", "InvalidVpcCidrBlockAssociationID.Malformed",
     "InvalidVpcCidrBlockAssociationID.NotFound",
     "The vpc CIDR block association ID '%s' does not exist"},
    {"subnet", "subnet", "InvalidSubnetID.Malformed", "InvalidSubnetID.NotFound",
     "The subnet ID '%s' does not exist"},
    {"internet-gateway", "igw", "InvalidInternetGatewayId.Malformed",
     "InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist"},
    {"route-table", "rtb", "InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound",
     "The routeTable ID '%s' does not exist"},
    {"route-table-association", "rtbassoc", "InvalidAssociationId.Malformed",
     "InvalidAssociationID.NotFound", "The association ID '%s' does not exist"},
    {"security-group", "sg", "InvalidGroupId.Malformed", "InvalidGroup.NotFound",
     "The security group '%s' does not exist"},
    {"security-group-name", NULL, NULL, "InvalidGroup.NotFound",
     "The security group '%s' does not exist in default VPC"},
    {"security-group-rule", "sgr", "InvalidSecurityGroupRuleId.Malformed",
     "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist"},
    {"network-acl", "acl", "InvalidNetworkAclId.Malformed", "InvalidNetworkAclID.NotFound",
     "The networkAcl ID '%s' does not exist"},
    {"network-acl-association", "aclassoc", "InvalidAssociationID.Malformed",
     "InvalidAssociationID.NotFound", "The association ID '%s' does not exist"},
    {"nat-gateway", "nat", "NatGatewayMalformed", "NatGatewayNotFound",
     "NAT gateway %s was not found"},
    {"nat-gateway-of-route", "nat", "InvalidNatGatewayID.Malformed", "InvalidNatGatewayID.NotFound",
     "The natGateway ID '%s' does not exist"},
    {"vpc-peering-connection", "pcx", "InvalidVpcPeeringConnectionId.Malformed",
     "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist"},
    {"network-insights-path", "nip", "InvalidNetworkInsightsPathId.Malformed",
     "InvalidNetworkInsightsPathId.NotFound", "The network insights path ID '%s' does not exist"},
    {"network-insights-analysis", "nia", "InvalidNetworkInsightsAnalysisId.Malformed",
     "InvalidNetworkInsightsAnalysisId.NotFound",
     "The network insights analysis ID '%s' does not exist"},
    {"prefix-list", "pl", "InvalidPrefixListId.Malformed", "InvalidPrefixListID.NotFound",
     "The prefix list ID '%s' does not exist"},
    {"vpc-endpoint", "vpce", "InvalidVpcEndpointId.Malformed", "InvalidVpcEndpointId.NotFound",
     "The Vpc Endpoint Id '%s' does not exist"},
    {"flow-log", "fl", "InvalidFlowLogId.Malformed", "InvalidFlowLogId.NotFound",
     "The Flow Log ID '%s' does not exist"},
    {"dhcp-options", "dopt", "InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionID.NotFound",
     "The dhcpOption ID '%s' does not exist"},
    {"network-interface", "eni", "InvalidNetworkInterfaceId.Malformed",
     "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist"},
    {"network-interface-attachment", "eni-attach", "InvalidAttachmentID.Malformed",
     "InvalidAttachmentID.NotFound", "The attachment ID '%s' does not exist"},
    {"address", "eipalloc", "InvalidAllocationID.Malformed", "InvalidAllocationID.NotFound",
     "The allocation ID '%s' does not exist"},
    {"address-association", "eipassoc", "InvalidAssociationID.Malformed",
     "InvalidAssociationID.NotFound", "The association ID '%s' does not exist"},
    {"public-ip", NULL, NULL, "InvalidAddress.NotFound", "Address '%s' not found."},
    {"instance", "i", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound",
     "The instance ID '%s' does not exist"},
    {"image", "ami", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound",
     "The image id '[%s]' does not exist"},
    {"volume", "vol", "InvalidVolumeID.Malformed", "InvalidVolume.NotFound",
     "The volume '%s' does not exist."},
    {"snapshot", "snap", "InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound",
     "The snapshot '%s' does not exist."},
    {"key-pair", NULL, NULL, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist"},
    {"key-pair-id", "key", "InvalidKeyPairID.Malformed", "InvalidKeyPair.NotFound",
     "The key pair ID '%s' does not exist"},
    {"placement-group", NULL, NULL, "InvalidPlacementGroup.Unknown",
     "The Placement Group '%s' is unknown."},
    {"placement-group-id", "pg", "InvalidPlacementGroupId.Malformed",
     "InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown."},
    {"launch-template", "lt", "InvalidLaunchTemplateId.Malformed",
     "InvalidLaunchTemplateId.NotFound",
     "The specified launch template, with template ID %s, does not exist."},
    {"launch-template-name", NULL, NULL, "InvalidLaunchTemplateName.NotFoundException",
     "The specified launch template, with template name %s, does not exist."},
};

/* A kind that is not in the table is a bug of the caller; its errors are then unspecific. */
static const struct id_kind unknown_kind = {
    "", NULL, NULL, "InvalidParameterValue", "The ID '%s' does not exist",
};

static const struct id_kind *find_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].kind, kind))
            return &kinds[i];
    return &unknown_kind;
}

static bool has_form(const char *id, const char *prefix)
{
    size_t prefix_size = strlen(prefix);
    if (strncmp(id, prefix, prefix_size) || id[prefix_size] != '-')
        return false;
    const char *digits = id + prefix_size + 1;
    size_t count = strspn(digits, "0123456789abcdef");
    return digits[count] == '\0' && (count == 8 || count == 17);
}

int ec2_id_check(const char *kind, const char *id, struct err *err)
{
    const struct id_kind *row = find_kind(kind);
    if (!row->prefix || has_form(id, row->prefix))
        return 0;
    return err_aws(err, row->malformed_code, "Invalid id: \"%.255s\" (expecting \"%s-...\")", id,
                   row->prefix);
}

int ec2_id_not_found(const char *kind, const char *id, struct err *err)
{
    const struct id_kind *row = find_kind(kind);
    const char *slot = strstr(row->not_found_text, "%s");
    return err_aws(err, row->not_found_code, "%.*s%.255s%s", (int)(slot - row->not_found_text),
                   row->not_found_text, id, slot + 2);
}

const json_t *ec2_find(const struct call *call, const char *kind, const char *id, struct err *err)
{
    if (ec2_id_check(kind, id, err) < 0)
        return NULL;
    const json_t *doc = store_get(call->store, kind, call->region, id);
    if (!doc)
        ec2_id_not_found(kind, id, err);
    return doc;
}

json_t *ec2_edit(const struct call *call, const char *kind, const char *id, struct err *err)
{
    if (!ec2_find(call, kind, id, err))
        return NULL;
    return txn_edit(call->txn, kind, call->region, id);
}

const char *ec2_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *ec2_required(const struct call *call, const char *name, struct err *err)
{
    const char *text = ec2_text(call->in, name);
    if (!text || !*text) {
        err_aws(err, "MissingParameter", "The request must contain the parameter %s", name);
        return NULL;
    }
    return text;
}
