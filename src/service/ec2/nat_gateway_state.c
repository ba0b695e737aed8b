#include "service/ec2/nat_gateway.h"

#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "nat-gateway";

enum { FORGET_MS = 3600 * 1000 };

static bool is_public(const json_t *gateway)
{
    return !strcmp(ec2_text(gateway, "ConnectivityType"), "public");
}

/* The allocation id of its elastic address; NULL for a private gateway. */
static const char *allocation_of(const json_t *gateway)
{
    return ec2_text(json_array_get(json_object_get(gateway, "NatGatewayAddresses"), 0),
                    "AllocationId");
}

/* ---- failure ---- */

static void fail(struct call *call, json_t *gateway, const char *code, json_t *message)
{
    json_object_set_new(gateway, "State", json_string("failed"));
    json_object_set_new(gateway, "FailureCode", json_string(code));
    json_object_set_new(gateway, "FailureMessage", message);
    json_object_set_new(gateway, "DeleteTime", call_now(call));
    json_object_set_new(gateway, "_forget_ms", json_integer(call->now_ms + FORGET_MS));
}

/* What has changed since the request, so that the gateway cannot be made any more. */
static bool fails_before(struct call *call, json_t *gateway)
{
    const char *vpc = ec2_text(gateway, "VpcId"), *subnet = ec2_text(gateway, "SubnetId");
    const char *allocation = allocation_of(gateway);
    const json_t *address =
        allocation ? store_get(call->store, "address", call->region, allocation) : NULL;
    if (!store_get(call->store, "subnet", call->region, subnet))
        fail(call, gateway, "InvalidSubnetID.NotFound",
             json_sprintf("The specified subnet %s does not exist or could not be found.", subnet));
    else if (is_public(gateway) && !ec2_first(call, "internet-gateway", "Attachments.VpcId", vpc))
        fail(call, gateway, "Gateway.NotAttached",
             json_sprintf("Network %s has no Internet gateway attached", vpc));
    else if (allocation && !address)
        fail(call, gateway, "InvalidAllocationID.NotFound",
             json_sprintf("Elastic IP address %s could not be associated with this NAT gateway",
                          allocation));
    else if (json_object_get(address, "AssociationId"))
        fail(call, gateway, "Resource.AlreadyAssociated",
             json_sprintf("Elastic IP address %s is already associated", allocation));
    else
        return false;
    return true;
}

/* ---- the interface ---- */

static void show_address(json_t *gateway, const json_t *interface)
{
    const json_t *association = json_object_get(interface, "Association");
    json_t *address = json_array_get(json_object_get(gateway, "NatGatewayAddresses"), 0);
    json_object_set(address, "NetworkInterfaceId",
                    json_object_get(interface, "NetworkInterfaceId"));
    json_object_set(address, "PrivateIp", json_object_get(interface, "PrivateIpAddress"));
    if (!association)
        return;
    json_object_set(address, "PublicIp", json_object_get(association, "PublicIp"));
    json_object_set(address, "AssociationId", json_object_get(association, "AssociationId"));
}

static void make_interface(struct call *call, json_t *gateway)
{
    struct err err;
    char id[32], description[64];
    const char *own_id = ec2_text(gateway, "NatGatewayId");
    const char *allocation = allocation_of(gateway);
    snprintf(description, sizeof description, "Interface for NAT Gateway %s", own_id);
    const struct ec2_interface_spec spec = {
        .subnet = store_get(call->store, "subnet", call->region, ec2_text(gateway, "SubnetId")),
        .private_ip = ec2_text(gateway, "_private_ip"),
        .kind = "nat",
        .owner = own_id,
        .description = description,
    };
    if (ec2_interface_create(call, &spec, id, &err) < 0) {
        bool is_full = !strcmp(err.code, "InsufficientFreeAddressesInSubnet");
        fail(call, gateway, err.code,
             is_full ? json_string("Subnet has insufficient free addresses to create this NAT "
                                   "gateway")
                     : json_string(err.text));
        return;
    }
    if (allocation)
        ec2_interface_set_elastic(call, id, NULL, allocation);
    show_address(gateway, store_get(call->store, "network-interface", call->region, id));
}

/* ---- moving on ---- */

bool ec2_nat_gateway_awaits_network(const struct call *call, const json_t *gateway)
{
    return !strcmp(ec2_text(gateway, "State"), "pending") &&
           ec2_interface_of(call, ec2_text(gateway, "NatGatewayId"));
}

static void become_available(struct call *call, const char *id)
{
    json_t *gateway = txn_edit(call->txn, kind, call->region, id);
    json_t *address = json_array_get(json_object_get(gateway, "NatGatewayAddresses"), 0);
    json_object_set_new(gateway, "State", json_string("available"));
    json_object_set_new(address, "Status", json_string("succeeded"));
}

static void finish_deletion(struct call *call, const char *id)
{
    const json_t *interface = ec2_interface_of(call, id);
    if (interface)
        ec2_interface_delete(call, ec2_text(interface, "NetworkInterfaceId"));
    json_t *gateway = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(gateway, "State", json_string("deleted"));
    json_object_set_new(gateway, "_forget_ms", json_integer(call->now_ms + FORGET_MS));
}

int64_t ec2_nat_gateway_advance(struct call *call, const char *id, bool built)
{
    const json_t *gateway = store_get(call->store, kind, call->region, id);
    const char *state = ec2_text(gateway, "State");
    int64_t forget_ms = json_integer_value(json_object_get(gateway, "_forget_ms"));
    if (ec2_nat_gateway_awaits_network(call, gateway)) {
        if (built)
            become_available(call, id);
    } else if (!strcmp(state, "pending")) {
        json_t *edited = txn_edit(call->txn, kind, call->region, id);
        if (!fails_before(call, edited))
            make_interface(call, edited);
    } else if (!strcmp(state, "deleting")) {
        finish_deletion(call, id);
    } else if (forget_ms && forget_ms <= call->now_ms) {
        txn_delete(call->txn, kind, call->region, id);
        return INT64_MAX;
    }
    gateway = store_get(call->store, kind, call->region, id);
    forget_ms = json_integer_value(json_object_get(gateway, "_forget_ms"));
    return forget_ms ? forget_ms : INT64_MAX;
}
