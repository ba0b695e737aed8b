/*
 * The FABRIC message, checked. Pure: nothing else in net/ looks at a message that this file has not
 * let through, and nothing else need check again.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    FABRIC_BLOCKS_MAX = 1024, /* the VPC's own and its peers' */
    FABRIC_SUBNETS_MAX = 1024,
    FABRIC_ROUTES_MAX = 64 * 1024,
    FABRIC_ACLS_MAX = 1024,
    FABRIC_ACL_RULES_MAX = 64 * 1024,
    FABRIC_GROUPS_MAX = 16 * 1024,
    FABRIC_RULES_MAX = 256 * 1024,
    FABRIC_MEMBERS_MAX = 256 * 1024,
    FABRIC_PEERS_MAX = 256,
    FABRIC_INTERFACES_MAX = 64 * 1024,
    FABRIC_ADDRESSES_MAX = 256 * 1024,
};

/* The arrays of a message, in place. */
struct fabric_view {
    const struct fabric *fabric;
    const struct fabric_block *blocks;
    const struct fabric_subnet *subnets;
    const struct fabric_route *routes;
    const struct fabric_acl *acls;
    const struct fabric_acl_rule *acl_rules;
    const struct fabric_group *groups;
    const struct fabric_rule *rules;
    const struct fabric_member *members;
    const struct fabric_peer *peers;
    const struct fabric_interface *interfaces;
    const struct fabric_address *addresses;
};

/*
 * Checks every count, index, id, block and address of the message at `message` (aligned as struct
 * fabric) and fills the view. After success: all ids are well-formed and unique; all indices are
 * in range; blocks have no host bits; the first block is the VPC's own; subnets lie in the VPC's
 * own blocks; every interface has an address, its primary one first; addresses lie in their
 * interface's subnet and are unique.
 */
int fabric_view(struct fabric_view *view, const void *message, size_t size, struct err *err);

/*
 * Whether `id` can be a resource id: `prefix` ("vpc-") and at least one more byte, ID_SIZE-1 bytes
 * of [a-z0-9-] at most. Such an id is also safe as a file name.
 */
int fabric_check_id(const char *id, const char *prefix, struct err *err);
/* Whether packets that are not from or to its own addresses may pass an interface. */
bool fabric_is_forwarder(const struct fabric_interface *interface);
/* The netmask of a prefix length of 0 to 32, in host byte order. */
uint32_t fabric_mask(unsigned prefix);
