/*
 * Several daemons share one machine: each has a world, a number from 0 to 63 that chooses its part
 * of 100.64.0.0/10, the names of its links and its cgroup.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct world {
    uint32_t number;
    char run_dir[32]; /* "/run/pileus/3" */
    int locks[2];     /* held as long as the daemon lives: of the network and of the run folder */
};

/*
 * Claims the world that this data folder had before, or else the first free one. A world is free
 * if nobody holds its abstract socket (one a network namespace) and its lock file (one a /run).
 */
int world_claim(struct world *world, const char *data_dir, struct err *err);
