/*
 * From a START to a running PID 1, in three processes:
 *
 *     host                     stage (real root)                 PID 1 (root of the instance)
 *     cgroup, clone ---------> joins the cgroup
 *                              user namespace, layers, overlays
 *     <--- its pid ----------- clone into new namespaces ------> its mounts, root, devices
 *     plugs the network        exits
 *     ---- go -------------------------------------------------> gives up rights
 *     <--- ready ----------------------------------------------- runs init
 *
 * The stage works in a mount namespace of its own, so nothing shows on the host and nothing needs
 * to be unmounted. PID 1 is the host's child, and depends on the host for nothing once it runs.
 */
#pragma once

#include "base/err.h"
#include "host/run/cgroup.h"
#include "ipc/message.h"

#include <linux/filter.h>

struct spawn {
    const struct message_instance_start *start;
    const char *images_dir, *instance_dir;
    const char *stage_dir; /* empty, to mount on */
    const struct cgroups *cgroups;
    const struct sock_fprog *filter;
    int console_fd;
    /* Gives the network namespace its interfaces. */
    int (*plug)(void *owner, const struct message_instance_start *start, int netns_fd,
                struct err *err);
    void *owner;
};

/* Returns a pidfd of PID 1 once it has taken over. */
int spawn_instance(const struct spawn *spawn, pid_t *ret_pid, struct err *err);
