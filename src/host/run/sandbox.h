/*
 * What PID 1 of an instance does before anything of the instance runs: it becomes root of its user
 * namespace, mounts what a machine has, leaves the host's file system behind for good, and gives up
 * what no instance may do. Runs in the new process, in its namespaces.
 */
#pragma once

#include "base/err.h"

#include <linux/filter.h>

struct sandbox {
    int root_fd;       /* detached tree of the root file system */
    int containers_fd; /* one that belongs at /var/lib/containers */
    const char *host_name;
    const struct sock_fprog *filter; /* of system calls */
};

/* In an instance's user namespace: becomes its root, whom none of its processes can look into. */
int sandbox_become_root(struct err *err);
int sandbox_enter(const struct sandbox *sandbox, struct err *err);
/* The last step: capabilities, limits and system calls. No new right is needed after it. */
int sandbox_confine(const struct sandbox *sandbox, struct err *err);
