#include "host/run/spawn.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "host/run/init.h"
#include "host/run/rootfs.h"
#include "host/run/sandbox.h"
#include "host/run/userns.h"
#include "os/title.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
    SYNC_FD = 3,
    CONSOLE_FD = 4,
    FIRST_CLOSED_FD = 5,
    STEP_TIMEOUT_S = 20,
    PROCESSES_MAX = 4096
};

/* What the new processes tell the host. */
enum spawn_step { SPAWN_CLONED = 1, SPAWN_READY, SPAWN_FAILED };

struct spawn_report {
    enum spawn_step step;
    pid_t pid;
    struct err err;
};

/* ---- in the new processes ---- */

static _Noreturn void fail(const struct err *cause)
{
    struct spawn_report report = {SPAWN_FAILED, 0, *cause};
    send(SYNC_FD, &report, sizeof report, MSG_NOSIGNAL);
    _exit(1);
}

static int tell(enum spawn_step step, pid_t pid, struct err *err)
{
    struct spawn_report report = {.step = step, .pid = pid};
    if (send(SYNC_FD, &report, sizeof report, MSG_NOSIGNAL) < 0)
        return err_sys(err, errno, "tell the host");
    return 0;
}

/* Leaves only the two descriptors that are needed: none of the host's may reach an instance. */
static int keep_descriptors(int sync_fd, int console_fd, struct err *err)
{
    auto_fd int sync = fcntl(sync_fd, F_DUPFD_CLOEXEC, FIRST_CLOSED_FD);
    auto_fd int console = fcntl(console_fd, F_DUPFD_CLOEXEC, FIRST_CLOSED_FD);
    auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (sync < 0 || console < 0 || null < 0)
        return err_sys(err, errno, "keep descriptors");
    for (int fd = 0; fd < SYNC_FD; fd++)
        dup2(null, fd);
    if (dup3(sync, SYNC_FD, O_CLOEXEC) < 0 || dup3(console, CONSOLE_FD, O_CLOEXEC) < 0)
        return err_sys(err, errno, "keep descriptors");
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_first_process(const struct spawn *spawn, int root_fd)
{
    struct err err;
    const struct message_instance_start *start = spawn->start;
    struct sandbox sandbox = {root_fd, start->host_name, spawn->filter};
    char go;
    setsid();
    if (sandbox_enter(&sandbox, &err) < 0)
        fail(&err);
    close(root_fd);
    if (recv(SYNC_FD, &go, 1, 0) != 1)
        _exit(1); /* the host gave up, or is gone */
    if (sandbox_confine(&sandbox, &err) < 0 || tell(SPAWN_READY, 0, &err) < 0)
        fail(&err);
    close(SYNC_FD);
    init_run(&(struct boot){start->instance, start->host_name, start->address}, CONSOLE_FD);
}

static int mount_root(const struct spawn *spawn, int userns_fd, struct err *err)
{
    const struct message_instance_start *start = spawn->start;
    struct rootfs rootfs = {.images_dir = spawn->images_dir,
                            .instance_dir = spawn->instance_dir,
                            .stage_dir = spawn->stage_dir,
                            .layer_count = start->layer_count,
                            .userns_fd = userns_fd,
                            .root_id = userns_base(start->slot)};
    for (uint32_t i = 0; i < start->layer_count; i++)
        rootfs.layers[i] = start->layers[i];
    return rootfs_mount(&rootfs, err);
}

static int run_stage(const struct spawn *spawn, struct err *err)
{
    if (cgroup_join(spawn->cgroups, spawn->start->instance, err) < 0)
        return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "make mounts private");
    int userns_fd = userns_open(userns_base(spawn->start->slot), err);
    if (userns_fd < 0)
        return -1;
    int root_fd = mount_root(spawn, userns_fd, err);
    if (root_fd < 0)
        return -1;
    if (setns(userns_fd, CLONE_NEWUSER) < 0)
        return err_sys(err, errno, "enter the user namespace");
    close(userns_fd);
    pid_t pid = clone_process(CLONE_PARENT | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                  CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
                              -1);
    if (pid < 0)
        return err_sys(err, errno, "create the namespaces");
    if (!pid)
        run_first_process(spawn, root_fd);
    return tell(SPAWN_CLONED, pid, err);
}

static _Noreturn void stage_main(const struct spawn *spawn, int sync_fd)
{
    struct err err;
    title_set("pileus: init");
    __fpurge(stdout); /* what the host had not written yet is not the instance's */
    reset_signals();
    if (keep_descriptors(sync_fd, spawn->console_fd, &err) < 0)
        _exit(1);
    close_range(FIRST_CLOSED_FD, ~0U, 0);
    if (run_stage(spawn, &err) < 0)
        fail(&err);
    _exit(0);
}

/* ---- in the host ---- */

static int wait_for(int sync_fd, enum spawn_step step, pid_t *ret_pid, struct err *err)
{
    struct spawn_report report;
    ssize_t got = recv(sync_fd, &report, sizeof report, 0);
    if (got < 0)
        return err_sys(err, errno, "wait for the new instance");
    if (got != sizeof report)
        return err_set(err, "the new instance's first process was killed as it started");
    if (report.step == SPAWN_FAILED) {
        *err = report.err;
        return -1;
    }
    if (report.step != step)
        return err_set(err, "the new instance's first process did step %d instead of %d",
                       report.step, step);
    if (ret_pid)
        *ret_pid = report.pid;
    return 0;
}

static int plug_network(const struct spawn *spawn, pid_t pid, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    auto_fd int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        return err_sys(err, errno, "open %s", path);
    return spawn->plug(spawn->owner, spawn->start, netns, err);
}

static int connect_and_go(const struct spawn *spawn, int sync_fd, pid_t pid, struct err *err)
{
    if (plug_network(spawn, pid, err) < 0)
        return -1;
    if (send(sync_fd, "g", 1, MSG_NOSIGNAL) < 0)
        return err_sys(err, errno, "let the instance start");
    return wait_for(sync_fd, SPAWN_READY, NULL, err);
}

static int follow(const struct spawn *spawn, int sync_fd, pid_t *ret_pid, struct err *err)
{
    if (wait_for(sync_fd, SPAWN_CLONED, ret_pid, err) < 0)
        return -1;
    auto_fd int pidfd = pidfd_open(*ret_pid, 0);
    if (pidfd < 0)
        return err_sys(err, errno, "open process %d", *ret_pid);
    if (connect_and_go(spawn, sync_fd, *ret_pid, err) < 0) {
        kill(*ret_pid, SIGKILL);
        waitpid(*ret_pid, NULL, 0);
        return -1;
    }
    return fd_take(&pidfd);
}

int spawn_instance(const struct spawn *spawn, pid_t *ret_pid, struct err *err)
{
    struct cgroup_limits limits = {spawn->start->cpu_thousandths, spawn->start->memory_mib,
                                   PROCESSES_MAX};
    if (cgroup_create(spawn->cgroups, spawn->start->instance, &limits, err) < 0)
        return -1;
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return err_sys(err, errno, "socketpair");
    auto_fd int mine = sockets[0], theirs = sockets[1];
    struct timeval timeout = {.tv_sec = STEP_TIMEOUT_S};
    setsockopt(mine, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    auto_fd int cgroup = cgroup_open(spawn->cgroups, spawn->start->instance);
    pid_t stage = clone_process(CLONE_NEWNS, cgroup);
    if (stage < 0)
        return err_sys(err, errno, "create a mount namespace");
    if (!stage)
        stage_main(spawn, theirs);
    close(fd_take(&theirs));
    int pidfd = follow(spawn, mine, ret_pid, err);
    if (pidfd < 0)
        kill(stage, SIGKILL);
    waitpid(stage, NULL, 0);
    return pidfd;
}
