/* For the files of the instances controller: what they share. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "control/control_impl.h"

/* What the host was told last of an instance, on the connection that it has now. */
enum told { TOLD_NOTHING, TOLD_START, TOLD_STOP, TOLD_FORCE_STOP, TOLD_REMOVE };

/* What the controller remembers of one instance; all of it can be found out again. */
struct instance_entry {
    struct list link; /* of instances_control.changed; empty when there is nothing to look at */
    char id[ID_SIZE];
    char region[32];
    json_t *seen;   /* the document that was acted on; the store replaces what changes */
    char *metadata; /* as the guest has it; NULL: it has none */
    enum told told;
    int64_t told_boot;  /* of TOLD_START */
    int64_t forget_ms;  /* when the document goes; 0: not terminated yet */
    struct buf network; /* the message that the host was told last; empty: it must be told */
    uint64_t network_generation;
    int64_t network_retry_ms; /* when it is told again because the host failed; 0: it did not */
    bool network_done;        /* the host has done what it was told last */
    bool unreachable;         /* as the host reported last */
};

/* A report that waits for the next run. */
struct instance_report_row {
    struct list link; /* of instances_control.reports */
    enum message_type type;
    union {
        struct message_instance_state instance;
        struct message_image_done image;
    };
};

struct instances_control {
    struct map entries;          /* by instance id: struct instance_entry */
    struct map regions;          /* names of regions that changed since the last run */
    struct map images_told;      /* ids of images whose creation the host was asked for */
    struct list changed;         /* of instance_entry.link */
    struct list reports;         /* of instance_report_row.link */
    int64_t next_forget_ms;      /* the earliest forget_ms, or INT64_MAX */
    int64_t next_network_ms;     /* the earliest network_retry_ms, or INT64_MAX */
    uint64_t network_generation; /* the last one that was used */
    bool host_known;             /* a host has said hello */
};

/* ---- instance_advance.c: what is written ---- */

/* Writes what the host reported of an instance. */
void instance_apply_report(struct call *call, const char *id,
                           const struct message_instance_state *report);
/*
 * Moves an instance and its interfaces on as follows from what is desired and observed.
 * `has_network`: instance_has_its_network().
 */
void instance_advance(struct call *call, const char *id, bool has_network);
/* Writes whether the instance can be reached: what its status check finds. */
void instance_check(struct call *call, const char *id, bool unreachable);
/* Whether an interface of it is attaching or detaching. */
bool instance_network_moves(const json_t *instance);
/* Whether the host says that it runs now. */
bool instance_is_up(const json_t *instance);

/* ---- instance_messages.c: what is sent ---- */

/* What an instance may do with a volume in a second. */
struct volume_limits volume_limits_of(const json_t *volume);
void instance_send_start(struct control *control, const char *region, const json_t *instance);
/* What IMDS knows of an instance, as JSON text for the caller to free; NULL if memory ran out. */
char *instance_metadata(struct control *control, const char *region, const json_t *instance);

/* ---- instance_network.c ---- */

/* Tells the host which interfaces an instance shall have, unless that was told last. */
void instance_tell_network(struct control *control, struct instance_entry *entry,
                           const json_t *instance);
/* Whether the host has said that the instance has all that its document asks for, and no more. */
bool instance_has_its_network(struct control *control, const struct instance_entry *entry,
                              const json_t *instance);
/* Notes what the host says; the entry that may go on now, or NULL. */
struct instance_entry *instance_network_report(struct control *control,
                                               const struct message_instance_network_done *done);
/* Whether the host must be told again because it failed. */
bool instance_network_is_due(const struct control *control, struct instance_entry *entry);

/* ---- images.c ---- */

/* Writes that an image or a snapshot is there, or why not. */
void image_apply_report(struct control *control, struct txn *txn,
                        const struct message_image_done *report);
/* The instance that an image or a snapshot is made of, "" if of none. */
const char *image_source_of(const struct store *store, const char *region, const char *id);
/* Asks for images and snapshots that are pending, and deletes what nobody needs any more. */
void images_tell(struct control *control, const char *region);
/* Whether an image is being made of an instance; `at_rest`: one that wants it to stand still. */
bool image_pending_of(const struct store *store, const char *region, const char *instance_id,
                      bool at_rest);
