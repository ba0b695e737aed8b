/*
 * Volumes as documents: what launches and requests make of them, and their attachments, which a
 * volume and its instance both show. The states of a volume, moved by requests (>) and by the
 * controller (-):
 *
 *   creating ---> available >--> in-use        (its attachment: attaching, attached, detaching)
 *       |             |  ^---------'
 *     error           '>---> deleting ---> (gone)
 */
#pragma once

#include "service/call.h"
#include "service/ec2/volume_types.h"

struct volume_spec {
    struct volume_shape shape; /* complete */
    const char *zone;
    const char *snapshot_id; /* NULL: empty */
    const json_t *layers;    /* of a root volume, as a snapshot has them; NULL: none */
    const json_t *tags;
    bool made; /* the host makes it at the start of its instance */
};

/* A new volume, in the store; its id is copied to `id`. */
json_t *volume_put(struct call *call, const struct volume_spec *spec, char id[32]);
/* The shape of a volume of `layers` or snapshot that a request or mapping `in` asks for. */
int volume_check_snapshot(const struct call *call, const char *snapshot_id, int64_t *size_gib,
                          const json_t **ret_layers, struct err *err);

/* Shows the volume as attached on both sides; `state`: "attaching" or "attached". */
void volume_show_attached(const struct call *call, json_t *volume, json_t *instance,
                          const char *device, bool delete_on_termination, const char *state);
/* The same of a volume and its instance, which both know of it, in another state. */
void volume_set_attachment_state(json_t *volume, json_t *instance, const char *state);
/* Takes it off both; the volume is available. `instance` may be NULL. */
void volume_show_detached(json_t *volume, json_t *instance);
/* The entry of a volume in an instance's BlockDeviceMappings, or NULL. */
json_t *volume_mapping(const json_t *instance, const char *volume_id);

/* The host has started the instance: what it was launched with is attached. */
void volumes_instance_started(struct call *call, json_t *instance);
/* The instance is no more: its volumes go with it, or are available. */
void volumes_instance_terminated(struct call *call, json_t *instance);
