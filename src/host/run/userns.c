#include "host/run/userns.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "host/run/kernel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int write_maps(pid_t pid, uint32_t base, struct err *err)
{
    static const char *const maps[] = {"uid_map", "gid_map"};
    char map[64];
    snprintf(map, sizeof map, "0 %u %d", base, USERNS_IDS);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, maps[i]);
        if (kernel_file_write(path, map, err) < 0)
            return -1;
    }
    return 0;
}

int userns_open(uint32_t base, struct err *err)
{
    /* A namespace is born with a process; this one only lives until we hold the namespace. */
    pid_t pid = clone_process(CLONE_NEWUSER, -1);
    if (pid < 0)
        return err_sys(err, errno, "create a user namespace");
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    int fd = -1;
    if (write_maps(pid, base, err) >= 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            err_sys(err, errno, "open %s", path);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}
