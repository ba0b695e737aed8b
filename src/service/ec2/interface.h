/*
 * Network interfaces: private addresses of a subnet, public addresses of the world, names, and
 * what an instance document shows of them. Kind `network-interface`, shape NetworkInterface.
 */
#pragma once

#include "service/call.h"

struct ec2_interface_spec {
    const json_t *subnet;    /* the document */
    const json_t *group_ids; /* array of 1..5 ids of groups of the subnet's VPC (checked here) */
                             /* NULL: none, for a NAT gateway */
    const char *private_ip;  /* NULL: any free one */
    const json_t *secondary; /* array of further private addresses, or NULL */
    int secondary_count;     /* how many besides these it gets */
    int addresses_max;       /* how many it may have, if it gets any of these */
    bool want_public;        /* acquire a public address now, and again at each start */
    const char *kind;        /* "instance", "balancer", "nat" or "endpoint" */
    const char *owner; /* instance id, ARN of the load balancer, NAT gateway or endpoint id; NULL:
                          it is attached to nothing yet */
    int device_index;  /* at its instance */
    bool is_kept;      /* when its instance is terminated */
    const char *description; /* "" for instances, "ELB app/NAME/16hex" for balancers */
    json_t *tags;            /* array, or NULL; borrowed */
};

/*
 * Creates an interface, in use by its owner from now on. Errors: InsufficientFreeAddressesInSubnet,
 * InvalidIPAddress.InUse, InvalidParameterValue, InvalidGroup.NotFound, InvalidParameter (a group
 * of another VPC), SecurityGroupsPerInterfaceLimitExceeded, InsufficientAddressCapacity,
 * PrivateIpAddressLimitExceeded.
 */
int ec2_interface_create(struct call *call, const struct ec2_interface_spec *spec, char ret_id[32],
                         struct err *err);
/*
 * Deletes it, gives its addresses back and disassociates elastic ones (which stay allocated).
 * Harmless if it does not exist.
 */
void ec2_interface_delete(struct call *call, const char *id);

/*
 * Whether an interface could be created with this private address in the subnet now; the same
 * errors as on creation.
 */
int ec2_interface_check_address(const struct call *call, const json_t *subnet, const char *address,
                                struct err *err);

/* Gives a public address if the interface wants one and has none (an instance starts). */
int ec2_interface_acquire_public(struct call *call, const char *id, struct err *err);
/* Whether it wants a public address, at each start of its instance. */
void ec2_interface_set_public(struct call *call, const char *id, bool is_public);
/* Gives an auto-assigned public address back; elastic ones stay (an instance stopped). */
void ec2_interface_release_public(struct call *call, const char *id);

/* Replaces the security groups; the same checks as on creation. */
int ec2_interface_set_groups(struct call *call, const char *id, const json_t *group_ids,
                             struct err *err);

/* Whether packets that neither come from nor go to one of its addresses are dropped. */
void ec2_interface_set_check(struct call *call, const char *id, bool is_checked);
/* Whether it is deleted when its instance is terminated. */
void ec2_interface_set_deletion(struct call *call, const char *id, bool is_deleted);
void ec2_interface_set_description(struct call *call, const char *id, const char *description);

/*
 * Associates an elastic address (of kind `address`, associated with nothing) with a private one of
 * an interface (NULL: its primary one), in place of what public address that has; `allocation`
 * NULL: leaves it with none. The caller has checked all.
 */
void ec2_interface_set_elastic(struct call *call, const char *id, const char *private_ip,
                               const char *allocation);

/* ---- secondary private addresses ---- */

enum { EC2_ADDRESSES_PER_INTERFACE_MAX = 50 }; /* of any instance type */

struct ec2_assignment {
    const json_t *addresses; /* array of these, or NULL */
    int count;               /* and so many free ones */
    int most;                /* how many the interface may have */
    bool reassign;           /* secondary addresses of other interfaces are taken from them */
    json_t *ret_rows;        /* gets {"PrivateIpAddress"} for each that is new; NULL: not wanted */
};
/* Errors: as on creation. Elastic addresses move with their private ones. */
int ec2_interface_assign(struct call *call, const char *id, const struct ec2_assignment *assignment,
                         struct err *err);
/* Errors: InvalidParameterValue, if one is not a secondary address of it. */
int ec2_interface_unassign(struct call *call, const char *id, const json_t *addresses,
                           struct err *err);

/* ---- attachment ---- */

/* Attaches an available interface; `is_new`: at the launch of the instance. All is checked. */
void ec2_interface_attach(struct call *call, const char *id, const char *instance_id,
                          int device_index, bool is_new);
/* The instance is to let it go; ec2_interface_go_on() says that it has. */
void ec2_interface_begin_detachment(struct call *call, const char *id);
/* What is attaching is attached, what is detaching is available. */
void ec2_interface_go_on(struct call *call, const char *id);
/* Its instance is terminated: deletes it, or leaves it available, as its attachment says. */
void ec2_interface_leave(struct call *call, const char *id);

/* An interface of a NAT gateway or load balancer; NULL if it has none. */
const json_t *ec2_interface_of(const struct call *call, const char *owner);
/* The only interface of an instance; NULL and InvalidInstanceID if there are several. */
const json_t *ec2_interface_of_instance(const struct call *call, const json_t *instance,
                                        struct err *err);
/*
 * Writes what an instance shows of one of its interfaces into an Instance document that is being
 * edited or made: its row of NetworkInterfaces, and if it is the primary one PrivateIpAddress,
 * PrivateDnsName, PublicIpAddress, PublicDnsName, SubnetId, VpcId, SourceDestCheck and
 * SecurityGroups. Called when the instance is created; every later change by the functions above
 * is written to the instance's document by themselves.
 */
void ec2_interface_show(const json_t *interface, json_t *instance);

/* Gives the public addresses of a VPC their DNS names, or takes these, as its attribute says now.
 */
void ec2_interface_name_public(struct call *call, const char *vpc);

/* Takes a free public address of the world for `owner` (eni- or eipalloc-). */
int ec2_public_address_take(struct call *call, const char *owner, char ret_address[16],
                            struct err *err);
void ec2_public_address_give(struct call *call, const char *address);
/* "ec2-100-64-3-7.us-east-2.compute.amazonaws.com" */
void ec2_public_name(const struct call *call, const char *address, char out[96]);
/* "ip-10-0-1-5.ec2.internal" (us-east-1), "ip-10-0-1-5.<region>.compute.internal" */
void ec2_private_name(const struct call *call, const char *address, char out[96]);
