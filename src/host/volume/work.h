/*
 * What is done with volumes by workers, away from the host's loop: making them, from a snapshot
 * too, and keeping what is in them.
 */
#pragma once

#include "base/err.h"
#include "host/image/store.h"
#include "ipc/message.h"

struct volume_work {
    struct store store;
    const char *stage_dir; /* empty, to mount on */
    struct message_volume volume;
    struct message_image_create keep;
};

/* Makes `volume`, with all that its snapshot holds, in one step; one that is there may grow. */
int volume_make(const struct volume_work *work, struct err *err);
/*
 * Shares what is left of the machine's disk: a write of a volume must never fail below, where it
 * would make the file system read-only. So none may take more than a part of it until it is called
 * again.
 */
int volumes_share_room(const struct volume_work *work, struct err *err);
/* Keeps what is in a volume (or the plain disk of an instance) as `keep` says. */
int volume_keep(const struct volume_work *work, struct err *err);
