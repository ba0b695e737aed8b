/*
 * Volumes in instances: the files of a volume are at /mnt/<device> there. A root volume of another
 * instance shows the whole root file system that it was.
 */
#pragma once

#include "base/err.h"
#include "host/run/cgroup.h"
#include "ipc/message.h"

#include <stdbool.h>
#include <sys/types.h>

/* Where a volume's files come from, and whose ids they get. */
struct attach_source {
    const char *images_dir, *volumes_dir;
    const char *stage_dir; /* as in rootfs.h */
    const char *volume;
    int userns_fd;
    uint32_t root_id;
};

/*
 * A descriptor of a detached tree with the files of the volume, to be mounted in the instance. The
 * caller has a mount namespace of its own, private.
 */
int attach_open(const struct attach_source *source, struct err *err);
/* Mounts a tree at /mnt/<device>. In the instance's namespaces, as its root: with no right that the
 * instance does not have. */
int attach_here(int tree_fd, const char *device, struct err *err);

/* Limits what the instance does with a volume that is mounted. */
int attach_limit(const struct cgroups *cgroups, const char *instance, const char *volumes_dir,
                 const char *volume, const struct volume_limits *limits, struct err *err);

struct attach_job {
    struct attach_source source; /* but userns_fd, which is looked up */
    const struct cgroups *cgroups;
    const char *instance;
    struct volume_limits limits;
    pid_t pid;           /* of the instance's first process */
    uint64_t start_time; /* process_start_time() */
    char device[DEVICE_SIZE];
    bool force;
};

enum { ATTACH_BUSY = 2 };

/* For workers: these enter the instance and never come back out of it. An instance that has ended
 * needs neither. */
int attach_to_running(const struct attach_job *job, struct err *err);
/* 0, or ATTACH_BUSY when files are in use and it is not forced. */
int detach_from_running(const struct attach_job *job, struct err *err);

/* "sdf", "xvdba": what may be the name of a folder below /mnt. */
bool attach_is_device(const char device[DEVICE_SIZE]);
