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

/* A namespace is born with a process; this one lives until we hold the namespace. */
static _Noreturn void be_member(int answer_fd)
{
    struct err err = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (leave_chroot(&err) >= 0 && unshare(CLONE_NEWUSER) < 0)
        err_sys(&err, errno, "create a user namespace");
    if (write(answer_fd, &err, sizeof err) < 0)
        _exit(1);
    for (;;)
        pause();
}

static int open_of_member(pid_t pid, int answer_fd, uint32_t base, struct err *err)
{
    char path[64];
    struct err answer;
    if (read(answer_fd, &answer, sizeof answer) != sizeof answer)
        return err_set(err, "the first process of a user namespace was killed");
    if (answer.text[0]) {
        *err = answer;
        return -1;
    }
    if (write_maps(pid, base, err) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "open %s", path) : fd;
}

int userns_open(uint32_t base, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    auto_fd int read_end = ends[0], write_end = ends[1];
    pid_t pid = clone_process(0, -1);
    if (pid < 0)
        return err_sys(err, errno, "fork");
    if (!pid)
        be_member(write_end);
    close(fd_take(&write_end));
    int fd = open_of_member(pid, read_end, base, err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}
