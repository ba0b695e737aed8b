/* What reach says: hops, explanations, and commands that change what stops a packet. */
#include "service/doc.h"
#include "service/ec2/reach_internal.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* By enum reach_kind: the kind of its documents, and the type in its ARN. */
static const struct {
    const char *kind, *type;
} kinds[] = {
    [REACH_OF_INSTANCE] = {"instance", "instance"},
    [REACH_OF_INTERFACE] = {"network-interface", "network-interface"},
    [REACH_OF_GROUP] = {"security-group", "security-group"},
    [REACH_OF_ACL] = {"network-acl", "network-acl"},
    [REACH_OF_TABLE] = {"route-table", "route-table"},
    [REACH_OF_VPC] = {"vpc", "vpc"},
    [REACH_OF_GATEWAY] = {"internet-gateway", "internet-gateway"},
    [REACH_OF_NAT] = {"nat-gateway", "natgateway"},
    [REACH_OF_PEERING] = {"vpc-peering-connection", "vpc-peering-connection"},
    [REACH_OF_BALANCER] = {"load-balancer", NULL},
    [REACH_OF_ENDPOINT] = {"vpc-endpoint", "vpc-endpoint"},
    [REACH_OF_WORLD] = {"internet", NULL},
};

const char *reach_quad(uint32_t address, char out[16])
{
    cidr_format_address(address, out);
    return out;
}

const char *reach_traffic(const struct reach *reach, char out[64])
{
    const struct reach_packet *packet = &reach->packet;
    const char *name = packet->protocol == REACH_TCP ? "tcp" : "udp";
    if (packet->protocol == REACH_ICMP)
        snprintf(out, 64, "icmp type %d", packet->icmp_type);
    else if (packet->protocol != REACH_TCP && packet->protocol != REACH_UDP)
        snprintf(out, 64, "protocol %d", packet->protocol);
    else if (packet->ports.first == packet->ports.last)
        snprintf(out, 64, "%s port %d", name, packet->ports.first);
    else
        snprintf(out, 64, "%s ports %d-%d", name, packet->ports.first, packet->ports.last);
    return out;
}

static const char *name_of(const json_t *doc)
{
    const json_t *tags = json_object_get(doc, "Tags");
    const char *name = ec2_tags_get(tags ? tags : json_object_get(doc, "TagSet"), "Name");
    if (name && *name)
        return name;
    return *doc_text(doc, "GroupName") ? doc_text(doc, "GroupName") : NULL;
}

json_t *reach_component(const struct reach *reach, enum reach_kind kind, const char *id)
{
    if (kind == REACH_OF_WORLD)
        return json_pack("{s:s}", "Id", "internet");
    const json_t *doc = reach_get(reach, kinds[kind].kind, id);
    json_t *component = json_pack("{s:s, s:s*}", "Id", id, "Name", name_of(doc));
    json_object_set_new(component, "Arn",
                        kinds[kind].type ? ec2_arn(&reach->call, kinds[kind].type, id)
                                         : json_string(id));
    return component;
}

/* The packet in the shape AnalysisPacketHeader. */
static json_t *header(const struct reach *reach)
{
    const struct reach_packet *packet = &reach->packet;
    char source[16], destination[16], protocol[16];
    snprintf(protocol, sizeof protocol, "%d", packet->protocol);
    json_t *shown = json_pack("{s:[s], s:[s], s:s}", "SourceAddresses",
                              reach_quad(packet->source, source), "DestinationAddresses",
                              reach_quad(packet->destination, destination), "Protocol", protocol);
    if (packet->protocol != REACH_TCP && packet->protocol != REACH_UDP)
        return shown;
    json_object_set_new(shown, "SourcePortRanges",
                        json_pack("[{s:i, s:i}]", "From", packet->source_ports.first, "To",
                                  packet->source_ports.last));
    json_object_set_new(
        shown, "DestinationPortRanges",
        json_pack("[{s:i, s:i}]", "From", packet->ports.first, "To", packet->ports.last));
    return shown;
}

json_t *reach_hop(struct reach *reach, enum reach_kind kind, const char *id, const char *direction,
                  const char *text, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(line, sizeof line, text, arguments);
    va_end(arguments);
    json_t *hop =
        json_pack("{s:I, s:s, s:o, s:s*, s:b, s:s, s:o}", "SequenceNumber",
                  (json_int_t)json_array_size(reach->hops) + 1, "ComponentType", kinds[kind].kind,
                  "Component", reach_component(reach, kind, id), "Direction", direction, "Allowed",
                  1, "Text", line, "OutboundHeader", header(reach));
    if (reach->place.vpc && kind != REACH_OF_WORLD)
        json_object_set_new(
            hop, "Vpc", reach_component(reach, REACH_OF_VPC, doc_text(reach->place.vpc, "VpcId")));
    json_array_append_new(reach->hops, hop);
    return hop;
}

json_t *reach_explain(struct reach *reach, const char *code, const char *text, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(line, sizeof line, text, arguments);
    va_end(arguments);
    json_t *hop = json_array_get(reach->hops, json_array_size(reach->hops) - 1);
    const json_t *component = json_object_get(hop, "Component");
    json_object_set_new(hop, "Allowed", json_false());
    json_object_set_new(hop, "ExplanationCode", json_string(code));
    json_t *explanation = json_pack(
        "{s:s, s:O*, s:s, s:O, s:O, s:s, s:s, s:s}", "ExplanationCode", code, "Direction",
        json_object_get(hop, "Direction"), "Way", reach->packet.is_answer ? "return" : "forward",
        "Component", component, "ComponentId", json_object_get(component, "Id"), "ComponentType",
        doc_text(hop, "ComponentType"), "Text", line, "Change", "");
    if (json_object_get(hop, "Vpc"))
        json_object_set(explanation, "Vpc", json_object_get(hop, "Vpc"));
    if (json_object_get(hop, "RouteTableRoute"))
        json_object_set(explanation, "RouteTableRoute", json_object_get(hop, "RouteTableRoute"));
    json_array_append_new(reach->explanations, explanation);
    return explanation;
}

void reach_change(json_t *explanation, const char *command, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, command);
    vsnprintf(line, sizeof line, command, arguments);
    va_end(arguments);
    json_object_set_new(explanation, "Change", json_string(line));
}

void reach_assume(struct reach *reach, const char *text, ...)
{
    char line[256];
    size_t i;
    const json_t *known;
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(line, sizeof line, text, arguments);
    va_end(arguments);
    json_array_foreach (reach->assumptions, i, known)
        if (!strcmp(json_string_value(known), line))
            return;
    json_array_append_new(reach->assumptions, json_string(line));
}

/* A load balancer's interface has its ARN as its owner. */
void reach_interface_hop(struct reach *reach, const json_t *interface, const char *text)
{
    static const struct {
        const char *name;
        enum reach_kind kind;
    } owners[] = {{"instance", REACH_OF_INSTANCE},
                  {"balancer", REACH_OF_BALANCER},
                  {"endpoint", REACH_OF_ENDPOINT},
                  {"nat", REACH_OF_NAT}};
    const char *owner = doc_text(interface, "_owner");
    const char *id = doc_text(interface, "NetworkInterfaceId");
    enum reach_kind kind = REACH_OF_INTERFACE;
    for (size_t i = 0; *owner && i < sizeof owners / sizeof *owners; i++)
        if (doc_is(interface, "_kind", owners[i].name))
            kind = owners[i].kind;
    json_t *hop = reach_hop(reach, kind, *owner ? owner : id, NULL, "%s", text);
    json_object_set_new(hop, "NetworkInterface", reach_component(reach, REACH_OF_INTERFACE, id));
}
