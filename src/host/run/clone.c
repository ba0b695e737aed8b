#include "host/run/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

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
