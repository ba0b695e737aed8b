/* Builds FABRIC messages for tests, row by row. */
#pragma once

#include "ipc/message.h"

#include <stddef.h>

enum { BUILDER_ROWS = 64 };

struct fabric_builder {
    struct fabric fabric;
    struct fabric_block blocks[BUILDER_ROWS];
    struct fabric_subnet subnets[BUILDER_ROWS];
    struct fabric_route routes[BUILDER_ROWS];
    struct fabric_acl acls[BUILDER_ROWS];
    struct fabric_acl_rule acl_rules[BUILDER_ROWS];
    struct fabric_group groups[BUILDER_ROWS];
    struct fabric_rule rules[BUILDER_ROWS];
    struct fabric_member members[BUILDER_ROWS];
    struct fabric_peer peers[BUILDER_ROWS];
    struct fabric_interface interfaces[BUILDER_ROWS];
    struct fabric_address addresses[BUILDER_ROWS];
};

/* "10.0.1.5" in host byte order. */
uint32_t quad(const char *text);

/* The VPC 10.0.0.0/16, with a network ACL that allows all: number 0, every subnet's. */
void build_vpc(struct fabric_builder *builder, const char *vpc);
/* Each returns the index of the new row. `block` is "10.0.1.0/24"; ids are made of the index. */
int build_block(struct fabric_builder *builder, const char *block, int peer);
int build_subnet(struct fabric_builder *builder, const char *block, int table);
int build_route(struct fabric_builder *builder, int table, const char *block,
                enum fabric_route_kind kind);
/* A route to an interface or a peer. */
int build_route_to(struct fabric_builder *builder, int table, const char *block,
                   enum fabric_route_kind kind, int target);
/* Without entries it lets nothing through. */
int build_acl(struct fabric_builder *builder);
int build_acl_rule(struct fabric_builder *builder, int acl, enum fabric_direction direction,
                   int number, int protocol, int port_from, int port_to, const char *block,
                   enum fabric_action action);
int build_group(struct fabric_builder *builder);
/* `peer` is a block, or NULL for the members of `peer_group`. */
int build_rule(struct fabric_builder *builder, int group, enum fabric_direction direction,
               int protocol, int port_from, int port_to, const char *peer, int peer_group);
/* Lets everything out. */
int build_egress(struct fabric_builder *builder, int group);
/* With its primary address. */
int build_interface(struct fabric_builder *builder, enum fabric_interface_kind kind, int subnet,
                    const char *address, const char *public_address, int group);
/* One more address of the last interface. */
int build_address(struct fabric_builder *builder, int interface, const char *address,
                  const char *public_address);

/* The message, malloc'd. */
struct fabric *build_message(const struct fabric_builder *builder, size_t *ret_size);
