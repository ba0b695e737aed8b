/* Elastic IP addresses. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/filter.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "address";

enum { ADDRESSES_MAX = 5 };

int ec2_AllocateAddress(struct call *call, struct err *err)
{
    char id[32], address[16];
    json_auto_t *rest = json_copy((json_t *)(uintptr_t)call->in);
    const char *group = ec2_text(call->in, "NetworkBorderGroup");
    if (group && !strcmp(group, call->region))
        json_object_del(rest, "NetworkBorderGroup");
    if (call_accept(rest, "Domain=vpc PublicIpv4Pool=amazon TagSpecifications", err) < 0 ||
        ec2_limit(call, kind, NULL, NULL, ADDRESSES_MAX, "AddressLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, "elastic-ip", "elastic-ip", err);
    if (!tags)
        return -1;
    call_make_id(call, "eipalloc", id);
    if (ec2_public_address_take(call, id, address, err) < 0)
        return -1;
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "AllocationId", id, "PublicIp", address, "Domain",
                  "vpc", "PublicIpv4Pool", "amazon", "NetworkBorderGroup", call->region);
    json_object_update(call->out, doc);
    json_object_set(doc, "Tags", tags);
    txn_put(call->txn, kind, call->region, id, doc);
    return 0;
}

/*
 * The address that a request names by `member` (AllocationId, or AssociationId with its own kind
 * of errors), or by PublicIp.
 */
static const json_t *find_address(const struct call *call, const char *member,
                                  const char *member_kind, struct err *err)
{
    const char *id = ec2_text(call->in, member), *ip = ec2_text(call->in, "PublicIp");
    if (!id && !ip) {
        err_aws(err, "MissingParameter", "Either public IP or %s must be specified", member);
        return NULL;
    }
    if (id && ip) {
        err_aws(err, "InvalidParameterCombination",
                "You may specify public IP or %s, but not both in the same call", member);
        return NULL;
    }
    if (id && ec2_id_check(member_kind, id, err) < 0)
        return NULL;
    const json_t *found = ec2_first(call, kind, id ? member : "PublicIp", id ? id : ip);
    if (!found)
        ec2_id_not_found(id ? member_kind : "public-ip", id ? id : ip, err);
    return found;
}

int ec2_ReleaseAddress(struct call *call, struct err *err)
{
    if (call_accept(call->in, "AllocationId PublicIp NetworkBorderGroup", err) < 0)
        return -1;
    const json_t *address = find_address(call, "AllocationId", kind, err);
    if (!address)
        return -1;
    const char *ip = ec2_text(address, "PublicIp");
    if (json_object_get(address, "AssociationId"))
        return err_aws(err, "InvalidIPAddress.InUse", "Address %s is in use.", ip);
    ec2_public_address_give(call, ip);
    txn_delete(call->txn, kind, call->region, ec2_text(address, "AllocationId"));
    return 0;
}

/* ---- association ---- */

/* The interface that the request names, itself or by the instance that it belongs to. */
static const json_t *find_target(const struct call *call, struct err *err)
{
    const char *instance = ec2_text(call->in, "InstanceId");
    const char *interface = ec2_text(call->in, "NetworkInterfaceId");
    if (interface)
        return ec2_find(call, "network-interface", interface, err);
    if (!instance) {
        err_aws(err, "MissingParameter",
                "Either instance ID or network interface ID must be specified");
        return NULL;
    }
    const json_t *found = ec2_find(call, "instance", instance, err);
    return found ? ec2_interface_of_instance(call, found, err) : NULL;
}

/* The private address of the target that the request means. */
static const char *private_of(const struct call *call, const json_t *interface)
{
    const char *private_ip = ec2_text(call->in, "PrivateIpAddress");
    return private_ip ? private_ip : ec2_text(interface, "PrivateIpAddress");
}

static const json_t *association_at(const json_t *interface, const char *private_ip)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (doc_is(row, "PrivateIpAddress", private_ip))
            return json_object_get(row, "Association");
    return NULL;
}

static int check_target(const struct call *call, const json_t *interface, struct err *err)
{
    const char *private_ip = private_of(call, interface);
    const char *id = ec2_text(interface, "NetworkInterfaceId");
    const char *vpc = ec2_text(interface, "VpcId");
    if (!ec2_path_has(interface, "PrivateIpAddresses.PrivateIpAddress", private_ip))
        return err_aws(err, "InvalidParameterValue",
                       "Address %.64s is not assigned to interface %s", private_ip, id);
    if (json_is_true(json_object_get(interface, "RequesterManaged")))
        return err_aws(err, "AuthFailure",
                       "You do not have permission to access the specified resource.");
    if (!ec2_first(call, "internet-gateway", "Attachments.VpcId", vpc))
        return err_aws(err, "Gateway.NotAttached",
                       "Network %s is not attached to any internet gateway", vpc);
    return 0;
}

/* An address that a service holds, such as a NAT gateway, is given back by that alone. */
static int check_holder(const struct call *call, const json_t *address, struct err *err)
{
    const char *id = ec2_text(address, "NetworkInterfaceId");
    const json_t *interface =
        id ? store_get(call->store, "network-interface", call->region, id) : NULL;
    if (json_is_true(json_object_get(interface, "RequesterManaged")))
        return err_aws(err, "AuthFailure",
                       "You do not have permission to access the specified resource.");
    return 0;
}

/* Whether both may change what they are associated with now. */
static int check_move(const struct call *call, const json_t *address, const json_t *interface,
                      struct err *err)
{
    const char *other =
        ec2_text(association_at(interface, private_of(call, interface)), "AllocationId");
    if (check_holder(call, address, err) < 0)
        return -1;
    if (!json_is_false(json_object_get(call->in, "AllowReassociation")))
        return 0;
    if (json_object_get(address, "AssociationId"))
        return err_aws(err, "Resource.AlreadyAssociated",
                       "resource %s is already associated with associate-id %s",
                       ec2_text(address, "AllocationId"), ec2_text(address, "AssociationId"));
    if (other)
        return err_aws(err, "Resource.AlreadyAssociated",
                       "resource %s is already associated with %s",
                       ec2_text(interface, "NetworkInterfaceId"), other);
    return 0;
}

/* Associates the address with the target, unless it is already. */
static int move_address(struct call *call, const json_t *address, const json_t *interface,
                        struct err *err)
{
    const char *allocation = ec2_text(address, "AllocationId");
    const char *here = ec2_text(interface, "NetworkInterfaceId");
    const char *private_ip = private_of(call, interface);
    const char *before = ec2_text(address, "NetworkInterfaceId");
    if (!before || strcmp(before, here) || !doc_is(address, "PrivateIpAddress", private_ip)) {
        if (check_move(call, address, interface, err) < 0)
            return -1;
        if (before)
            ec2_interface_set_elastic(call, before, ec2_text(address, "PrivateIpAddress"), NULL);
        ec2_interface_set_elastic(call, here, private_ip, allocation);
    }
    address = store_get(call->store, kind, call->region, allocation);
    json_object_set(call->out, "AssociationId", json_object_get(address, "AssociationId"));
    return 0;
}

int ec2_AssociateAddress(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "AllocationId PublicIp InstanceId NetworkInterfaceId PrivateIpAddress "
                    "AllowReassociation",
                    err) < 0)
        return -1;
    const json_t *address = find_address(call, "AllocationId", kind, err);
    const json_t *interface = address ? find_target(call, err) : NULL;
    if (!interface || check_target(call, interface, err) < 0)
        return -1;
    return move_address(call, address, interface, err);
}

int ec2_DisassociateAddress(struct call *call, struct err *err)
{
    if (call_accept(call->in, "AssociationId PublicIp", err) < 0)
        return -1;
    const json_t *address = find_address(call, "AssociationId", "address-association", err);
    if (!address)
        return -1;
    if (!json_object_get(address, "AssociationId"))
        return err_aws(err, "InvalidAssociationID.NotFound",
                       "The address %s is not associated with anything",
                       ec2_text(address, "PublicIp"));
    if (check_holder(call, address, err) < 0)
        return -1;
    ec2_interface_set_elastic(call, ec2_text(address, "NetworkInterfaceId"),
                              ec2_text(address, "PrivateIpAddress"), NULL);
    return 0;
}

/* ---- describe ---- */

int ec2_DescribeAddresses(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"allocation-id", "AllocationId"},
        {"association-id", "AssociationId"},
        {"domain", "Domain"},
        {"instance-id", "InstanceId"},
        {"network-border-group", "NetworkBorderGroup"},
        {"network-interface-id", "NetworkInterfaceId"},
        {"network-interface-owner-id", "NetworkInterfaceOwnerId"},
        {"private-ip-address", "PrivateIpAddress"},
        {"public-ip", "PublicIp"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "Addresses",
        .selectors = {{"AllocationIds", "AllocationId", kind},
                      {"PublicIps", "PublicIp", "public-ip"}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters AllocationIds PublicIps", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

/* The only attribute is a reverse DNS name that a user gave, which is not supported: none has one.
 */
static json_t *show_attribute(const struct call *call, const json_t *address)
{
    (void)call;
    return json_pack("{s:O, s:O}", "AllocationId", json_object_get(address, "AllocationId"),
                     "PublicIp", json_object_get(address, "PublicIp"));
}

int ec2_DescribeAddressesAttribute(struct call *call, struct err *err)
{
    static const struct ec2_filter no_filters[] = {{NULL, NULL}};
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "Addresses",
        .selectors = {{"AllocationIds", "AllocationId", kind}},
        .filters = no_filters,
        .show = show_attribute,
        .results_min = 1,
    };
    if (call_accept(call->in, "AllocationIds Attribute=domain-name MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
