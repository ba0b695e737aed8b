#include "service/ec2/vpc_endpoint_gateway.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/filter.h"
#include "service/ec2/ids.h"
#include "service/ec2/prefix_list.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "vpc-endpoint";

bool ec2_is_gateway_endpoint(const struct call *call, const char *id)
{
    return doc_is(store_get(call->store, kind, call->region, id), "VpcEndpointType", "Gateway");
}

/* ---- routes ---- */

static void remove_route(json_t *table, const char *endpoint)
{
    json_t *routes = json_object_get(table, "Routes");
    for (size_t i = json_array_size(routes); i-- > 0;)
        if (doc_is(json_array_get(routes, i), "GatewayId", endpoint))
            json_array_remove(routes, i);
}

static int add_route(const struct call *call, const json_t *endpoint, const char *table_id,
                     struct err *err)
{
    const char *id = ec2_text(endpoint, "VpcEndpointId");
    const char *list = ec2_text(endpoint, "_prefix_list");
    json_t *table = ec2_edit(call, "route-table", table_id, err);
    if (!table)
        return -1;
    if (strcmp(ec2_text(table, "VpcId"), ec2_text(endpoint, "VpcId")))
        return err_aws(err, "InvalidParameter", "The route table %s is not in the VPC %s", table_id,
                       ec2_text(endpoint, "VpcId"));
    if (ec2_path_has(table, "Routes.DestinationPrefixListId", list))
        return err_aws(err, "RouteAlreadyExists",
                       "route table %s already has a route with destination-prefix-list-id %s",
                       table_id, list);
    json_array_append_new(json_object_get(table, "Routes"),
                          json_pack("{s:s, s:s, s:s}", "DestinationPrefixListId", list, "GatewayId",
                                    id, "Origin", "CreateRoute"));
    return 0;
}

static int add_tables(const struct call *call, json_t *endpoint, const char *member,
                      struct err *err)
{
    size_t i;
    const json_t *table;
    json_array_foreach (json_object_get(call->in, member), i, table) {
        if (add_route(call, endpoint, json_string_value(table), err) < 0)
            return -1;
        json_array_append(json_object_get(endpoint, "RouteTableIds"), (json_t *)(uintptr_t)table);
    }
    return 0;
}

void ec2_gateway_endpoint_remove_routes(struct call *call, const char *id)
{
    json_auto_t *tables = json_array();
    size_t i;
    const json_t *table;
    store_each (cursor, call->store, "route-table", call->region)
        if (ec2_path_has(cursor.doc, "Routes.GatewayId", id))
            json_array_append_new(tables, json_string(cursor.id));
    json_array_foreach (tables, i, table)
        remove_route(txn_edit(call->txn, "route-table", call->region, json_string_value(table)),
                     id);
}

/* ---- operations ---- */

/* AWS's list of the service "com.amazonaws.REGION.NAME"; NULL and err if none leads there. */
static const char *find_list(struct call *call, const char *full_name, struct err *err)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "com.amazonaws.%.32s.", call->region);
    const char *list = strncmp(full_name, prefix, strlen(prefix))
                           ? NULL
                           : ec2_prefix_list_of_service(call, full_name + strlen(prefix));
    if (!list)
        err_aws(err, "InvalidServiceName", "The Vpc Endpoint Service '%.128s' does not exist",
                full_name);
    return list;
}

int ec2_gateway_endpoint_create(struct call *call, struct err *err)
{
    char id[32];
    if (call_accept(call->in,
                    "VpcEndpointType VpcId ServiceName RouteTableIds IpAddressType=ipv4 "
                    "TagSpecifications",
                    err) < 0)
        return -1;
    const char *vpc = ec2_required(call, "VpcId", err);
    const char *full_name = vpc ? ec2_required(call, "ServiceName", err) : NULL;
    if (!full_name || !ec2_find(call, "vpc", vpc, err))
        return -1;
    const char *list = find_list(call, full_name, err);
    json_auto_t *tags = list ? ec2_tags_on_creation(call, kind, kind, err) : NULL;
    if (!tags)
        return -1;
    call_make_id(call, "vpce", id);
    json_t *endpoint = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:[], s:[], s:[], s:[], s:[], s:o, s:O, s:s, "
        "s:s}",
        "VpcEndpointId", id, "VpcEndpointType", "Gateway", "VpcId", vpc, "ServiceName", full_name,
        "State", "available", "IpAddressType", "ipv4", "PrivateDnsEnabled", 0, "RequesterManaged",
        0, "RouteTableIds", "SubnetIds", "Groups", "NetworkInterfaceIds", "DnsEntries",
        "CreationTimestamp", call_now(call), "Tags", tags, "OwnerId", call->account, "_prefix_list",
        list);
    txn_put(call->txn, kind, call->region, id, endpoint);
    if (add_tables(call, endpoint, "RouteTableIds", err) < 0)
        return -1;
    json_object_set(call->out, "VpcEndpoint", endpoint);
    return 0;
}

int ec2_gateway_endpoint_modify(struct call *call, const char *id, struct err *err)
{
    size_t i;
    const json_t *item;
    if (call_accept(call->in, "VpcEndpointId AddRouteTableIds RemoveRouteTableIds", err) < 0)
        return -1;
    json_t *endpoint = ec2_edit(call, kind, id, err);
    if (!endpoint)
        return -1;
    json_array_foreach (json_object_get(call->in, "RemoveRouteTableIds"), i, item) {
        json_t *table = ec2_edit(call, "route-table", json_string_value(item), err);
        if (!table)
            return -1;
        remove_route(table, id);
        doc_list_remove(json_object_get(endpoint, "RouteTableIds"), json_string_value(item));
    }
    json_object_set_new(call->out, "Return", json_true());
    return add_tables(call, endpoint, "AddRouteTableIds", err);
}
