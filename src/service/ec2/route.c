/* Routes of a route table. Their targets are internet gateways; every other one is refused. */
#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/vpc.h"

#include <string.h>

enum { ROUTES_PER_TABLE_MAX = 500 };

void ec2_route_add(json_t *table, const char *block, const char *gateway, const char *origin)
{
    json_array_append_new(json_object_get(table, "Routes"),
                          json_pack("{s:s, s:s, s:s, s:s}", "DestinationCidrBlock", block,
                                    "GatewayId", gateway, "Origin", origin, "State", "active"));
}

/* The place of the route to `block`, or the number of routes if there is none. */
static size_t find_route(const json_t *table, const char *block)
{
    size_t i;
    const json_t *route, *routes = json_object_get(table, "Routes");
    json_array_foreach (routes, i, route)
        if (!strcmp(ec2_text(route, "DestinationCidrBlock"), block))
            return i;
    return json_array_size(routes);
}

/* Reads the table (for editing) and the destination that a request names, in canonical form. */
static json_t *edit_table(const struct call *call, const char *members, char block[20],
                          struct err *err)
{
    struct cidr cidr;
    if (call_accept(call->in, members, err) < 0)
        return NULL;
    const char *id = ec2_required(call, "RouteTableId", err);
    const char *wanted = id ? ec2_required(call, "DestinationCidrBlock", err) : NULL;
    if (!wanted)
        return NULL;
    if (!cidr_parse(wanted, &cidr)) {
        err_aws(err, "InvalidParameterValue",
                "Value (%.64s) for parameter destinationCidrBlock is invalid. This is not a valid "
                "CIDR block.",
                wanted);
        return NULL;
    }
    cidr_format(cidr_canonical(cidr), block);
    return ec2_edit(call, "route-table", id, err);
}

/* The internet gateway that the request names; it must be attached to the table's VPC. */
static const char *find_gateway(const struct call *call, const json_t *table, struct err *err)
{
    const char *gateway = ec2_text(call->in, "GatewayId");
    if (!gateway) {
        err_aws(err, "MissingParameter",
                "The request must contain exactly one target of the route");
        return NULL;
    }
    if (!ec2_find(call, "internet-gateway", gateway, err))
        return NULL;
    if (!ec2_internet_gateway_is_attached(call, gateway, ec2_text(table, "VpcId"))) {
        err_aws(err, "InvalidParameterValue",
                "route table %s and network gateway %s belong to different networks",
                ec2_text(table, "RouteTableId"), gateway);
        return NULL;
    }
    return gateway;
}

/* The local route cannot be changed, and nothing inside the VPC may have another one yet. */
static int check_destination(const struct call *call, const json_t *table, const char *block,
                             struct err *err)
{
    struct cidr vpc_block = {0}, cidr = {0};
    const json_t *vpc = store_get(call->store, "vpc", call->region, ec2_text(table, "VpcId"));
    cidr_parse(ec2_text(vpc, "CidrBlock"), &vpc_block);
    cidr_parse(block, &cidr);
    if (!cidr_within(cidr, vpc_block))
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "The destination CIDR block %s is equal to or more specific than one of this "
                   "VPC's CIDR blocks. This route can target only an interface or an instance.",
                   block);
}

int ec2_CreateRoute(struct call *call, struct err *err)
{
    char block[20];
    json_t *table = edit_table(call, "RouteTableId DestinationCidrBlock GatewayId", block, err);
    const char *gateway = table ? find_gateway(call, table, err) : NULL;
    if (!gateway || check_destination(call, table, block, err) < 0)
        return -1;
    size_t count = json_array_size(json_object_get(table, "Routes"));
    if (find_route(table, block) < count)
        return err_aws(err, "RouteAlreadyExists", "The route identified by %s already exists.",
                       block);
    if (count >= ROUTES_PER_TABLE_MAX)
        return err_aws(err, "RouteLimitExceeded", "The maximum number of routes has been reached.");
    ec2_route_add(table, block, gateway, "CreateRoute");
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

/* The route to `block`, which must be there and not be the local one. */
static int find_changeable(const json_t *table, const char *block, size_t *ret_index,
                           struct err *err)
{
    const json_t *routes = json_object_get(table, "Routes");
    *ret_index = find_route(table, block);
    if (*ret_index == json_array_size(routes))
        return err_aws(err, "InvalidRoute.NotFound",
                       "no route with destination-cidr-block %s in route table %s", block,
                       ec2_text(table, "RouteTableId"));
    if (!strcmp(ec2_text(json_array_get(routes, *ret_index), "GatewayId"), "local"))
        return err_aws(err, "InvalidParameterValue",
                       "cannot remove local route %s in route table %s", block,
                       ec2_text(table, "RouteTableId"));
    return 0;
}

int ec2_ReplaceRoute(struct call *call, struct err *err)
{
    char block[20];
    size_t index;
    json_t *table = edit_table(call, "RouteTableId DestinationCidrBlock GatewayId", block, err);
    if (!table || find_changeable(table, block, &index, err) < 0)
        return -1;
    const char *gateway = find_gateway(call, table, err);
    if (!gateway)
        return -1;
    json_object_set_new(json_array_get(json_object_get(table, "Routes"), index), "GatewayId",
                        json_string(gateway));
    return 0;
}

int ec2_DeleteRoute(struct call *call, struct err *err)
{
    char block[20];
    size_t index;
    json_t *table = edit_table(call, "RouteTableId DestinationCidrBlock", block, err);
    if (!table || find_changeable(table, block, &index, err) < 0)
        return -1;
    json_array_remove(json_object_get(table, "Routes"), index);
    return 0;
}
