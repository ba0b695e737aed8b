/* A launch that is being prepared: what RunInstances has found out before it creates anything. */
#pragma once

#include "service/call.h"
#include "service/ec2/instance_types.h"
#include "service/ec2/interface_request.h"

enum { LAUNCH_INTERFACES_MAX = 15 }; /* of the largest type */

/* A network interface that is made, or attached if it exists. */
struct launch_interface {
    const json_t *request;  /* the entry of the request; without entries the request itself */
    const json_t *existing; /* NULL: it is made */
    int device_index;
    const char *subnet_id, *vpc_id;
    json_t *group_ids;                      /* owned: array of ids */
    struct ec2_addresses_request addresses; /* owned */
    bool want_public, is_kept;
};

struct launch {
    const json_t *in; /* request and template, merged */
    json_t *image;    /* owned */
    struct instance_type type;
    const char *zone; /* that its primary interface is in */
    struct launch_interface interfaces[LAUNCH_INTERFACES_MAX]; /* by device index */
    int interface_count;
    json_t *tags;           /* owned: of the instances */
    json_t *interface_tags; /* owned */
    json_t *volume_tags;    /* owned */
    json_t *volumes;        /* owned: see block_devices.h */
    const char *key_name;   /* NULL: no key pair */
    const char *public_key; /* its public line */
    char reservation_id[32];
};

/*
 * Finds and checks all that `in` names; creates nothing. What it filled so far is owned by the
 * launch also on failure.
 */
int launch_prepare(struct call *call, const json_t *in, struct launch *launch, struct err *err);
void launch_finish(struct launch *launch);
/* Makes one instance, with its interface; its document, borrowed from the store. */
const json_t *launch_instance(struct call *call, struct launch *launch, int index, struct err *err);
