/* What the files of guest/ share. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "guest/guest.h"
#include "guest/metadata.h"
#include "guest/token.h"
#include "http/server.h"
#include "loop/loop.h"
#include "wire/dns.h"

#include <netinet/in.h>
#include <stdbool.h>

enum {
    GUEST_NAMES = 3, /* of an instance: private, public, of its id */
    GUEST_ID_SIZE = 32,
    GUEST_KEY_SIZE = 320, /* "vpc-... name" */
    FORWARDED_MAX = 1024, /* questions that wait for the upstream resolver */
};

/* From where an instance may call: a private address of one of its interfaces. */
struct guest_place {
    char vpc[GUEST_ID_SIZE];
    uint32_t address;
};

struct guest_instance {
    char id[GUEST_ID_SIZE], vpc[GUEST_ID_SIZE];
    uint32_t address, public_address; /* its primary one; 0: it has no public one */
    struct guest_place *places;
    size_t place_count;
    char *names[GUEST_NAMES]; /* in DNS; NULL if absent */
    bool token_required, endpoint_enabled;
    int hop_limit;
    struct metadata metadata;
};

struct guest_vpc {
    char id[GUEST_ID_SIZE];
    struct guest *guest;
    struct http_server *imds; /* NULL at the host */
    struct flows *flows;      /* NULL: no interface is logged */
    struct loop_watch dns, dns_listener;
    struct list streams; /* struct stream.link: clients of DNS over TCP */
    int stream_count;
};

/* A question that was sent on. The slot number is part of the id that the upstream sees. */
struct forwarded {
    char vpc[GUEST_ID_SIZE]; /* "": free */
    struct sockaddr_in client;
    uint16_t id, upstream_id;
};

struct guest {
    struct loop *loop;
    guest_on_flows *on_flows;
    void *flows_owner;
    uint8_t token_key[TOKEN_KEY_SIZE];
    struct map vpcs;                           /* id -> struct guest_vpc */
    struct map instances;                      /* id -> struct guest_instance */
    struct map callers;                        /* "vpc address" -> struct guest_instance */
    struct map own_names;                      /* "vpc name" -> struct guest_instance */
    struct map public_names, public_addresses; /* name, address -> struct guest_instance */
    json_t *names;                             /* of guest_set_names(), or NULL */
    struct loop_watch upstream;
    struct sockaddr_in upstream_name;
    unsigned next_forwarded;
    struct forwarded forwarded[FORWARDED_MAX];
};

/* Who asks from this address in this VPC; NULL if nobody that we know. */
struct guest_instance *guest_find_caller(const struct guest *guest, const char *vpc,
                                         uint32_t address);
/* The instance with this DNS name in the VPC, or NULL. */
struct guest_instance *guest_find_name(const struct guest *guest, const char *vpc,
                                       const char *name);

/* ---- names.c ---- */

enum name_finding {
    NAME_FOREIGN, /* not ours to say */
    NAME_KNOWN,
    NAME_ABSENT, /* ours, and there is none */
};

enum { NAME_ADDRESSES_MAX = 8 };

struct name_record {
    uint32_t addresses[NAME_ADDRESSES_MAX];
    size_t count;
    char target[DNS_NAME_SIZE]; /* of a reverse lookup; "": none */
    const char *zone;           /* the zone of ours that the name is in, for SOA */
};

/* What the VPC knows of a name. The texts are good until the guest or the query changes. */
enum name_finding names_find(const struct guest_vpc *vpc, const struct dns_query *query,
                             struct name_record *record);
/* Whether the VPC has a resolver at all (enableDnsSupport). */
bool names_are_resolved(const struct guest_vpc *vpc);

/* ---- imds.c ---- */

/* Answers one request; the owner is a struct guest_vpc. */
void imds_on_request(struct http_exchange *exchange, void *owner);

/* ---- resolver.c: DNS over UDP ---- */

enum resolution {
    RESOLUTION_NONE, /* nothing is to be said */
    RESOLUTION_ANSWER,
    RESOLUTION_FORWARD, /* the upstream resolver is to be asked */
};

/* What becomes of a message. Reads it into `query`; appends the answer, if there is one. */
enum resolution resolver_resolve(const struct guest_vpc *vpc, const uint8_t *message, size_t size,
                                 struct dns_query *query, struct buf *answer);
/* Appends an answer that says nothing but the code. */
void resolver_refuse(const struct dns_query *query, enum dns_rcode rcode, struct buf *answer);

/* Reads and answers questions; the owner is a struct guest_vpc. */
void resolver_on_event(struct loop_watch *watch, uint32_t events);
/* Passes answers of the upstream resolver on; the owner is a struct guest. */
void resolver_on_upstream(struct loop_watch *watch, uint32_t events);

/* ---- resolver_stream.c: DNS over TCP ---- */

/* Accepts clients; the owner is a struct guest_vpc. */
void resolver_on_listener(struct loop_watch *watch, uint32_t events);
/* Drops all clients of a VPC. */
void resolver_close_streams(struct guest_vpc *vpc);
