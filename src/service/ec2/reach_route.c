/*
 * Where a VPC's router sends a packet. The tables are asked in this order, and the first that has a
 * route decides (as in host/net/routing.c):
 *
 *     from a forwarder's link:         members within its subnet, overrides, members, route table
 *     from a peered VPC:               members
 *     within a subnet with overrides:  members
 *     else:                            overrides of the source's subnet, members, its route table
 *
 * Overrides are routes of a table that are more specific than the local ones; members are the
 * addresses of interfaces, and the rest of the VPC's blocks leads nowhere.
 */
#include "service/doc.h"
#include "service/ec2/filter.h"
#include "service/ec2/network.h"
#include "service/ec2/reach_internal.h"
#include "service/ec2/vpc_block.h"

#include <string.h>

enum reason {
    OPEN,      /* no table has said anything yet */
    FOUND,     /* the way is known */
    BLACKHOLE, /* the route's target is not there any more */
    CHECKED,   /* ... checks source and destination */
    DOWN,      /* ... or who has the address is not up */
    NOBODY,    /* nobody in the VPC has the address */
    TRANSIT,   /* a peer's packet would have to go on */
};

struct search {
    const struct reach *reach;
    struct reach_way way;
    enum reason reason;
    const json_t *subject; /* the interface that is meant; NULL: none */
};

static const char *vpc_id(const struct search *search)
{
    return doc_text(search->reach->place.vpc, "VpcId");
}

/* ---- one route table ---- */

static const char *const interface_members[] = {"NetworkInterfaceId", "NatGatewayId"};

/* The interface that a route names, if it is in the VPC; NULL if there is none. */
static const json_t *interface_of_route(const struct search *search, const json_t *route)
{
    for (size_t i = 0; i < sizeof interface_members / sizeof *interface_members; i++) {
        const char *id = doc_text(route, interface_members[i]);
        store_each (cursor, search->reach->call.store, "network-interface",
                    search->reach->call.region) {
            if (*id && doc_is(cursor.doc, "VpcId", vpc_id(search)) &&
                (!strcmp(cursor.id, id) || doc_is(cursor.doc, "_owner", id)))
                return cursor.doc;
        }
    }
    return NULL;
}

static void follow(struct search *search, const json_t *route)
{
    const struct reach *reach = search->reach;
    const json_t *gateway = reach_gateway_of(reach, vpc_id(search));
    const json_t *peering =
        reach_get(reach, "vpc-peering-connection", doc_text(route, "VpcPeeringConnectionId"));
    search->way.route = route;
    search->subject = interface_of_route(search, route);
    search->reason = FOUND;
    if (gateway && doc_is(route, "GatewayId", doc_text(gateway, "InternetGatewayId"))) {
        search->way.link = REACH_INTERNET;
    } else if (search->subject) {
        search->way.link = REACH_INTERFACE;
        search->way.interface = search->subject;
        if (!reach_is_forwarder(search->subject) &&
            !reach_has_address(search->subject, reach->packet.destination))
            search->reason = CHECKED;
        else if (!reach_is_up(reach, search->subject))
            search->reason = DOWN;
    } else if (peering && reach_peer(reach, vpc_id(search), peering)) {
        search->way.link = REACH_PEER;
        search->way.peering = peering;
    } else {
        search->reason = BLACKHOLE;
    }
}

/* The most specific route so far. */
struct best {
    const json_t *route;
    struct cidr block;
};

static bool is_override(const struct search *search, struct cidr block)
{
    size_t i;
    const json_t *association;
    struct cidr own;
    json_array_foreach (json_object_get(search->reach->place.vpc, "CidrBlockAssociationSet"), i,
                        association)
        if (cidr_parse(doc_text(association, "CidrBlock"), &own) && block.prefix > own.prefix &&
            cidr_within(block, own))
            return true;
    return false;
}

/* Of two routes to the same block the first one counts. */
static void offer(const struct search *search, struct best *best, const json_t *route,
                  const char *text, bool overrides)
{
    struct cidr block;
    if (!cidr_parse(text, &block) || is_override(search, block) != overrides ||
        !cidr_contains(block, search->reach->packet.destination) ||
        (best->route && block.prefix <= best->block.prefix))
        return;
    best->route = route;
    best->block = block;
}

/* A list gives way to other routes with its blocks, and never leads out of the VPC's own. */
static void offer_list(const struct search *search, struct best *best, const json_t *route)
{
    size_t i;
    const json_t *entry;
    const char *id = doc_text(route, "DestinationPrefixListId");
    const json_t *list = reach_get(search->reach, "prefix-list", id);
    json_array_foreach (json_object_get(list, "_entries"), i, entry) {
        struct cidr block;
        if (cidr_parse(doc_text(entry, "Cidr"), &block) &&
            !ec2_vpc_contains(search->reach->place.vpc, block))
            offer(search, best, route, doc_text(entry, "Cidr"), false);
    }
}

static void ask_table(struct search *search, bool overrides)
{
    size_t i;
    const json_t *route, *routes = json_object_get(search->way.table, "Routes");
    struct best best = {0};
    if (search->reason != OPEN)
        return;
    json_array_foreach (routes, i, route)
        if (!doc_is(route, "GatewayId", "local"))
            offer(search, &best, route, doc_text(route, "DestinationCidrBlock"), overrides);
    json_array_foreach (routes, i, route)
        if (!overrides)
            offer_list(search, &best, route);
    if (best.route)
        follow(search, best.route);
}

static bool has_overrides(const struct search *search)
{
    size_t i;
    const json_t *route;
    struct cidr block;
    json_array_foreach (json_object_get(search->way.table, "Routes"), i, route)
        if (!doc_is(route, "GatewayId", "local") &&
            cidr_parse(doc_text(route, "DestinationCidrBlock"), &block) &&
            is_override(search, block))
            return true;
    return false;
}

/* ---- the VPC's own addresses ---- */

static void ask_members(struct search *search)
{
    const struct reach *reach = search->reach;
    if (search->reason != OPEN || !reach_vpc_has(reach->place.vpc, reach->packet.destination))
        return;
    search->subject = reach_interface_at(reach, vpc_id(search), reach->packet.destination);
    search->way.interface = search->subject;
    search->way.link = REACH_INTERFACE;
    if (!search->subject)
        search->reason = NOBODY;
    else
        search->reason = reach_is_up(reach, search->subject) ? FOUND : DOWN;
}

/* Addresses of load balancers and endpoints are the router's own, whatever routes say. */
static void ask_router(struct search *search)
{
    const json_t *interface =
        reach_interface_at(search->reach, vpc_id(search), search->reach->packet.destination);
    if (!reach_is_of_router(interface))
        return;
    search->reason = FOUND;
    search->way.link = REACH_ROUTER;
    search->way.interface = interface;
}

/* ---- all tables ---- */

static const json_t *table_of(const struct search *search, const json_t *subnet)
{
    const struct reach *reach = search->reach;
    store_each (cursor, reach->call.store, "route-table", reach->call.region) {
        if (doc_is(cursor.doc, "VpcId", vpc_id(search)) &&
            ec2_path_has(cursor.doc, "Associations.SubnetId", doc_text(subnet, "SubnetId")))
            return cursor.doc;
    }
    return reach_get(reach, "route-table", doc_text(reach->place.vpc, "_main_route_table"));
}

static void ask_tables_of_link(struct search *search, const json_t *interface)
{
    const json_t *subnet = reach_get(search->reach, "subnet", doc_text(interface, "SubnetId"));
    struct cidr block = {0};
    cidr_parse(doc_text(subnet, "CidrBlock"), &block);
    search->way.table = table_of(search, subnet);
    if (cidr_contains(block, search->reach->packet.destination))
        ask_members(search);
    ask_table(search, true);
    ask_members(search);
    ask_table(search, false);
}

static void ask_tables_of_source(struct search *search)
{
    const struct reach *reach = search->reach;
    const json_t *subnet = reach_subnet_at(reach, vpc_id(search), reach->packet.source);
    if (subnet) {
        search->way.table = table_of(search, subnet);
        if (has_overrides(search) &&
            reach_subnet_at(reach, vpc_id(search), reach->packet.destination) == subnet)
            ask_members(search);
        ask_table(search, true);
    }
    ask_members(search);
    if (subnet)
        ask_table(search, false);
}

static struct search search_way(const struct reach *reach)
{
    struct search search = {.reach = reach};
    ask_router(&search);
    if (search.reason != OPEN)
        return search;
    if (reach->place.link == REACH_PEER)
        ask_members(&search);
    else if (reach->place.link == REACH_INTERFACE && reach_is_forwarder(reach->place.interface))
        ask_tables_of_link(&search, reach->place.interface);
    else
        ask_tables_of_source(&search);
    if (search.reason == OPEN && reach->place.link == REACH_PEER)
        search.reason = TRANSIT;
    return search;
}

struct reach_way reach_peek(const struct reach *reach)
{
    struct search search = search_way(reach);
    if (search.reason != FOUND)
        search.way.link = REACH_NOWHERE;
    return search.way;
}

/* ---- the report ---- */

/* The route in the shape AnalysisRouteTableRoute. */
static void report_route(const struct search *search, json_t *hop)
{
    static const char *const copied[] = {"GatewayId",
                                         "InstanceId",
                                         "NatGatewayId",
                                         "NetworkInterfaceId",
                                         "VpcPeeringConnectionId",
                                         "DestinationPrefixListId",
                                         "Origin"};
    const json_t *route = search->way.route;
    json_t *shown = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(route, copied[i]))
            json_object_set(shown, copied[i], json_object_get(route, copied[i]));
    if (json_object_get(route, "DestinationCidrBlock"))
        json_object_set(shown, "DestinationCidr", json_object_get(route, "DestinationCidrBlock"));
    json_object_set_new(shown, "State",
                        json_string(search->reason == FOUND ? "active" : "blackhole"));
    json_object_set_new(hop, "RouteTableRoute", shown);
}

/* The local route that covers the destination. */
static void report_local(const struct reach *reach, json_t *hop)
{
    size_t i;
    const json_t *association;
    struct cidr own;
    json_array_foreach (json_object_get(reach->place.vpc, "CidrBlockAssociationSet"), i,
                        association)
        if (cidr_parse(doc_text(association, "CidrBlock"), &own) &&
            cidr_contains(own, reach->packet.destination))
            json_object_set_new(hop, "RouteTableRoute",
                                json_pack("{s:s, s:s, s:s, s:s}", "DestinationCidr",
                                          doc_text(association, "CidrBlock"), "GatewayId", "local",
                                          "Origin", "CreateRouteTable", "State", "active"));
}

static const char *target_of(const json_t *route)
{
    static const char *const members[] = {"GatewayId", "NatGatewayId", "NetworkInterfaceId",
                                          "InstanceId", "VpcPeeringConnectionId"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (*doc_text(route, members[i]))
            return doc_text(route, members[i]);
    return "nothing";
}

static const char *destination_of(const json_t *route)
{
    const char *block = doc_text(route, "DestinationCidrBlock");
    return *block ? block : doc_text(route, "DestinationPrefixListId");
}

static void report_hop(struct reach *reach, const struct search *search)
{
    char address[16];
    const char *table = doc_text(search->way.table, "RouteTableId");
    reach_quad(reach->packet.destination, address);
    if (search->way.route)
        report_route(search,
                     reach_hop(reach, REACH_OF_TABLE, table, NULL, "%s to %s",
                               destination_of(search->way.route), target_of(search->way.route)));
    else if (!reach_vpc_has(reach->place.vpc, reach->packet.destination))
        reach_hop(reach, *table ? REACH_OF_TABLE : REACH_OF_VPC, *table ? table : vpc_id(search),
                  NULL, "no route to %s", address);
    else
        report_local(reach, reach_hop(reach, *table ? REACH_OF_TABLE : REACH_OF_VPC,
                                      *table ? table : vpc_id(search), NULL, "local"));
}

static void suggest_route(struct reach *reach, const struct search *search, json_t *explanation)
{
    const char *table = doc_text(search->way.table, "RouteTableId");
    const json_t *gateway = reach_gateway_of(reach, vpc_id(search));
    store_each (cursor, reach->call.store, "vpc-peering-connection", reach->call.region) {
        const json_t *other = reach_peer(reach, vpc_id(search), cursor.doc);
        if (!other || !reach_vpc_has(other, reach->packet.destination))
            continue;
        reach_change(explanation,
                     "aws ec2 create-route --route-table-id %s --destination-cidr-block %s "
                     "--vpc-peering-connection-id %s",
                     table, doc_text(other, "CidrBlock"), cursor.id);
        return;
    }
    if (!gateway) {
        reach_change(explanation,
                     "aws ec2 attach-internet-gateway --vpc-id %s --internet-gateway-id $(aws ec2 "
                     "create-internet-gateway --query InternetGateway.InternetGatewayId --output "
                     "text)",
                     vpc_id(search));
        return;
    }
    reach_change(explanation,
                 "aws ec2 create-route --route-table-id %s --destination-cidr-block 0.0.0.0/0 "
                 "--gateway-id %s",
                 table, doc_text(gateway, "InternetGatewayId"));
}

static void explain_open(struct reach *reach, const struct search *search)
{
    char address[16];
    reach_quad(reach->packet.destination, address);
    if (!search->way.table) {
        reach_explain(reach, "NO_POSSIBLE_DESTINATION", "nobody in the VPC has the address %s",
                      address);
        return;
    }
    suggest_route(reach, search,
                  reach_explain(reach, "NO_ROUTE_TO_DESTINATION",
                                "the route table has no route to %s", address));
}

static void explain_down(struct reach *reach, const struct search *search)
{
    const char *owner = doc_text(search->subject, "_owner");
    if (reach_is_nat(search->subject)) {
        reach_explain(reach, "BAD_STATE", "NAT gateway %s is %s", owner,
                      doc_text(reach_get(reach, "nat-gateway", owner), "State"));
        return;
    }
    const json_t *instance = reach_get(reach, "instance", owner);
    const char *state = doc_text(json_object_get(instance, "State"), "Name");
    if (!*state) {
        reach_explain(reach, "BAD_STATE_ATTACHMENT", "%s is attached to no instance",
                      doc_text(search->subject, "NetworkInterfaceId"));
        return;
    }
    json_t *explanation = reach_explain(reach, "BAD_STATE", "instance %s is %s", owner, state);
    if (!strcmp(state, "stopped"))
        reach_change(explanation, "aws ec2 start-instances --instance-ids %s", owner);
}

static void explain(struct reach *reach, const struct search *search)
{
    char address[16];
    reach_quad(reach->packet.destination, address);
    switch (search->reason) {
    case OPEN:
        explain_open(reach, search);
        break;
    case BLACKHOLE:
        reach_change(reach_explain(reach, "BAD_STATE_ROUTE",
                                   "the route leads to %s, which is not there",
                                   target_of(search->way.route)),
                     "aws ec2 delete-route --route-table-id %s --%s %s",
                     doc_text(search->way.table, "RouteTableId"),
                     json_object_get(search->way.route, "DestinationCidrBlock")
                         ? "destination-cidr-block"
                         : "destination-prefix-list-id",
                     destination_of(search->way.route));
        break;
    case CHECKED:
        reach_change(reach_explain(reach, "ENI_SOURCE_DEST_CHECK_RESTRICTION",
                                   "the route leads to an interface that drops what is not for it"),
                     "aws ec2 modify-network-interface-attribute --network-interface-id %s "
                     "--no-source-dest-check",
                     doc_text(search->subject, "NetworkInterfaceId"));
        break;
    case DOWN:
        explain_down(reach, search);
        break;
    case NOBODY:
        reach_explain(reach, "NO_POSSIBLE_DESTINATION", "nobody in the VPC has the address %s",
                      address);
        break;
    case TRANSIT:
        reach_explain(reach, "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
                      "a peering connection leads to the addresses of its VPC only, not on");
        break;
    default:
        break;
    }
}

struct reach_way reach_route(struct reach *reach)
{
    struct search search = search_way(reach);
    report_hop(reach, &search);
    if (search.reason == FOUND)
        return search.way;
    explain(reach, &search);
    search.way.link = REACH_NOWHERE;
    return search.way;
}
