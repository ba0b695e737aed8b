/* The one place where a process gives up its rights. */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/* User and group ids of the processes without rights; far from those that distributions hand out.
 */
enum { PRIVILEGE_UID_API = 64651, PRIVILEGE_UID_BALANCER = 64652, PRIVILEGE_UID_GUEST = 64653 };

struct privilege {
    uid_t uid;               /* 0: stays root, and loses all capabilities but `capabilities` */
    const char *root_dir;    /* chroot there; NULL: none */
    const int *capabilities; /* those that are kept; ends with -1 */
};

/*
 * Irrevocable: chroot, groups, user, capabilities, no_new_privs (for uid != 0), not dumpable,
 * core files off. Aborts nothing half-done: on failure the caller must exit.
 */
int privilege_drop(const struct privilege *privilege, struct err *err);
