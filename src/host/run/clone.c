#include "host/run/clone.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

pid_t clone_process(uint64_t flags, int cgroup_fd)
{
    struct clone_args args = {
        .flags = flags | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
        /* With CLONE_PARENT the kernel takes the caller's own. */
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

int leave_chroot(struct err *err)
{
    auto_fd int self = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (self < 0 || setns(self, CLONE_NEWNS) < 0)
        return err_sys(err, errno, "enter the root of the mount namespace");
    return 0;
}
