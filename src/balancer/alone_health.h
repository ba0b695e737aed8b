/* What `pileus balance` logs of its targets: each change once. */
#pragma once

#include "base/map.h"
#include "ipc/message.h"

/* What was logged of each target, by the present configuration and by the one before. */
struct alone_health {
    struct map now, before; /* struct target_health *, owned */
};

/* A configuration is about to be loaded; alone_health_loaded() follows, whether it was or not. */
void alone_health_load(struct alone_health *health);
/* Forgets the targets that the new configuration does not have; keeps all if it was refused. */
void alone_health_loaded(struct alone_health *health, bool refused);
/* Logs the rows that say something new. */
void alone_health_report(struct alone_health *health, const struct target_health *rows, int count);
void alone_health_finish(struct alone_health *health);
