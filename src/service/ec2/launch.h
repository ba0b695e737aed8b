/* A launch that is being prepared: what RunInstances has found out before it creates anything. */
#pragma once

#include "service/call.h"
#include "service/ec2/instance_types.h"

struct launch {
    const json_t *in; /* request and template, merged */
    json_t *image;    /* owned */
    struct instance_type type;
    const json_t *subnet;    /* the document; it changes as addresses are given */
    json_t *group_ids;       /* owned: array of ids */
    json_t *tags;            /* owned: of the instances */
    json_t *interface_tags;  /* owned */
    const char *key_name;    /* NULL: no key pair */
    const char *public_key;  /* its public line */
    const char *private_ip;  /* NULL: any free one */
    const char *description; /* of the interface */
    bool want_public;
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
