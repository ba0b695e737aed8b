/* For the files of interfaces: what they share. */
#pragma once

#include "service/ec2/interface.h"

/* What differs by what an interface belongs to. */
struct interface_kind {
    const char *name, *type, *attachment_prefix;
    const char *requester; /* who else than the account made it; NULL: the account */
    int device_index;
    bool checks_addresses;
};
const struct interface_kind *interface_kind_find(const char *name);

/* ---- interface_show.c ---- */

/* Writes a change of an interface to the instance that it belongs to, if it does. */
void interface_show_owner(struct call *call, const json_t *interface);
/* Takes it out of what an instance shows. */
void interface_hide(json_t *instance, const char *id);

/* ---- interface_private.c ---- */

/* Takes an address of the subnet, a document that is being edited: `wanted`, or NULL: a free one.
 */
int interface_take_private(const struct call *call, json_t *subnet, const char *wanted,
                           char ret_address[16], struct err *err);
/* The row of PrivateIpAddresses that has this address; NULL: none has. */
json_t *interface_row(const json_t *interface, const char *private_ip);
/* How many addresses an interface has. */
int interface_address_count(const json_t *interface);
/* Gives all addresses back to the subnet, which shows how many are free. */
void interface_give_private(struct call *call, const json_t *interface);

/* ---- interface_public.c ---- */

/* Writes to elastic addresses of an interface what they are associated with now. */
void interface_tell_elastic(struct call *call, const json_t *interface);
/* Disassociates all its elastic addresses and gives an assigned one back. */
void interface_drop_public(struct call *call, const char *id);

/* ---- interface_attachment.c ---- */

/* Its attachment to its owner, from the start. */
json_t *interface_make_attachment(const struct call *call, const struct ec2_interface_spec *spec);
