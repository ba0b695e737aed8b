#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_block.h"
#include "service/ec2/zones.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX_MIN = 16, PREFIX_MAX = 28, RESERVED_ADDRESSES = 5, SUBNETS_PER_VPC_MAX = 200 };

const json_t *ec2_subnet_make(struct call *call, const json_t *vpc, const char *block,
                              const char *zone, bool is_default, json_t *tags)
{
    char id[32], zone_id[32] = "", association[32];
    struct cidr cidr = {0};
    cidr_parse(block, &cidr);
    call_make_id(call, "subnet", id);
    call_make_id(call, "aclassoc", association);
    ec2_zone_id(call->region, zone, zone_id);
    json_t *subnet = json_pack(
        "{s:s, s:o, s:O, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:[], s:o}",
        "SubnetId", id, "SubnetArn", ec2_arn(call, "subnet", id), "VpcId",
        json_object_get(vpc, "VpcId"), "OwnerId", call->account, "CidrBlock", block,
        "AvailabilityZone", zone, "AvailabilityZoneId", zone_id, "State", "available",
        "AvailableIpAddressCount", (int)(1u << (32 - cidr.prefix)) - RESERVED_ADDRESSES,
        "DefaultForAz", is_default, "MapPublicIpOnLaunch", is_default, "MapCustomerOwnedIpOnLaunch",
        0, "AssignIpv6AddressOnCreation", 0, "EnableDns64", 0, "Ipv6Native", 0,
        "Ipv6CidrBlockAssociationSet", "Tags", tags ? json_deep_copy(tags) : json_array());
    json_object_set_new(subnet, "PrivateDnsNameOptionsOnLaunch",
                        json_pack("{s:s, s:b, s:b}", "HostnameType", "ip-name",
                                  "EnableResourceNameDnsARecord", 0,
                                  "EnableResourceNameDnsAAAARecord", 0));
    json_object_set_new(subnet, "_acl_association", json_string(association));
    txn_put(call->txn, "subnet", call->region, id, subnet);
    return subnet;
}

/* ---- CreateSubnet ---- */

static int check_conflicts(const struct call *call, const char *vpc, struct cidr cidr,
                           const char *text, struct err *err)
{
    store_each (cursor, call->store, "subnet", call->region) {
        struct cidr other = {0};
        if (strcmp(ec2_text(cursor.doc, "VpcId"), vpc))
            continue;
        cidr_parse(ec2_text(cursor.doc, "CidrBlock"), &other);
        if (cidr_overlaps(cidr, other))
            return err_aws(err, "InvalidSubnet.Conflict",
                           "The CIDR '%.64s' conflicts with another subnet", text);
    }
    return 0;
}

static int check_block(const struct call *call, const json_t *vpc, const char *text,
                       struct cidr *ret, struct err *err)
{
    if (!cidr_parse(text, ret))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter cidrBlock is invalid. This is not a valid CIDR "
                       "block.",
                       text);
    *ret = cidr_canonical(*ret);
    if (ret->prefix < PREFIX_MIN || ret->prefix > PREFIX_MAX || !ec2_vpc_contains(vpc, *ret))
        return err_aws(err, "InvalidSubnet.Range", "The CIDR '%.64s' is invalid.", text);
    return check_conflicts(call, ec2_text(vpc, "VpcId"), *ret, text, err);
}

/* The zone that the request names; the region's first when it names none. */
static int choose_zone(const struct call *call, char out[32], struct err *err)
{
    char other[32];
    const char *zone = ec2_text(call->in, "AvailabilityZone");
    const char *zone_id = ec2_text(call->in, "AvailabilityZoneId");
    if (zone && zone_id)
        return err_aws(err, "InvalidParameterCombination",
                       "The parameters availabilityZone and availabilityZoneId cannot be used "
                       "together");
    if (zone_id && !ec2_zone_of_id(call->region, zone_id, out))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter availabilityZoneId is invalid.", zone_id);
    if (zone_id)
        return 0;
    ec2_zone_name(call->region, 0, out);
    if (!zone)
        return 0;
    if (!ec2_zone_id(call->region, zone, other))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter availabilityZone is invalid. Subnets can "
                       "currently only be created in the following availability zones: %sa, %sb, "
                       "%sc.",
                       zone, call->region, call->region, call->region);
    snprintf(out, 32, "%s", zone);
    return 0;
}

int ec2_CreateSubnet(struct call *call, struct err *err)
{
    struct cidr cidr;
    char block[20], zone[32] = "";
    if (call_accept(call->in,
                    "VpcId CidrBlock AvailabilityZone AvailabilityZoneId TagSpecifications",
                    err) < 0)
        return -1;
    const char *vpc_id = ec2_required(call, "VpcId", err);
    const char *wanted = vpc_id ? ec2_required(call, "CidrBlock", err) : NULL;
    const json_t *vpc = wanted ? ec2_find(call, "vpc", vpc_id, err) : NULL;
    if (!vpc || check_block(call, vpc, wanted, &cidr, err) < 0 ||
        choose_zone(call, zone, err) < 0 ||
        ec2_limit(call, "subnet", "VpcId", vpc_id, SUBNETS_PER_VPC_MAX, "SubnetLimitExceeded",
                  err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, "subnet", "subnet", err);
    if (!tags)
        return -1;
    cidr_format(cidr, block);
    const json_t *subnet = ec2_subnet_make(call, vpc, block, zone, false, tags);
    json_object_set(call->out, "Subnet", (json_t *)(uintptr_t)subnet);
    return 0;
}

/* ---- the others ---- */

/* Route tables forget a subnet that goes. */
static void forget_association(struct call *call, const char *subnet)
{
    const json_t *found = ec2_first(call, "route-table", "Associations.SubnetId", subnet);
    if (!found)
        return;
    json_t *table =
        txn_edit(call->txn, "route-table", call->region, ec2_text(found, "RouteTableId"));
    json_t *associations = json_object_get(table, "Associations");
    for (size_t i = json_array_size(associations); i-- > 0;)
        if (ec2_path_has(json_array_get(associations, i), "SubnetId", subnet))
            json_array_remove(associations, i);
}

int ec2_DeleteSubnet(struct call *call, struct err *err)
{
    if (call_accept(call->in, "SubnetId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "SubnetId", err);
    if (!id || !ec2_find(call, "subnet", id, err))
        return -1;
    if (ec2_first(call, "network-interface", "SubnetId", id))
        return err_aws(err, "DependencyViolation",
                       "The subnet '%s' has dependencies and cannot be deleted.", id);
    forget_association(call, id);
    txn_delete(call->txn, "subnet", call->region, id);
    return 0;
}

int ec2_ModifySubnetAttribute(struct call *call, struct err *err)
{
    static const char *const unsupported[] = {
        "AssignIpv6AddressOnCreation",
        "MapCustomerOwnedIpOnLaunch",
        "EnableDns64",
        "EnableResourceNameDnsARecordOnLaunch",
        "EnableResourceNameDnsAAAARecordOnLaunch",
        "DisableLniAtDeviceIndex",
    };
    const char *id = ec2_required(call, "SubnetId", err);
    json_auto_t *rest = json_copy((json_t *)(uintptr_t)call->in);
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (!json_is_true(json_object_get(json_object_get(call->in, unsupported[i]), "Value")))
            json_object_del(rest, unsupported[i]);
    if (!id ||
        call_accept(rest, "SubnetId MapPublicIpOnLaunch PrivateDnsHostnameTypeOnLaunch=ip-name",
                    err) < 0)
        return -1;
    json_t *subnet = ec2_edit(call, "subnet", id, err);
    if (!subnet)
        return -1;
    const json_t *map_public = json_object_get(call->in, "MapPublicIpOnLaunch");
    if (map_public)
        json_object_set_new(subnet, "MapPublicIpOnLaunch",
                            json_boolean(json_is_true(json_object_get(map_public, "Value"))));
    return 0;
}

int ec2_DescribeSubnets(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"availability-zone", "AvailabilityZone"},
        {"availabilityZone", "AvailabilityZone"},
        {"availability-zone-id", "AvailabilityZoneId"},
        {"availabilityZoneId", "AvailabilityZoneId"},
        {"available-ip-address-count", "AvailableIpAddressCount"},
        {"cidr-block", "CidrBlock"},
        {"cidr", "CidrBlock"},
        {"cidrBlock", "CidrBlock"},
        {"default-for-az", "DefaultForAz"},
        {"defaultForAz", "DefaultForAz"},
        {"map-public-ip-on-launch", "MapPublicIpOnLaunch"},
        {"owner-id", "OwnerId"},
        {"state", "State"},
        {"subnet-arn", "SubnetArn"},
        {"subnet-id", "SubnetId"},
        {"vpc-id", "VpcId"},
        {"customer-owned-ipv4-pool", "CustomerOwnedIpv4Pool"},
        {"enable-dns64", "EnableDns64"},
        {"enable-lni-at-device-index", "EnableLniAtDeviceIndex"},
        {"ipv6-cidr-block-association.ipv6-cidr-block",
         "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"},
        {"ipv6-cidr-block-association.association-id", "Ipv6CidrBlockAssociationSet.AssociationId"},
        {"ipv6-cidr-block-association.state",
         "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State"},
        {"ipv6-native", "Ipv6Native"},
        {"map-customer-owned-ip-on-launch", "MapCustomerOwnedIpOnLaunch"},
        {"outpost-arn", "OutpostArn"},
        {"private-dns-name-options-on-launch.hostname-type",
         "PrivateDnsNameOptionsOnLaunch.HostnameType"},
        {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
         "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord"},
        {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
         "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "subnet",
        .list = "Subnets",
        .selectors = {{"SubnetIds", "SubnetId", "subnet"}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters SubnetIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
