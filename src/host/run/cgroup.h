/*
 * Limits and use of instances by cgroups: version 2 where its controllers are, else version 1.
 * The group of an instance is "pileus.<world>/<instance>" in every hierarchy that is used.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum cgroup_controller {
    CGROUP_CPU,
    CGROUP_CPUACCT,
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_FREEZER,
    CGROUP_BLKIO, /* may be missing */
    CGROUP_CONTROLLER_COUNT
};

struct cgroups {
    uint32_t world;
    bool unified;                             /* version 2 has the controllers */
    char unified_root[128];                   /* mount point of version 2; "" if there is none */
    char roots[CGROUP_CONTROLLER_COUNT][128]; /* mount points of version 1; "" if missing */
};

struct cgroup_limits {
    uint32_t cpu_thousandths; /* of one CPU */
    uint32_t memory_mib;
    uint32_t processes;
    uint32_t owner; /* user and group id that may make groups within it, for a systemd there */
};

struct cgroup_usage {
    uint64_t cpu_us, memory_bytes;
};

/* Finds the hierarchies of this machine; err says which controller is missing. */
int cgroups_find(struct cgroups *cgroups, uint32_t world, struct err *err);
/* Removes all groups of the world, and kills what is in them. */
void cgroups_remove(const struct cgroups *cgroups);

/* Creates the instance's group, or sets the limits of the one that is there. Groups that its owner
 * makes within share these limits. */
int cgroup_create(const struct cgroups *cgroups, const char *instance,
                  const struct cgroup_limits *limits, struct err *err);
/* Of reads, and of writes; 0: no limit. */
struct cgroup_disk_limits {
    uint32_t operations; /* a second */
    uint32_t mib;        /* a second */
};

/* Limits what an instance reads from and writes to a block device, where the kernel has that. */
int cgroup_limit_disk(const struct cgroups *cgroups, const char *instance, dev_t device,
                      const struct cgroup_disk_limits *limits, struct err *err);
/* The version 2 group, for clone_process(); -1 if there is no version 2. */
int cgroup_open(const struct cgroups *cgroups, const char *instance);
/* Moves the calling process into the groups of version 1. */
int cgroup_join(const struct cgroups *cgroups, const char *instance, struct err *err);
int cgroup_read(const struct cgroups *cgroups, const char *instance,
                struct cgroup_usage *ret_usage);
/* Stops or continues all processes of the group; waits until they have stopped. */
int cgroup_freeze(const struct cgroups *cgroups, const char *instance, bool freeze,
                  struct err *err);
/* Kills what is left in the group and removes it. False while processes are still dying. */
bool cgroup_remove(const struct cgroups *cgroups, const char *instance);
