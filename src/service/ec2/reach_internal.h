/* What the files of reach share. */
#pragma once

#include "service/ec2/cidr.h"
#include "service/ec2/reach.h"

enum { REACH_ICMP = 1, REACH_TCP = 6, REACH_UDP = 17 };

struct reach_ports {
    int first, last;
};

/* Packets that differ in their ports at most. */
struct reach_packet {
    uint32_t source, destination;
    int protocol;                           /* IP protocol number */
    struct reach_ports source_ports, ports; /* TCP, UDP: of sender and receiver; else all */
    int icmp_type, icmp_code;
    bool is_answer;
};

enum reach_link {
    REACH_NOWHERE,
    REACH_INTERFACE, /* an instance's or a NAT gateway's */
    REACH_ROUTER,    /* none: addresses of load balancers and endpoints are the router's own */
    REACH_INTERNET,
    REACH_PEER,
};

/* A packet at the router of a VPC, by the link that it came from. */
struct reach_place {
    const json_t *vpc;
    enum reach_link link;
    const json_t *interface; /* NULL: of no interface */
    const json_t *peer;      /* of REACH_PEER: the VPC that it comes from */
    bool is_foreign;         /* sent by an interface that is not its source */
};

/* Where the router sends it. */
struct reach_way {
    enum reach_link link;
    const json_t *interface;     /* of REACH_INTERFACE and REACH_ROUTER */
    const json_t *peering;       /* of REACH_PEER */
    const json_t *table, *route; /* NULL: the local route, or that of no subnet */
};

enum { REACH_PASSES_MAX = 16 };

/* An address that was replaced on the way there: the way back undoes it at the same point. */
struct reach_translation {
    const char *point; /* id of the VPC (its internet gateway) or of the interface */
    bool of_source;
    uint32_t before, after;
};

/* A connection that a VPC's router has seen. */
struct reach_connection {
    const char *vpc;
    uint32_t source, destination;
};

/* One end: an interface and an address of it, the host, or an address that nobody may have. */
struct reach_end {
    bool is_host;
    const json_t *interface; /* NULL: none */
    const char *region;      /* of the interface */
    const char *id;          /* what was named: of an instance, a load balancer ... or an address */
    uint32_t address;        /* private, if there is an interface */
};

struct reach {
    struct call call;                       /* its region is that of the packet */
    uint32_t host_address, service_address; /* of this machine on the internet */
    struct reach_end source, destination;
    struct reach_packet packet;
    struct reach_place place;
    struct reach_translation translations[REACH_PASSES_MAX];
    struct reach_connection connections[REACH_PASSES_MAX];
    int translation_count, connection_count;
    bool is_served; /* by a service of the VPC, whose answers nothing stops */
    json_t *hops;   /* of the way that is being walked */
    json_t *explanations, *assumptions;
};

/* ---- reach_end.c ---- */

/*
 * Finds source and destination. The destination's address is that which the source would use: of
 * an interface in the same or a peered VPC the private one, of another the public one.
 */
int reach_find_ends(struct reach *reach, const json_t *question, struct err *err);

/* ---- reach_network.c: finding documents; regions are that of the call ---- */

/* A document of the packet's region, NULL if there is none. */
const json_t *reach_get(const struct reach *reach, const char *kind, const char *id);
/* The interface of a VPC with this private address; NULL if none has it. */
const json_t *reach_interface_at(const struct reach *reach, const char *vpc, uint32_t address);
const json_t *reach_subnet_at(const struct reach *reach, const char *vpc, uint32_t address);
/* Whether a VPC's own blocks have the address. */
bool reach_vpc_has(const json_t *vpc, uint32_t address);
/* The public address of an interface's private one; 0: none. */
uint32_t reach_public_of(const json_t *interface, uint32_t address);
/*
 * The interface that has a public address, in any region, with the private address behind it; NULL
 * if nobody has it, or no internet gateway is there that could translate it.
 */
const json_t *reach_public_at(const struct reach *reach, uint32_t address, const char **ret_region,
                              uint32_t *ret_private);
/* Whether this machine has the address on the internet: its own, or that of AWS's services. */
bool reach_is_host(const struct reach *reach, uint32_t address);
/* The VPC's internet gateway; NULL if it has none. */
const json_t *reach_gateway_of(const struct reach *reach, const char *vpc);
/* The active peering connection of two VPCs; NULL if there is none. */
const json_t *reach_peering(const struct reach *reach, const char *vpc, const char *other);
/* The other VPC of an active connection; NULL if it is not one of `vpc`. */
const json_t *reach_peer(const struct reach *reach, const char *vpc, const json_t *peering);
/* The private address of an interface that comes first. */
uint32_t reach_primary(const json_t *interface);
bool reach_has_address(const json_t *interface, uint32_t address);
/* Whether packets that are neither from nor to its own addresses may pass the interface. */
bool reach_is_forwarder(const json_t *interface);
bool reach_is_nat(const json_t *interface);
/* Whether it has no link, for its addresses are the router's own. */
bool reach_is_of_router(const json_t *interface);
/* Whether somebody is at the interface now: an instance that runs, a gateway that is available. */
bool reach_is_up(const struct reach *reach, const json_t *interface);

/* ---- reach_route.c ---- */

/* Where the router sends the packet; REACH_NOWHERE explains itself in the report. */
struct reach_way reach_route(struct reach *reach);
/* The same, without a word in the report. */
struct reach_way reach_peek(const struct reach *reach);

/* ---- reach_filter.c: each adds its hop; false: it denies, which is explained ---- */

bool reach_judge_group(struct reach *reach, const struct reach_way *way, bool is_egress);
bool reach_judge_acl(struct reach *reach, const struct reach_way *way, bool is_egress);

/* ---- reach_walk.c ---- */

/* Walks from reach->place to an end. Returns whether it gets there. */
bool reach_walk(struct reach *reach);

/* ---- reach_report.c ---- */

enum reach_kind {
    REACH_OF_INSTANCE,
    REACH_OF_INTERFACE,
    REACH_OF_GROUP,
    REACH_OF_ACL,
    REACH_OF_TABLE,
    REACH_OF_VPC,
    REACH_OF_GATEWAY,
    REACH_OF_NAT,
    REACH_OF_PEERING,
    REACH_OF_BALANCER,
    REACH_OF_ENDPOINT,
    REACH_OF_WORLD,
};

/* New reference: {"Id", "Arn", "Name"}; of the world, which needs no id, the first alone. */
json_t *reach_component(const struct reach *reach, enum reach_kind kind, const char *id);
/*
 * Adds a hop of the packet and returns it, borrowed, so that members can be added. `direction` is
 * "ingress", "egress" or NULL.
 */
json_t *reach_hop(struct reach *reach, enum reach_kind kind, const char *id, const char *direction,
                  const char *text, ...) __attribute__((format(printf, 5, 6)));
/* Says what stops it, at the hop that was added last; returns the explanation, borrowed. */
json_t *reach_explain(struct reach *reach, const char *code, const char *text, ...)
    __attribute__((format(printf, 3, 4)));
/* What to do about it: a command that one can paste. */
void reach_change(json_t *explanation, const char *command, ...)
    __attribute__((format(printf, 2, 3)));
/* What the answer takes for granted; said once. */
void reach_assume(struct reach *reach, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* "tcp port 80", "icmp type 8", "protocol 47" of the packet, for texts. */
const char *reach_traffic(const struct reach *reach, char out[64]);
/* An address as text. */
const char *reach_quad(uint32_t address, char out[16]);
/* A hop of what an interface belongs to: an instance, a load balancer, or a NAT gateway. */
void reach_interface_hop(struct reach *reach, const json_t *interface, const char *text);
