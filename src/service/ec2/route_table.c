/* Route tables and their associations with subnets. */
#include "service/ec2/route_table.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/route_target.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "route-table";

enum { TABLES_PER_VPC_MAX = 200 };

static json_t *associated(void)
{
    return json_pack("{s:s}", "State", "associated");
}

/* `subnet` NULL: the association that makes it the main route table. */
static json_t *make_association(const struct call *call, const char *table, const char *subnet)
{
    char id[32];
    call_make_id(call, "rtbassoc", id);
    return json_pack("{s:b, s:s, s:s, s:s*, s:o}", "Main", subnet == NULL,
                     "RouteTableAssociationId", id, "RouteTableId", table, "SubnetId", subnet,
                     "AssociationState", associated());
}

const json_t *ec2_route_table_make(struct call *call, const json_t *vpc, bool is_main, json_t *tags)
{
    char id[32];
    size_t i;
    const json_t *block;
    call_make_id(call, "rtb", id);
    json_t *table =
        json_pack("{s:s, s:O, s:s, s:[], s:[], s:[], s:o}", "RouteTableId", id, "VpcId",
                  json_object_get(vpc, "VpcId"), "OwnerId", call->account, "PropagatingVgws",
                  "Routes", "Associations", "Tags", tags ? json_deep_copy(tags) : json_array());
    json_array_foreach (json_object_get(vpc, "CidrBlockAssociationSet"), i, block)
        ec2_route_add(table, ec2_text(block, "CidrBlock"), "local", "CreateRouteTable");
    if (is_main)
        json_array_append_new(json_object_get(table, "Associations"),
                              make_association(call, id, NULL));
    txn_put(call->txn, kind, call->region, id, table);
    return table;
}

json_t *ec2_route_table_show(const struct call *call, const json_t *table)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)table);
    json_t *routes = json_array();
    size_t i;
    json_t *route;
    json_object_set_new(shown, "Routes", routes);
    json_array_foreach (json_object_get(table, "Routes"), i, route)
        json_array_append_new(routes, ec2_route_show(call, table, route));
    return shown;
}

int ec2_CreateRouteTable(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcId TagSpecifications", err) < 0)
        return -1;
    const char *vpc_id = ec2_required(call, "VpcId", err);
    const json_t *vpc = vpc_id ? ec2_find(call, "vpc", vpc_id, err) : NULL;
    if (!vpc || ec2_limit(call, kind, "VpcId", vpc_id, TABLES_PER_VPC_MAX,
                          "RouteTableLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    const json_t *table = ec2_route_table_make(call, vpc, false, tags);
    json_object_set_new(call->out, "RouteTable", ec2_route_table_show(call, table));
    const char *token = ec2_text(call->in, "ClientToken");
    if (token)
        json_object_set_new(call->out, "ClientToken", json_string(token));
    return 0;
}

int ec2_DeleteRouteTable(struct call *call, struct err *err)
{
    if (call_accept(call->in, "RouteTableId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "RouteTableId", err);
    const json_t *table = id ? ec2_find(call, kind, id, err) : NULL;
    if (!table)
        return -1;
    if (json_array_size(json_object_get(table, "Associations")) > 0)
        return err_aws(err, "DependencyViolation",
                       "The routeTable '%s' has dependencies and cannot be deleted.", id);
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

int ec2_DescribeRouteTables(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"association.gateway-id", "Associations.GatewayId"},
        {"association.main", "Associations.Main"},
        {"association.route-table-association-id", "Associations.RouteTableAssociationId"},
        {"association.route-table-id", "Associations.RouteTableId"},
        {"association.subnet-id", "Associations.SubnetId"},
        {"owner-id", "OwnerId"},
        {"route-table-id", "RouteTableId"},
        {"route.destination-cidr-block", "Routes.DestinationCidrBlock"},
        {"route.destination-prefix-list-id", "Routes.DestinationPrefixListId"},
        {"route.gateway-id", "Routes.GatewayId"},
        {"route.instance-id", "Routes.InstanceId"},
        {"route.nat-gateway-id", "Routes.NatGatewayId"},
        {"route.network-interface-id", "Routes.NetworkInterfaceId"},
        {"route.origin", "Routes.Origin"},
        {"route.state", "Routes.State"},
        {"route.vpc-peering-connection-id", "Routes.VpcPeeringConnectionId"},
        {"vpc-id", "VpcId"},
        {"route.destination-ipv6-cidr-block", "Routes.DestinationIpv6CidrBlock"},
        {"route.egress-only-internet-gateway-id", "Routes.EgressOnlyInternetGatewayId"},
        {"route.transit-gateway-id", "Routes.TransitGatewayId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "RouteTables",
        .selectors = {{"RouteTableIds", "RouteTableId", kind}},
        .filters = filters,
        .show = ec2_route_table_show,
    };
    if (call_accept(call->in, "Filters RouteTableIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

/* ---- associations ---- */

static void answer_association(struct call *call, const char *member, const json_t *association)
{
    json_object_set(call->out, member, json_object_get(association, "RouteTableAssociationId"));
    json_object_set_new(call->out, "AssociationState", associated());
}

int ec2_AssociateRouteTable(struct call *call, struct err *err)
{
    if (call_accept(call->in, "RouteTableId SubnetId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "RouteTableId", err);
    const char *subnet_id = id ? ec2_required(call, "SubnetId", err) : NULL;
    const json_t *table = subnet_id ? ec2_find(call, kind, id, err) : NULL;
    const json_t *subnet = table ? ec2_find(call, "subnet", subnet_id, err) : NULL;
    if (!subnet)
        return -1;
    if (strcmp(ec2_text(table, "VpcId"), ec2_text(subnet, "VpcId")))
        return err_aws(err, "InvalidParameterValue",
                       "Route table %s and subnet %s belong to different networks", id, subnet_id);
    const json_t *taken = ec2_first(call, kind, "Associations.SubnetId", subnet_id);
    if (taken)
        return err_aws(err, "Resource.AlreadyAssociated",
                       "the specified association for route table %s conflicts with an existing "
                       "association",
                       id);
    json_t *association = make_association(call, id, subnet_id);
    json_array_append_new(
        json_object_get(txn_edit(call->txn, kind, call->region, id), "Associations"), association);
    answer_association(call, "AssociationId", association);
    return 0;
}

/* The table that has the association `id`, for editing, and its place there; NULL and err if none.
 */
static json_t *edit_association(const struct call *call, const char *id, size_t *ret_index,
                                struct err *err)
{
    if (ec2_id_check("route-table-association", id, err) < 0)
        return NULL;
    const json_t *found = ec2_first(call, kind, "Associations.RouteTableAssociationId", id);
    if (!found) {
        ec2_id_not_found("route-table-association", id, err);
        return NULL;
    }
    json_t *table = txn_edit(call->txn, kind, call->region, ec2_text(found, "RouteTableId"));
    size_t i = 0;
    const json_t *associations = json_object_get(table, "Associations");
    while (!ec2_path_has(json_array_get(associations, i), "RouteTableAssociationId", id))
        i++;
    *ret_index = i;
    return table;
}

int ec2_DisassociateRouteTable(struct call *call, struct err *err)
{
    size_t index;
    if (call_accept(call->in, "AssociationId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "AssociationId", err);
    json_t *table = id ? edit_association(call, id, &index, err) : NULL;
    if (!table)
        return -1;
    json_t *associations = json_object_get(table, "Associations");
    if (ec2_path_has(json_array_get(associations, index), "Main", "true"))
        return err_aws(err, "InvalidParameterValue",
                       "cannot disassociate the main route table association %s", id);
    json_array_remove(associations, index);
    return 0;
}

int ec2_ReplaceRouteTableAssociation(struct call *call, struct err *err)
{
    size_t index;
    if (call_accept(call->in, "AssociationId RouteTableId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "AssociationId", err);
    const char *target_id = id ? ec2_required(call, "RouteTableId", err) : NULL;
    const json_t *target = target_id ? ec2_find(call, kind, target_id, err) : NULL;
    json_t *table = target ? edit_association(call, id, &index, err) : NULL;
    if (!table)
        return -1;
    const char *vpc = ec2_text(target, "VpcId");
    if (strcmp(ec2_text(table, "VpcId"), vpc))
        return err_aws(err, "InvalidParameterValue",
                       "Route table %s and association %s belong to different networks", target_id,
                       id);
    json_t *associations = json_object_get(table, "Associations");
    const char *subnet = ec2_text(json_array_get(associations, index), "SubnetId");
    json_t *association = make_association(call, target_id, subnet);
    if (!subnet)
        json_object_set_new(txn_edit(call->txn, "vpc", call->region, vpc), "_main_route_table",
                            json_string(target_id));
    json_array_remove(associations, index);
    json_t *edited = txn_edit(call->txn, kind, call->region, target_id);
    json_array_append_new(json_object_get(edited, "Associations"), association);
    answer_association(call, "NewAssociationId", association);
    return 0;
}
