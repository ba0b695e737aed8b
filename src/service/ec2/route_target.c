#include "service/ec2/route_target.h"

#include "service/ec2/ids.h"
#include "service/ec2/interface.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_peering.h"

#include <string.h>

const char ec2_route_target_members[] =
    "GatewayId NatGatewayId NetworkInterfaceId InstanceId VpcPeeringConnectionId";

static const char *const stored_members[] = {"GatewayId", "NatGatewayId", "NetworkInterfaceId",
                                             "VpcPeeringConnectionId"};

enum { STORED_COUNT = sizeof stored_members / sizeof *stored_members };

/* ---- finding them ---- */

static json_t *make_target(const char *member, const char *id)
{
    return json_pack("{s:s}", member, id);
}

static json_t *other_network(const json_t *table, const char *what, const char *id, struct err *err)
{
    err_aws(err, "InvalidParameterValue", "route table %s and %s %s belong to different networks",
            ec2_text(table, "RouteTableId"), what, id);
    return NULL;
}

static json_t *find_gateway(const struct call *call, const json_t *table, const char *id,
                            struct err *err)
{
    if (!ec2_find(call, "internet-gateway", id, err))
        return NULL;
    if (!ec2_internet_gateway_is_attached(call, id, ec2_text(table, "VpcId")))
        return other_network(table, "network gateway", id, err);
    return make_target("GatewayId", id);
}

static bool is_in_network(const json_t *doc, const json_t *table)
{
    return !strcmp(ec2_text(doc, "VpcId"), ec2_text(table, "VpcId"));
}

/* Its errors are not those of the operations on NAT gateways. */
static json_t *find_nat_gateway(const struct call *call, const json_t *table, const char *id,
                                struct err *err)
{
    if (ec2_id_check("nat-gateway-of-route", id, err) < 0)
        return NULL;
    const json_t *nat = store_get(call->store, "nat-gateway", call->region, id);
    if (!nat) {
        ec2_id_not_found("nat-gateway-of-route", id, err);
        return NULL;
    }
    if (!is_in_network(nat, table))
        return other_network(table, "NAT gateway", id, err);
    return make_target("NatGatewayId", id);
}

static json_t *find_peering(const struct call *call, const json_t *table, const char *id,
                            struct err *err)
{
    const json_t *peering = ec2_find(call, "vpc-peering-connection", id, err);
    if (!peering)
        return NULL;
    if (!ec2_peering_has(peering, ec2_text(table, "VpcId")))
        return other_network(table, "vpc peering connection", id, err);
    const char *state = ec2_peering_state(call, peering);
    if (!strcmp(state, "active") || !strcmp(state, "pending-acceptance"))
        return make_target("VpcPeeringConnectionId", id);
    ec2_id_not_found("vpc-peering-connection", id, err);
    return NULL;
}

static json_t *find_interface(const struct call *call, const json_t *table, const char *id,
                              struct err *err)
{
    const json_t *interface = ec2_find(call, "network-interface", id, err);
    if (!interface)
        return NULL;
    if (!is_in_network(interface, table))
        return other_network(table, "interface", id, err);
    if (json_is_true(json_object_get(interface, "RequesterManaged"))) {
        err_aws(err, "InvalidParameterValue",
                "route target interface %s is managed by a service and cannot be used", id);
        return NULL;
    }
    return make_target("NetworkInterfaceId", id);
}

static json_t *find_instance(const struct call *call, const json_t *table, const char *id,
                             struct err *err)
{
    const json_t *instance = ec2_find(call, "instance", id, err);
    if (!instance)
        return NULL;
    const json_t *interface = ec2_interface_of_instance(call, instance, err);
    if (!interface)
        return NULL;
    return find_interface(call, table, ec2_text(interface, "NetworkInterfaceId"), err);
}

json_t *ec2_route_target_read(const struct call *call, const json_t *table, struct err *err)
{
    static const struct {
        const char *member;
        json_t *(*find)(const struct call *call, const json_t *table, const char *id,
                        struct err *err);
    } rows[] = {
        {"GatewayId", find_gateway},
        {"NatGatewayId", find_nat_gateway},
        {"NetworkInterfaceId", find_interface},
        {"InstanceId", find_instance},
        {"VpcPeeringConnectionId", find_peering},
    };
    size_t count = 0, named = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *id = ec2_text(call->in, rows[i].member);
        if (!id || !*id)
            continue;
        named = i;
        count++;
    }
    if (count == 1)
        return rows[named].find(call, table, ec2_text(call->in, rows[named].member), err);
    if (count == 0)
        err_aws(err, "MissingParameter",
                "The request must contain exactly one target of the route");
    else
        err_aws(err, "InvalidParameterCombination",
                "The request must contain exactly one target of the route");
    return NULL;
}

bool ec2_route_target_is_inside(const json_t *target)
{
    return json_object_get(target, "NatGatewayId") || json_object_get(target, "NetworkInterfaceId");
}

void ec2_route_target_set(json_t *route, const json_t *target)
{
    for (int i = 0; i < STORED_COUNT; i++)
        json_object_del(route, stored_members[i]);
    json_object_update(route, (json_t *)(uintptr_t)target);
}

/* ---- showing them ---- */

/* An interface leads on while its instance runs. Adds the instance to what is shown. */
static bool interface_is_active(const struct call *call, const char *id, json_t *shown)
{
    const json_t *interface = store_get(call->store, "network-interface", call->region, id);
    const json_t *attachment = json_object_get(interface, "Attachment");
    const char *instance_id = ec2_text(attachment, "InstanceId");
    if (!instance_id)
        return false;
    json_object_set_new(shown, "InstanceId", json_string(instance_id));
    json_object_set(shown, "InstanceOwnerId", json_object_get(attachment, "InstanceOwnerId"));
    const json_t *instance = store_get(call->store, "instance", call->region, instance_id);
    const char *state = ec2_text(json_object_get(instance, "State"), "Name");
    return state && (!strcmp(state, "running") || !strcmp(state, "pending"));
}

/* A gateway that is being made counts: AWS shows its routes as active from the start. */
static bool nat_gateway_is_active(const struct call *call, const char *id)
{
    const json_t *nat = store_get(call->store, "nat-gateway", call->region, id);
    const char *state = ec2_text(nat, "State");
    return state && (!strcmp(state, "pending") || !strcmp(state, "available"));
}

static bool peering_is_active(const struct call *call, const char *id)
{
    const json_t *peering = store_get(call->store, "vpc-peering-connection", call->region, id);
    return peering && !strcmp(ec2_peering_state(call, peering), "active");
}

static bool is_active(const struct call *call, const json_t *table, const json_t *route,
                      json_t *shown)
{
    const char *gateway = ec2_text(route, "GatewayId");
    const char *nat = ec2_text(route, "NatGatewayId");
    const char *peering_id = ec2_text(route, "VpcPeeringConnectionId");
    if (gateway && !strncmp(gateway, "vpce-", 5))
        return store_get(call->store, "vpc-endpoint", call->region, gateway) != NULL;
    if (gateway)
        return !strcmp(gateway, "local") ||
               ec2_internet_gateway_is_attached(call, gateway, ec2_text(table, "VpcId"));
    if (nat)
        return nat_gateway_is_active(call, nat);
    if (peering_id)
        return peering_is_active(call, peering_id);
    return interface_is_active(call, ec2_text(route, "NetworkInterfaceId"), shown);
}

json_t *ec2_route_show(const struct call *call, const json_t *table, const json_t *route)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)route);
    bool active = is_active(call, table, route, shown);
    json_object_set_new(shown, "State", json_string(active ? "active" : "blackhole"));
    return shown;
}
