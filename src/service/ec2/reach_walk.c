/*
 * A packet on its way: from router to router, each of which translates what comes from the
 * internet, finds a way, judges, and hands on. What denies is noted and passed over, so that one
 * question finds everything that is in the way; without a way the packet ends.
 */
#include "service/doc.h"
#include "service/ec2/reach_internal.h"

#include <string.h>

enum step { GOES_ON, ARRIVED, ENDS };

static const uint32_t metadata_service = 0xa9fea9fe,
                      name_service = 0xa9fea9fd; /* 169.254.169.25x */

static const char *vpc_id(const struct reach *reach)
{
    return doc_text(reach->place.vpc, "VpcId");
}

/* ---- what is remembered of the way there ---- */

static void remember_translation(struct reach *reach, const char *point, bool of_source,
                                 uint32_t before, uint32_t after)
{
    if (reach->translation_count < REACH_PASSES_MAX)
        reach->translations[reach->translation_count++] =
            (struct reach_translation){point, of_source, before, after};
}

/* Undoes at a point what was done there on the way there; false if nothing was. */
static bool undo(const struct reach *reach, const char *point, bool of_source, uint32_t *address)
{
    for (int i = reach->translation_count - 1; i >= 0; i--) {
        const struct reach_translation *row = &reach->translations[i];
        if (strcmp(row->point, point) || row->of_source != of_source || row->after != *address)
            continue;
        *address = row->before;
        return true;
    }
    return false;
}

/* Routers know an answer by the connection that they saw; others are no part of any. */
static bool knows_connection(const struct reach *reach)
{
    for (int i = 0; i < reach->connection_count; i++) {
        const struct reach_connection *row = &reach->connections[i];
        if (!strcmp(row->vpc, vpc_id(reach)) && row->source == reach->packet.destination &&
            row->destination == reach->packet.source)
            return true;
    }
    return false;
}

static void remember_connection(struct reach *reach)
{
    if (reach->connection_count < REACH_PASSES_MAX)
        reach->connections[reach->connection_count++] = (struct reach_connection){
            vpc_id(reach), reach->packet.source, reach->packet.destination};
}

/* ---- the internet gateway ---- */

static void suggest_address(json_t *explanation, const json_t *interface, uint32_t address)
{
    char text[16];
    bool is_primary = address == reach_primary(interface);
    reach_change(explanation,
                 "aws ec2 associate-address --network-interface-id %s%s%s --allocation-id $(aws "
                 "ec2 allocate-address --query AllocationId --output text)",
                 doc_text(interface, "NetworkInterfaceId"),
                 is_primary ? "" : " --private-ip-address ",
                 is_primary ? "" : reach_quad(address, text));
}

/* Shows the packet as it leaves the gateway. */
static void gateway_hop(struct reach *reach, const char *what, uint32_t before, uint32_t after)
{
    char left[16], right[16];
    const json_t *gateway = reach_gateway_of(reach, vpc_id(reach));
    reach_hop(reach, REACH_OF_GATEWAY, doc_text(gateway, "InternetGatewayId"), NULL,
              before == after ? "%s %s" : "%s %s becomes %s", what, reach_quad(before, left),
              reach_quad(after, right));
}

/* Why the internet knows nobody with the destination's address. */
static enum step explain_unknown(struct reach *reach)
{
    char text[16];
    const json_t *interface = reach->destination.interface;
    const char *vpc = doc_text(interface, "VpcId");
    uint32_t address = reach->packet.destination;
    if (interface && !reach_has_address(interface, address))
        address = reach_primary(interface);
    uint32_t public_address = reach_public_of(interface, address);
    reach->place.vpc = NULL;
    reach_hop(reach, REACH_OF_WORLD, NULL, NULL, "to %s",
              reach_quad(reach->packet.destination, text));
    if (!interface || reach->packet.is_answer) {
        reach_explain(reach, "NO_POSSIBLE_DESTINATION", "nobody on the internet has the address %s",
                      text);
    } else if (public_address && reach_gateway_of(reach, vpc)) {
        reach_explain(reach, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
                      "from the internet it has the address %s", reach_quad(public_address, text));
    } else if (public_address) {
        reach_change(reach_explain(reach, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
                                   "%s has no internet gateway", vpc),
                     "aws ec2 attach-internet-gateway --vpc-id %s --internet-gateway-id $(aws ec2 "
                     "create-internet-gateway --query InternetGateway.InternetGatewayId --output "
                     "text)",
                     vpc);
    } else {
        suggest_address(reach_explain(reach, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS",
                                      "%s has no public address", reach->destination.id),
                        interface, address);
    }
    return ENDS;
}

/* From the internet to the VPC of whoever has the destination. */
static enum step enter_vpc(struct reach *reach)
{
    const char *region;
    uint32_t before = reach->packet.destination, after;
    const json_t *interface = reach_public_at(reach, before, &region, &after);
    if (!interface)
        return explain_unknown(reach);
    reach->call.region = region;
    reach->place = (struct reach_place){
        .vpc = reach_get(reach, "vpc", doc_text(interface, "VpcId")), .link = REACH_INTERNET};
    if (!reach->packet.is_answer)
        remember_translation(reach, vpc_id(reach), false, before, after);
    else if (undo(reach, vpc_id(reach), true, &before))
        after = before;
    gateway_hop(reach, "destination", reach->packet.destination, after);
    reach->packet.destination = after;
    return GOES_ON;
}

/* The public address that the source gets at the gateway; 0: none. */
static uint32_t translated_source(struct reach *reach)
{
    uint32_t before = reach->packet.source, after = before;
    if (reach->packet.is_answer)
        return undo(reach, vpc_id(reach), false, &after) ? after : 0;
    const json_t *interface = reach_interface_at(reach, vpc_id(reach), before);
    after = reach->place.is_foreign || !interface ? 0 : reach_public_of(interface, before);
    if (after)
        remember_translation(reach, vpc_id(reach), true, before, after);
    return after;
}

static enum step leave_vpc(struct reach *reach)
{
    static const struct cidr internet = {100u << 24 | 64u << 16, 10};
    char text[16];
    uint32_t before = reach->packet.source, destination = reach->packet.destination;
    uint32_t after = translated_source(reach);
    gateway_hop(reach, "source", before, after ? after : before);
    if (!cidr_contains(internet, destination)) {
        reach_explain(reach, "NO_POSSIBLE_DESTINATION",
                      "the internet of this cloud is this host: %s is not in 100.64.0.0/10",
                      reach_quad(destination, text));
        return ENDS;
    }
    if (!after) {
        json_t *explanation = reach_explain(reach, "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
                                            "%s has no public address", reach_quad(before, text));
        const json_t *interface = reach_interface_at(reach, vpc_id(reach), before);
        if (interface)
            suggest_address(explanation, interface, before);
        return ENDS;
    }
    reach->packet.source = after;
    if (!reach_is_host(reach, destination))
        return enter_vpc(reach);
    reach->place = (struct reach_place){.link = REACH_INTERNET};
    reach_hop(reach, REACH_OF_WORLD, NULL, NULL, "arrives from %s", reach_quad(after, text));
    return ARRIVED;
}

/* ---- a peering connection ---- */

static enum step cross(struct reach *reach, const json_t *peering)
{
    char text[16];
    const json_t *from = reach->place.vpc;
    reach_hop(reach, REACH_OF_PEERING, doc_text(peering, "VpcPeeringConnectionId"), NULL, "to %s",
              doc_text(reach_peer(reach, vpc_id(reach), peering), "VpcId"));
    reach->place = (struct reach_place){.vpc = reach_peer(reach, vpc_id(reach), peering),
                                        .link = REACH_PEER,
                                        .peer = from,
                                        .is_foreign = reach->place.is_foreign};
    if (reach_vpc_has(from, reach->packet.source) &&
        reach_vpc_has(reach->place.vpc, reach->packet.destination))
        return GOES_ON;
    bool is_source = !reach_vpc_has(from, reach->packet.source);
    reach_explain(reach, "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
                  "the %s %s is no address of the VPC that it %s",
                  is_source ? "source" : "destination",
                  reach_quad(is_source ? reach->packet.source : reach->packet.destination, text),
                  is_source ? "comes from" : "goes to");
    return ENDS;
}

/* ---- interfaces ---- */

/* A NAT gateway, or an instance that sends on to the internet, sends from its own address. */
static void translate(struct reach *reach, const json_t *interface)
{
    const char *id = doc_text(interface, "NetworkInterfaceId");
    uint32_t before = reach->packet.source;
    reach->packet.source = reach_primary(interface);
    reach->place.is_foreign = false;
    remember_translation(reach, id, true, before, reach->packet.source);
}

static enum step pass_nat(struct reach *reach, const json_t *interface)
{
    const int protocol = reach->packet.protocol;
    reach_interface_hop(reach, interface, "sends on from its own address");
    if (protocol != REACH_TCP && protocol != REACH_UDP && protocol != REACH_ICMP) {
        reach_explain(reach, "PROTOCOL_RESTRICTION", "a NAT gateway passes TCP, UDP and ICMP only");
        return ENDS;
    }
    if (reach->packet.is_answer) {
        reach_explain(reach, "NGW_SOURCE_ADDRESS_REASSIGN",
                      "the answer goes to a NAT gateway that did not send the request");
        return ENDS;
    }
    translate(reach, interface);
    return GOES_ON;
}

/* What a route leads to an interface that is not its destination. */
static enum step pass(struct reach *reach, const json_t *interface)
{
    reach->place.link = REACH_INTERFACE;
    reach->place.interface = interface;
    reach->place.is_foreign = true;
    if (reach_is_nat(interface))
        return pass_nat(reach, interface);
    bool to_internet = reach_peek(reach).link == REACH_INTERNET;
    reach_interface_hop(reach, interface, "is assumed to send it on");
    reach_assume(reach, "%s forwards packets%s", doc_text(interface, "_owner"),
                 to_internet && !reach->packet.is_answer ? ", from its own address to the internet"
                                                         : " as they are");
    if (to_internet && !reach->packet.is_answer)
        translate(reach, interface);
    return GOES_ON;
}

static bool has_listener(const struct reach *reach, const json_t *interface)
{
    store_each (cursor, reach->call.store, "listener", reach->call.region) {
        if (doc_is(cursor.doc, "LoadBalancerArn", doc_text(interface, "_owner")) &&
            doc_number(cursor.doc, "Port") == reach->packet.ports.first)
            return true;
    }
    return false;
}

/* The API answers at an endpoint. */
static bool is_api(const struct reach_packet *packet)
{
    return packet->ports.first == 443 || packet->ports.first == 80;
}

/* What the router itself has: a load balancer's node, or an endpoint. */
static enum step reach_router(struct reach *reach, const json_t *interface)
{
    char traffic[64];
    const struct reach_packet *packet = &reach->packet;
    bool is_balancer = doc_is(interface, "_kind", "balancer");
    reach_interface_hop(reach, interface, "arrives");
    reach->place =
        (struct reach_place){.vpc = reach->place.vpc, .link = REACH_ROUTER, .interface = interface};
    bool listens = packet->protocol == REACH_TCP &&
                   (is_balancer ? has_listener(reach, interface) : is_api(packet));
    if (packet->is_answer || listens || (packet->protocol == REACH_ICMP && packet->icmp_type == 8))
        return ARRIVED;
    reach_traffic(reach, traffic);
    if (is_balancer)
        reach_explain(reach, "ELBV2_LISTENERS_MISMATCH", "the load balancer has no listener for %s",
                      traffic);
    else
        reach_explain(reach, "PROTOCOL_RESTRICTION", "the endpoint does not answer on %s", traffic);
    return ARRIVED;
}

/* At an interface, which is the destination, or sends on. */
static enum step deliver(struct reach *reach, const json_t *interface)
{
    const char *id = doc_text(interface, "NetworkInterfaceId");
    if (!reach_has_address(interface, reach->packet.destination))
        return pass(reach, interface);
    if (reach->packet.is_answer && undo(reach, id, true, &reach->packet.destination)) {
        reach_interface_hop(reach, interface, "sends the answer on");
        reach->place.link = REACH_INTERFACE;
        reach->place.interface = interface;
        reach->place.is_foreign = true;
        return GOES_ON;
    }
    reach->place = (struct reach_place){
        .vpc = reach->place.vpc, .link = REACH_INTERFACE, .interface = interface};
    if (!reach_is_nat(interface)) {
        reach_interface_hop(reach, interface, "arrives");
        return ARRIVED;
    }
    reach_interface_hop(reach, interface, "drops it");
    reach_explain(reach, "NO_POSSIBLE_DESTINATION",
                  "a NAT gateway answers nobody who speaks to itself");
    return ENDS;
}

/* ---- one router ---- */

/* The metadata service and the name server of each VPC: no filter stands before them. */
static bool is_service(const struct reach *reach)
{
    const struct reach_packet *packet = &reach->packet;
    struct cidr primary = {0};
    cidr_parse(doc_text(reach->place.vpc, "CidrBlock"), &primary);
    bool is_inside = !reach->place.is_foreign &&
                     (reach->place.link == REACH_INTERFACE || reach->place.link == REACH_ROUTER);
    bool is_dns = packet->ports.first == 53 &&
                  (packet->protocol == REACH_TCP || packet->protocol == REACH_UDP);
    if (packet->destination == metadata_service)
        return is_inside && packet->protocol == REACH_TCP && packet->ports.first == 80;
    return is_inside && is_dns &&
           !json_is_false(json_object_get(reach->place.vpc, "_dns_support")) &&
           (packet->destination == name_service ||
            packet->destination == cidr_canonical(primary).network + 2);
}

/* Routers track what begins an exchange; other messages of ICMP belong to one, or are dropped. */
static bool begins_exchange(struct reach *reach)
{
    const int type = reach->packet.icmp_type;
    if (reach->packet.is_answer || reach->packet.protocol != REACH_ICMP || type == 8 ||
        type == 13 || type == 15 || type == 17)
        return true;
    reach_hop(reach, REACH_OF_VPC, vpc_id(reach), NULL, "icmp type %d", type);
    reach_explain(reach, "PROTOCOL_RESTRICTION",
                  "icmp type %d passes only as an answer to what somebody sent", type);
    return false;
}

static enum step hand_on(struct reach *reach, const struct reach_way *way)
{
    switch (way->link) {
    case REACH_INTERFACE:
        return deliver(reach, way->interface);
    case REACH_ROUTER:
        return reach_router(reach, way->interface);
    case REACH_INTERNET:
        return leave_vpc(reach);
    case REACH_PEER:
        return cross(reach, way->peering);
    default:
        return ENDS;
    }
}

static enum step pass_router(struct reach *reach)
{
    char text[16];
    if (is_service(reach)) {
        reach_hop(reach, REACH_OF_VPC, vpc_id(reach), NULL, "a service of the VPC at %s",
                  reach_quad(reach->packet.destination, text));
        reach->is_served = true;
        return ARRIVED;
    }
    struct reach_way way = reach_peek(reach);
    reach_judge_group(reach, &way, true);
    reach_judge_acl(reach, &way, true);
    way = reach_route(reach);
    if (way.link == REACH_NOWHERE)
        return ENDS;
    if (!begins_exchange(reach))
        return ENDS;
    if (reach->packet.is_answer && !knows_connection(reach)) {
        reach_explain(reach, "NO_PATH",
                      "the answer comes to a router that did not see the request");
        return ENDS;
    }
    remember_connection(reach);
    reach_judge_acl(reach, &way, false);
    reach_judge_group(reach, &way, false);
    return hand_on(reach, &way);
}

bool reach_walk(struct reach *reach)
{
    enum step step = reach->place.vpc ? GOES_ON : enter_vpc(reach);
    for (int i = 0; step == GOES_ON && i < REACH_PASSES_MAX; i++)
        step = pass_router(reach);
    if (step != GOES_ON)
        return step == ARRIVED;
    reach_explain(reach, "NO_PATH", "the packet goes round in circles");
    return false;
}
