/*
 * Several daemons share one machine: each has a world, a number from 0 to 63 that chooses its part
 * of 100.64.0.0/10, the names of its links and its cgroup.
 *
 * A world is held by two locks: an abstract socket (one a network namespace) and a lock file (one a
 * /run). The parent and host both hold them, so it is held while either lives. The lock file also
 * says which data folder has things in the world, running instances for instance, while nobody
 * holds it: after kill -9, or `pileus stop --keep`.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct world {
    uint32_t number;
    char run_dir[32]; /* "/run/pileus/3" */
    int locks[2];     /* of the network and of the run folder */
};

/*
 * Claims the world that this data folder had before, or else the first one that nobody holds and
 * no other data folder, which still exists, has things in.
 */
int world_claim(struct world *world, const char *data_dir, struct err *err);
/* From now on the data folder has things in its world. */
int world_occupy(const struct world *world, const char *data_dir, struct err *err);
/* Nothing of the data folder is left in its world: others may have it. */
void world_vacate(const struct world *world);
