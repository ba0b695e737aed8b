#include "service/ec2/reach.h"

#include "service/doc.h"
#include "service/ec2/reach_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, EPHEMERAL_FIRST = 32768, EPHEMERAL_LAST = 60999, ECHO = 8 };

/* ---- the question ---- */

/* A whole decimal number up to `most`; -1: it is none. */
static int read_number(const char *text, size_t size, int most)
{
    char digits[8];
    char *end;
    if (size == 0 || size >= sizeof digits || *text < '0' || *text > '9')
        return -1;
    snprintf(digits, sizeof digits, "%.*s", (int)size, text);
    long number = strtol(digits, &end, 10);
    return *end || number > most ? -1 : (int)number;
}

static int read_protocol(const char *text, struct err *err)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"", REACH_TCP}, {"tcp", REACH_TCP}, {"udp", REACH_UDP}, {"icmp", REACH_ICMP}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i].name))
            return names[i].number;
    int number = read_number(text, strlen(text), 255);
    if (number > 0)
        return number;
    return err_aws(err, "InvalidParameterValue",
                   "the protocol must be tcp, udp, icmp or a number from 1 to 255, not %.64s",
                   text);
}

static int read_icmp(struct reach_packet *packet, const char *text, struct err *err)
{
    size_t size = strcspn(text, ":");
    packet->icmp_type = *text ? read_number(text, size, 255) : ECHO;
    packet->icmp_code = text[size] ? read_number(text + size + 1, strlen(text + size + 1), 255) : 0;
    if (packet->icmp_type >= 0 && packet->icmp_code >= 0)
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "the port of icmp must be a type, or type:code, not %.64s", text);
}

/* "80", or "1024-65535". */
static int read_ports(const char *text, struct reach_ports *ports, struct err *err)
{
    size_t size = strcspn(text, "-");
    ports->first = ports->last = read_number(text, size, PORT_MAX);
    if (text[size])
        ports->last = read_number(text + size + 1, strlen(text + size + 1), PORT_MAX);
    if (ports->first > 0 && ports->last >= ports->first)
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "the port must be a number from 1 to 65535, not %.64s", text);
}

static int read_port(const char *text, struct reach_ports *ports, struct err *err)
{
    if (read_ports(text, ports, err) < 0)
        return -1;
    return ports->first == ports->last
               ? 0
               : err_aws(err, "InvalidParameterValue", "the port must be one, not %.64s", text);
}

static int read_packet(struct reach_packet *packet, const json_t *question, struct err *err)
{
    const char *port = doc_text(question, "Port"), *from = doc_text(question, "SourcePort");
    packet->ports = packet->source_ports = (struct reach_ports){0, PORT_MAX};
    packet->protocol = read_protocol(doc_text(question, "Protocol"), err);
    if (packet->protocol < 0)
        return -1;
    if (packet->protocol == REACH_ICMP)
        return read_icmp(packet, port, err);
    if (packet->protocol != REACH_TCP && packet->protocol != REACH_UDP)
        return 0;
    packet->source_ports = (struct reach_ports){EPHEMERAL_FIRST, EPHEMERAL_LAST};
    if (*from && read_ports(from, &packet->source_ports, err) < 0)
        return -1;
    return read_port(port, &packet->ports, err);
}

/* ---- the two ways ---- */

/* The types of ICMP's answers; the code stays. */
static int answer_type(int type)
{
    return type == ECHO ? 0 : type + 1;
}

static void turn_round(struct reach_packet *packet)
{
    struct reach_packet there = *packet;
    packet->is_answer = true;
    packet->source = there.destination;
    packet->destination = there.source;
    packet->ports = there.source_ports;
    packet->source_ports = there.ports;
    packet->icmp_type = answer_type(there.icmp_type);
}

/* Whether the packet is at the end that it set out from. */
static bool is_back(const struct reach *reach)
{
    const struct reach_end *end = &reach->source;
    return end->is_host ? reach->place.vpc == NULL
                        : reach->place.interface == end->interface &&
                              reach->packet.destination == end->address;
}

/* Walks there and back. Returns whether nothing stops the packet or its answer. */
static bool walk(struct reach *reach, json_t *answer)
{
    bool arrived = reach_walk(reach);
    json_object_set(answer, "Forward", reach->hops);
    if (!arrived || reach->is_served)
        return arrived && json_array_size(reach->explanations) == 0;
    json_decref(reach->hops);
    reach->hops = json_array();
    json_object_set(answer, "Return", reach->hops);
    turn_round(&reach->packet);
    reach->place.is_foreign = false;
    if (reach_walk(reach) && !is_back(reach))
        reach_explain(reach, "NO_PATH", "the answer arrives at somebody else");
    return json_array_size(reach->explanations) == 0;
}

/* Puts the packet at its source; false: nobody there could send it. */
static bool begin(struct reach *reach)
{
    const struct reach_end *from = &reach->source;
    reach->packet.source = from->address;
    reach->packet.destination = reach->destination.address;
    if (from->is_host)
        return true;
    reach->call.region = from->region;
    reach->place = (struct reach_place){
        .vpc = reach_get(reach, "vpc", doc_text(from->interface, "VpcId")),
        .link = reach_is_of_router(from->interface) ? REACH_ROUTER : REACH_INTERFACE,
        .interface = from->interface};
    reach_interface_hop(reach, from->interface, "sends");
    if (reach_is_up(reach, from->interface))
        return true;
    const char *owner = doc_text(from->interface, "_owner");
    const json_t *instance = reach_get(reach, "instance", owner);
    reach_explain(reach, "BAD_STATE", "%s does not run", *owner ? owner : from->id);
    if (doc_is(json_object_get(instance, "State"), "Name", "stopped"))
        reach_change(json_array_get(reach->explanations, 0),
                     "aws ec2 start-instances --instance-ids %s", owner);
    return false;
}

/* What an instance says to one of its own addresses never leaves it. */
static bool is_itself(const struct reach *reach)
{
    const json_t *from = reach->source.interface;
    const json_t *to =
        from ? reach_interface_at(reach, doc_text(from, "VpcId"), reach->packet.destination) : NULL;
    return to && (to == from || (doc_is(to, "_kind", "instance") && *doc_text(to, "_owner") &&
                                 doc_is(to, "_owner", doc_text(from, "_owner"))));
}

static json_t *shown_end(struct reach *reach, const struct reach_end *end)
{
    char address[16];
    json_t *shown = json_pack("{s:s, s:s}", "Id", end->is_host ? "internet" : end->id, "Address",
                              reach_quad(end->address, address));
    if (!end->interface)
        return shown;
    reach->call.region = end->region;
    json_auto_t *component =
        reach_component(reach, REACH_OF_INTERFACE, doc_text(end->interface, "NetworkInterfaceId"));
    json_object_set(shown, "NetworkInterfaceId", json_object_get(component, "Id"));
    json_object_set(shown, "VpcId", json_object_get(end->interface, "VpcId"));
    json_object_set(shown, "SubnetId", json_object_get(end->interface, "SubnetId"));
    json_object_set_new(shown, "Region", json_string(end->region));
    return shown;
}

json_t *ec2_reach(const struct call *call, const json_t *question, struct err *err)
{
    struct reach reach = {.call = *call};
    const char *protocol = doc_text(question, "Protocol"), *port = doc_text(question, "Port");
    reach.host_address = (100u << 24) + ((64 + call->world->world) << 16) + 1;
    reach.service_address = reach.host_address + 1;
    if (read_packet(&reach.packet, question, err) < 0 || reach_find_ends(&reach, question, err) < 0)
        return NULL;
    reach.hops = json_array();
    reach.explanations = json_array();
    reach.assumptions = json_array();
    json_t *answer =
        json_pack("{s:o, s:o, s:s, s:s, s:[], s:[]}", "Source", shown_end(&reach, &reach.source),
                  "Destination", shown_end(&reach, &reach.destination), "Protocol",
                  *protocol ? protocol : "tcp", "Port",
                  reach.packet.protocol == REACH_ICMP && !*port ? "8" : port, "Forward", "Return");
    bool sends = begin(&reach);
    json_object_set(answer, "Forward", reach.hops);
    bool reachable = sends && (is_itself(&reach) || walk(&reach, answer));
    json_object_set_new(answer, "Reachable", json_boolean(reachable));
    json_object_set_new(answer, "Explanations", reach.explanations);
    json_object_set_new(answer, "Assumptions", reach.assumptions);
    json_decref(reach.hops);
    return answer;
}
