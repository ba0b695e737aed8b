/* clone3(2) without a stack of its own: fork with namespaces. Only for single-threaded processes.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* As fork(): 0 in the child, -1 and errno on failure. `cgroup_fd`: a version 2 cgroup to be born
 * in, which is much faster than to move there later; -1: the caller's. */
pid_t clone_process(uint64_t flags, int cgroup_fd);

/*
 * Makes the root of the mount namespace the root folder again. The daemon may live in a chroot, and
 * the kernel gives a process in a chroot neither user namespaces nor a new root.
 */
int leave_chroot(struct err *err);
