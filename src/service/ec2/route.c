/* Routes of a route table. */
#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/filter.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/route_target.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_block.h"

#include <stdio.h>
#include <string.h>

enum { ROUTES_PER_TABLE_MAX = 500 };

void ec2_route_add(json_t *table, const char *block, const char *gateway, const char *origin)
{
    json_array_append_new(json_object_get(table, "Routes"),
                          json_pack("{s:s, s:s, s:s}", "DestinationCidrBlock", block, "GatewayId",
                                    gateway, "Origin", origin));
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

void ec2_route_remove(json_t *table, const char *block)
{
    json_array_remove(json_object_get(table, "Routes"), find_route(table, block));
}

/* Reads the table (for editing) and the destination that a request names, in canonical form. */
static json_t *edit_table(const struct call *call, const char *more_members, char block[20],
                          struct err *err)
{
    struct cidr cidr;
    char members[160];
    snprintf(members, sizeof members, "RouteTableId DestinationCidrBlock %s", more_members);
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

static bool is_subnet(const struct call *call, const char *vpc, const char *block)
{
    store_each (cursor, call->store, "subnet", call->region) {
        if (!strcmp(ec2_text(cursor.doc, "VpcId"), vpc) &&
            !strcmp(ec2_text(cursor.doc, "CidrBlock"), block))
            return true;
    }
    return false;
}

/* What lies inside the VPC takes another way only as whole subnets, and only through a middlebox.
 */
static int check_destination(const struct call *call, const json_t *table, const char *block,
                             const json_t *target, struct err *err)
{
    struct cidr cidr = {0};
    const char *vpc_id = ec2_text(table, "VpcId");
    const json_t *vpc = store_get(call->store, "vpc", call->region, vpc_id);
    cidr_parse(block, &cidr);
    if (!ec2_vpc_contains(vpc, cidr))
        return 0;
    if (!ec2_route_target_is_inside(target))
        return err_aws(
            err, "InvalidParameterValue",
            "The destination CIDR block %s is equal to or more specific than one of this "
            "VPC's CIDR blocks. This route can target only an interface or an instance.",
            block);
    if (!is_subnet(call, vpc_id, block))
        return err_aws(err, "InvalidParameterValue",
                       "The destination CIDR block %s is more specific than one of this VPC's "
                       "CIDR blocks, but not the CIDR block of one of its subnets.",
                       block);
    return 0;
}

int ec2_CreateRoute(struct call *call, struct err *err)
{
    char block[20];
    json_t *table = edit_table(call, ec2_route_target_members, block, err);
    json_auto_t *target = table ? ec2_route_target_read(call, table, err) : NULL;
    if (!target)
        return -1;
    size_t count = json_array_size(json_object_get(table, "Routes"));
    if (find_route(table, block) < count)
        return err_aws(err, "RouteAlreadyExists", "The route identified by %s already exists.",
                       block);
    if (count >= ROUTES_PER_TABLE_MAX)
        return err_aws(err, "RouteLimitExceeded", "The maximum number of routes has been reached.");
    if (check_destination(call, table, block, target, err) < 0)
        return -1;
    json_t *route = json_pack("{s:s, s:s}", "DestinationCidrBlock", block, "Origin", "CreateRoute");
    ec2_route_target_set(route, target);
    json_array_append_new(json_object_get(table, "Routes"), route);
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
    if (ec2_path_has(json_array_get(routes, *ret_index), "GatewayId", "local"))
        return err_aws(err, "InvalidParameterValue",
                       "cannot remove local route %s in route table %s", block,
                       ec2_text(table, "RouteTableId"));
    return 0;
}

int ec2_ReplaceRoute(struct call *call, struct err *err)
{
    char block[20];
    size_t index;
    json_t *table = edit_table(call, ec2_route_target_members, block, err);
    if (!table || find_changeable(table, block, &index, err) < 0)
        return -1;
    json_auto_t *target = ec2_route_target_read(call, table, err);
    if (!target || check_destination(call, table, block, target, err) < 0)
        return -1;
    ec2_route_target_set(json_array_get(json_object_get(table, "Routes"), index), target);
    return 0;
}

int ec2_DeleteRoute(struct call *call, struct err *err)
{
    char block[20];
    size_t index;
    json_t *table = edit_table(call, "", block, err);
    if (!table || find_changeable(table, block, &index, err) < 0)
        return -1;
    json_array_remove(json_object_get(table, "Routes"), index);
    return 0;
}
