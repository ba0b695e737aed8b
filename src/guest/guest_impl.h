/* What the files of guest/ share. */
#pragma once

#include "base/map.h"
#include "guest/guest.h"
#include "guest/metadata.h"
#include "guest/token.h"
#include "http/server.h"
#include "loop/loop.h"

#include <netinet/in.h>
#include <stdbool.h>

enum {
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
    uint32_t address; /* its primary one */
    struct guest_place *places;
    size_t place_count;
    char *names[2]; /* in DNS; NULL if absent */
    bool token_required, endpoint_enabled;
    int hop_limit;
    struct metadata metadata;
};

struct guest_vpc {
    char id[GUEST_ID_SIZE];
    struct guest *guest;
    struct http_server *imds;
    struct loop_watch dns;
};

/* A question that was sent on. The slot number is part of the id that the upstream sees. */
struct forwarded {
    char vpc[GUEST_ID_SIZE]; /* "": free */
    struct sockaddr_in client;
    uint16_t id, upstream_id;
};

struct guest {
    struct loop *loop;
    uint8_t token_key[TOKEN_KEY_SIZE];
    struct map vpcs;      /* id -> struct guest_vpc */
    struct map instances; /* id -> struct guest_instance */
    struct map callers;   /* "vpc address" -> struct guest_instance */
    struct map own_names; /* "vpc name" -> struct guest_instance */
    json_t *names;        /* of guest_set_names(), or NULL */
    struct loop_watch upstream;
    unsigned next_forwarded;
    struct forwarded forwarded[FORWARDED_MAX];
};

/* Who asks from this address in this VPC; NULL if nobody that we know. */
struct guest_instance *guest_find_caller(const struct guest *guest, const char *vpc,
                                         uint32_t address);
/* The instance with this DNS name in the VPC, or NULL. */
struct guest_instance *guest_find_name(const struct guest *guest, const char *vpc,
                                       const char *name);

/* Answers one request; the owner is a struct guest_vpc. */
void imds_on_request(struct http_exchange *exchange, void *owner);

/* Reads and answers questions; the owner is a struct guest_vpc. */
void resolver_on_event(struct loop_watch *watch, uint32_t events);
/* Passes answers of the upstream resolver on; the owner is a struct guest. */
void resolver_on_upstream(struct loop_watch *watch, uint32_t events);
