/* NAT gateways as requests make, delete and describe them; nat_gateway_state.c moves them on. */
#include "service/ec2/nat_gateway.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/tags.h"

#include <string.h>

static const char kind[] = "nat-gateway";

enum { GATEWAYS_PER_ZONE_MAX = 5, REMEMBERED_MAX = 1000 };

/* ---- CreateNatGateway ---- */

static bool is_over(const json_t *gateway)
{
    const char *state = ec2_text(gateway, "State");
    return !strcmp(state, "failed") || !strcmp(state, "deleted");
}

/* Gateways that are over do not count for the zone, but they are remembered for an hour. */
static int check_limit(struct call *call, const json_t *subnet, struct err *err)
{
    size_t count = 0;
    const char *oldest = NULL, *zone = ec2_text(subnet, "AvailabilityZone");
    store_each (cursor, call->store, kind, call->region) {
        if (is_over(cursor.doc))
            oldest = oldest ? oldest : cursor.id;
        else
            count += !strcmp(ec2_text(cursor.doc, "_zone"), zone);
    }
    if (count >= GATEWAYS_PER_ZONE_MAX)
        return err_aws(err, "NatGatewayLimitExceeded",
                       "The maximum number of NAT Gateways has been reached.");
    if (oldest && store_count(call->store, kind, call->region) >= REMEMBERED_MAX)
        txn_delete(call->txn, kind, call->region, oldest);
    return 0;
}

/* A public gateway has an elastic address that nothing else has; a private one has none. */
static int check_address(const struct call *call, bool is_public, struct err *err)
{
    const char *id = ec2_text(call->in, "AllocationId");
    if (!is_public && id)
        return err_aws(err, "InvalidParameterCombination",
                       "AllocationId cannot be specified for a private NAT gateway");
    if (!is_public)
        return 0;
    if (!ec2_required(call, "AllocationId", err))
        return -1;
    const json_t *address = ec2_find(call, "address", id, err);
    if (!address)
        return -1;
    if (json_object_get(address, "AssociationId"))
        return err_aws(err, "Resource.AlreadyAssociated",
                       "Elastic IP address [%s] is already associated", id);
    return 0;
}

static json_t *make_document(struct call *call, const json_t *subnet, bool is_public, json_t *tags)
{
    char id[32];
    call_make_id(call, "nat", id);
    json_t *address = json_pack("{s:b, s:s, s:s*}", "IsPrimary", 1, "Status",
                                is_public ? "associating" : "assigning", "AllocationId",
                                ec2_text(call->in, "AllocationId"));
    return json_pack("{s:s, s:O, s:O, s:s, s:s, s:s, s:o, s:[o], s:O, s:O, s:s*}", "NatGatewayId",
                     id, "SubnetId", json_object_get(subnet, "SubnetId"), "VpcId",
                     json_object_get(subnet, "VpcId"), "State", "pending", "ConnectivityType",
                     is_public ? "public" : "private", "AvailabilityMode", "zonal", "CreateTime",
                     call_now(call), "NatGatewayAddresses", address, "Tags", tags, "_zone",
                     json_object_get(subnet, "AvailabilityZone"), "_private_ip",
                     ec2_text(call->in, "PrivateIpAddress"));
}

int ec2_CreateNatGateway(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "SubnetId AllocationId ConnectivityType PrivateIpAddress TagSpecifications "
                    "AvailabilityMode=zonal",
                    err) < 0)
        return -1;
    const char *type = ec2_text(call->in, "ConnectivityType");
    const char *private_ip = ec2_text(call->in, "PrivateIpAddress");
    bool is_public = !type || !strcmp(type, "public");
    const char *subnet_id = ec2_required(call, "SubnetId", err);
    const json_t *subnet = subnet_id ? ec2_find(call, "subnet", subnet_id, err) : NULL;
    if (!subnet || check_address(call, is_public, err) < 0 ||
        (private_ip && ec2_interface_check_address(call, subnet, private_ip, err) < 0) ||
        check_limit(call, subnet, err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, "natgateway", "natgateway", err);
    if (!tags)
        return -1;
    json_t *gateway = make_document(call, subnet, is_public, tags);
    json_object_set(call->out, "NatGateway", gateway);
    const char *token = ec2_text(call->in, "ClientToken");
    if (token)
        json_object_set_new(call->out, "ClientToken", json_string(token));
    txn_put(call->txn, kind, call->region, ec2_text(gateway, "NatGatewayId"), gateway);
    return 0;
}

/* ---- the others ---- */

int ec2_DeleteNatGateway(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NatGatewayId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NatGatewayId", err);
    const json_t *gateway = id ? ec2_find(call, kind, id, err) : NULL;
    if (!gateway)
        return -1;
    json_object_set_new(call->out, "NatGatewayId", json_string(id));
    const char *state = ec2_text(gateway, "State");
    if (strcmp(state, "pending") && strcmp(state, "available"))
        return 0;
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    json_object_set_new(edited, "State", json_string("deleting"));
    json_object_set_new(edited, "DeleteTime", call_now(call));
    return 0;
}

int ec2_DescribeNatGateways(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"nat-gateway-id", "NatGatewayId"},
        {"state", "State"},
        {"subnet-id", "SubnetId"},
        {"vpc-id", "VpcId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "NatGateways",
        .selectors = {{"NatGatewayIds", "NatGatewayId", kind}},
        .filters = filters,
        .filters_in = "Filter",
    };
    if (call_accept(call->in, "Filter NatGatewayIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
