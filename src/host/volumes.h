/* The volumes that api asks for: takes its messages, has workers do them, and reports. */
#pragma once

#include "host/image/store.h"
#include "host/run/instances.h"
#include "ipc/message.h"
#include "loop/loop.h"

struct volumes {
    struct loop *loop;
    struct instances *instances;
    struct store store;
    const char *stage_dir;
    void (*report)(void *owner, enum message_type type, const void *payload, size_t size);
    void (*on_dropped)(void *owner); /* files may be deleted now (image/store.h sweeps them) */
    void *owner;
    bool was_scarce; /* room on the machine's disk, when it was shared last */
    bool sharing;    /* a worker does it */
};

/* Takes the VOLUME_* and IMAGE_CREATE messages apart; what their ids say is checked here. */
void volumes_receive(struct volumes *volumes, enum message_type type, const void *payload);
/* To be called each second: shares what room there is on the disk below. */
void volumes_tick(struct volumes *volumes);
