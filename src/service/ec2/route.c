/* Routes of a route table. */
#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/filter.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/prefix_list.h"
#include "service/ec2/route_target.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_block.h"

#include <stdio.h>
#include <string.h>

/* Where a route leads: the one member of the stored route that says it. */
struct destination {
    const char *member; /* "DestinationCidrBlock" or "DestinationPrefixListId" */
    char text[32];
};

void ec2_route_add(json_t *table, const char *block, const char *gateway, const char *origin)
{
    json_array_append_new(json_object_get(table, "Routes"),
                          json_pack("{s:s, s:s, s:s}", "DestinationCidrBlock", block, "GatewayId",
                                    gateway, "Origin", origin));
}

/* The place of the route with a destination, or the number of routes if there is none. */
static size_t find_route(const json_t *table, const char *member, const char *text)
{
    size_t i;
    const json_t *route, *routes = json_object_get(table, "Routes");
    json_array_foreach (routes, i, route)
        if (ec2_path_has(route, member, text))
            return i;
    return json_array_size(routes);
}

void ec2_route_remove(json_t *table, const char *block)
{
    json_array_remove(json_object_get(table, "Routes"),
                      find_route(table, "DestinationCidrBlock", block));
}

/* Reads the destination that the request names, a block in canonical form. */
static int read_destination(const struct call *call, struct destination *ret, struct err *err)
{
    struct cidr cidr;
    const char *prefixes = ec2_text(call->in, "DestinationPrefixListId");
    const char *block = ec2_text(call->in, "DestinationCidrBlock");
    if (prefixes && block)
        return err_aws(err, "InvalidParameterCombination",
                       "The request must contain exactly one destination of the route");
    if (prefixes) {
        ret->member = "DestinationPrefixListId";
        snprintf(ret->text, sizeof ret->text, "%s", prefixes);
        return ec2_find(call, "prefix-list", prefixes, err) ? 0 : -1;
    }
    if (!ec2_required(call, "DestinationCidrBlock", err))
        return -1;
    if (!cidr_parse(block, &cidr))
        return err_aws(
            err, "InvalidParameterValue",
            "Value (%.64s) for parameter destinationCidrBlock is invalid. This is not a valid "
            "CIDR block.",
            block);
    ret->member = "DestinationCidrBlock";
    cidr_format(cidr_canonical(cidr), ret->text);
    return 0;
}

/* Reads the table (for editing) and the destination that a request names. */
static json_t *edit_table(const struct call *call, const char *more_members,
                          struct destination *destination, struct err *err)
{
    char members[160];
    snprintf(members, sizeof members,
             "RouteTableId DestinationCidrBlock DestinationPrefixListId %s", more_members);
    if (call_accept(call->in, members, err) < 0)
        return NULL;
    const char *id = ec2_required(call, "RouteTableId", err);
    if (!id || read_destination(call, destination, err) < 0)
        return NULL;
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

/*
 * What lies inside the VPC takes another way only as whole subnets, and only through a middlebox.
 * Of a prefix list, what lies inside stays local.
 */
static int check_destination(const struct call *call, const json_t *table,
                             const struct destination *destination, const json_t *target,
                             struct err *err)
{
    struct cidr cidr = {0};
    const char *block = destination->text;
    const char *vpc_id = ec2_text(table, "VpcId");
    const json_t *vpc = store_get(call->store, "vpc", call->region, vpc_id);
    if (!cidr_parse(block, &cidr) || !ec2_vpc_contains(vpc, cidr))
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

size_t ec2_route_count(const struct call *call, const json_t *table)
{
    size_t i, count = 0;
    const json_t *route;
    json_array_foreach (json_object_get(table, "Routes"), i, route)
        count += ec2_prefix_list_weight(call, ec2_text(route, "DestinationPrefixListId"));
    return count;
}

int ec2_CreateRoute(struct call *call, struct err *err)
{
    struct destination to;
    json_t *table = edit_table(call, ec2_route_target_members, &to, err);
    json_auto_t *target = table ? ec2_route_target_read(call, table, err) : NULL;
    if (!target)
        return -1;
    json_t *routes = json_object_get(table, "Routes");
    if (find_route(table, to.member, to.text) < json_array_size(routes))
        return err_aws(err, "RouteAlreadyExists", "The route identified by %s already exists.",
                       to.text);
    if (ec2_route_count(call, table) +
            ec2_prefix_list_weight(call, ec2_text(call->in, "DestinationPrefixListId")) >
        EC2_ROUTES_PER_TABLE_MAX)
        return err_aws(err, "RouteLimitExceeded", "The maximum number of routes has been reached.");
    if (check_destination(call, table, &to, target, err) < 0)
        return -1;
    json_t *route = json_pack("{s:s, s:s}", to.member, to.text, "Origin", "CreateRoute");
    ec2_route_target_set(route, target);
    json_array_append_new(routes, route);
    json_object_set_new(call->out, "Return", json_true());
    return 0;
}

/* The route with this destination, which must be there and not be the local one. */
static int find_changeable(const json_t *table, const struct destination *to, size_t *ret_index,
                           struct err *err)
{
    const json_t *routes = json_object_get(table, "Routes");
    const char *id = ec2_text(table, "RouteTableId");
    bool is_block = !strcmp(to->member, "DestinationCidrBlock");
    *ret_index = find_route(table, to->member, to->text);
    if (*ret_index == json_array_size(routes))
        return err_aws(err, "InvalidRoute.NotFound", "no route with %s %s in route table %s",
                       is_block ? "destination-cidr-block" : "destination-prefix-list-id", to->text,
                       id);
    if (ec2_path_has(json_array_get(routes, *ret_index), "GatewayId", "local"))
        return err_aws(err, "InvalidParameterValue",
                       "cannot remove local route %s in route table %s", to->text, id);
    return 0;
}

int ec2_ReplaceRoute(struct call *call, struct err *err)
{
    struct destination to;
    size_t index;
    json_t *table = edit_table(call, ec2_route_target_members, &to, err);
    if (!table || find_changeable(table, &to, &index, err) < 0)
        return -1;
    json_auto_t *target = ec2_route_target_read(call, table, err);
    if (!target || check_destination(call, table, &to, target, err) < 0)
        return -1;
    ec2_route_target_set(json_array_get(json_object_get(table, "Routes"), index), target);
    return 0;
}

int ec2_DeleteRoute(struct call *call, struct err *err)
{
    struct destination to;
    size_t index;
    json_t *table = edit_table(call, "", &to, err);
    if (!table || find_changeable(table, &to, &index, err) < 0)
        return -1;
    json_array_remove(json_object_get(table, "Routes"), index);
    return 0;
}
