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
 * None of it blocks the host. The stage works in a mount namespace of its own, so nothing shows on
 * the host and nothing needs to be unmounted. PID 1 is the host's child, and depends on the host
 * for nothing once it runs.
 */
#pragma once

#include "base/err.h"
#include "host/run/cgroup.h"
#include "ipc/message.h"

#include <linux/filter.h>

struct spawn {
    const struct message_instance_start *start;
    const struct message_authority *authority;
    const char *images_dir, *volumes_dir, *instance_dir;
    const char *stage_dir; /* empty, to mount on */
    const struct cgroups *cgroups;
    const struct sock_fprog *filter;
    int console_fd;
    /* PID 1 exists but waits: note it, and give its network namespace its interfaces. */
    int (*on_cloned)(void *owner, pid_t pid, int netns_fd, struct err *err);
    void *owner;
};

/* An instance on its way. */
struct spawn_progress {
    int sync_fd; /* readable when there is news; -1: none under way */
    int pidfd;   /* of PID 1, once there is one; else -1 */
    pid_t stage, pid;
};

/* Begins; then call spawn_advance() whenever `sync_fd` is readable. */
int spawn_begin(const struct spawn *spawn, struct spawn_progress *progress, struct err *err);
/*
 * 0: not there yet. 1: PID 1 has taken over; `pid` and `pidfd` are the caller's now.
 * < 0: it failed, and nothing is left of it.
 */
int spawn_advance(const struct spawn *spawn, struct spawn_progress *progress, struct err *err);
/* Ends what is under way; harmless when nothing is. */
void spawn_abort(struct spawn_progress *progress);
