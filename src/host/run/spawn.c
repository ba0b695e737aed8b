#include "host/run/spawn.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "host/run/init.h"
#include "host/run/rootfs.h"
#include "host/run/sandbox.h"
#include "host/run/userns.h"
#include "host/volume/attach.h"
#include "host/volume/disk.h"
#include "os/title.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
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

/* A volume that cannot be mounted, say because the root volume is full, keeps nobody from booting.
 */
static void attach_volumes(const struct message_instance_start *start, const int *trees)
{
    struct err err;
    for (uint32_t i = 0; i < start->volume_count; i++) {
        if (attach_here(trees[i], start->volumes[i].device, &err) < 0)
            dprintf(CONSOLE_FD, "volume %s: %s\r\n", start->volumes[i].volume, err.text);
        close(trees[i]);
    }
}

static _Noreturn void run_first_process(const struct spawn *spawn, const struct rootfs_trees *trees,
                                        const int *volumes)
{
    struct err err;
    const struct message_instance_start *start = spawn->start;
    struct sandbox sandbox = {trees->root_fd, trees->containers_fd, start->host_name,
                              spawn->filter};
    char go;
    setsid();
    if (sandbox_enter(&sandbox, &err) < 0)
        fail(&err);
    close(trees->root_fd);
    close(trees->containers_fd);
    attach_volumes(start, volumes);
    if (recv(SYNC_FD, &go, 1, 0) != 1)
        _exit(1); /* the host gave up, or is gone */
    if (sandbox_confine(&sandbox, &err) < 0 || tell(SPAWN_READY, 0, &err) < 0)
        fail(&err);
    close(SYNC_FD);
    bool of_host = !strcmp(start->layers[0], "host");
    init_run(&(struct boot){start->instance, start->host_name, start->address, of_host,
                            &start->dhcp, spawn->authority},
             CONSOLE_FD);
}

static int mount_root(const struct spawn *spawn, int userns_fd, struct rootfs_trees *ret_trees,
                      struct err *err)
{
    const struct message_instance_start *start = spawn->start;
    bool plain = !start->root_volume[0];
    char volume_dir[512];
    struct rootfs rootfs = {.images_dir = spawn->images_dir,
                            .private_dir = plain ? spawn->instance_dir : NULL,
                            .volumes_dir = spawn->volumes_dir,
                            .volume = start->root_volume,
                            .stage_dir = spawn->stage_dir,
                            .layers = start->layers,
                            .layer_count = start->layer_count,
                            .userns_fd = userns_fd,
                            .root_id = userns_base(start->slot)};
    snprintf(volume_dir, sizeof volume_dir, "%s/%s", spawn->volumes_dir, start->root_volume);
    if (!plain && (disk_make(spawn->volumes_dir, start->root_volume, start->root_gib, err) < 0 ||
                   rootfs_note_layers(volume_dir, start->layers, start->layer_count, err) < 0))
        return -1;
    return rootfs_mount(&rootfs, ret_trees, err);
}

static int open_volumes(const struct spawn *spawn, int userns_fd, int *trees, struct err *err)
{
    const struct message_instance_start *start = spawn->start;
    for (uint32_t i = 0; i < start->volume_count; i++) {
        struct attach_source source = {.images_dir = spawn->images_dir,
                                       .volumes_dir = spawn->volumes_dir,
                                       .stage_dir = spawn->stage_dir,
                                       .volume = start->volumes[i].volume,
                                       .userns_fd = userns_fd,
                                       .root_id = userns_base(start->slot)};
        trees[i] = attach_open(&source, err);
        if (trees[i] < 0)
            return err_wrap(err, "volume");
    }
    return 0;
}

static int limit_volume(const struct spawn *spawn, const char *volume,
                        const struct volume_limits *limits, struct err *err)
{
    return attach_limit(spawn->cgroups, spawn->start->instance, spawn->volumes_dir, volume, limits,
                        err);
}

static int limit_volumes(const struct spawn *spawn, struct err *err)
{
    const struct message_instance_start *start = spawn->start;
    if (start->root_volume[0] &&
        limit_volume(spawn, start->root_volume, &start->root_limits, err) < 0)
        return -1;
    for (uint32_t i = 0; i < start->volume_count; i++)
        if (limit_volume(spawn, start->volumes[i].volume, &start->volumes[i].limits, err) < 0)
            return -1;
    return 0;
}

static int run_stage(const struct spawn *spawn, struct err *err)
{
    int volumes[VOLUMES_MAX] = {0};
    if (cgroup_join(spawn->cgroups, spawn->start->instance, err) < 0)
        return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "make mounts private");
    int userns_fd = userns_open(userns_base(spawn->start->slot), err);
    if (userns_fd < 0)
        return -1;
    struct rootfs_trees trees;
    if (mount_root(spawn, userns_fd, &trees, err) < 0 ||
        open_volumes(spawn, userns_fd, volumes, err) < 0 || limit_volumes(spawn, err) < 0)
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
        run_first_process(spawn, &trees, volumes);
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

static int tell_owner(const struct spawn *spawn, pid_t pid, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    auto_fd int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        return err_sys(err, errno, "open %s", path);
    return spawn->on_cloned(spawn->owner, pid, netns, err);
}

static int on_cloned(const struct spawn *spawn, struct spawn_progress *progress, pid_t pid,
                     struct err *err)
{
    if (progress->pid)
        return err_set(err, "the new instance was created twice");
    progress->pid = pid;
    progress->pidfd = pidfd_open(pid, 0);
    if (progress->pidfd < 0)
        return err_sys(err, errno, "open process %d", pid);
    if (tell_owner(spawn, pid, err) < 0)
        return -1;
    if (send(progress->sync_fd, "g", 1, MSG_NOSIGNAL) < 0)
        return err_sys(err, errno, "let the instance start");
    return 0;
}

static int take_report(const struct spawn *spawn, struct spawn_progress *progress, struct err *err)
{
    struct spawn_report report;
    ssize_t got = recv(progress->sync_fd, &report, sizeof report, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN ? 0 : err_sys(err, errno, "hear from the new instance");
    if (got != sizeof report)
        return err_set(err, "the new instance's first process was killed as it started");
    if (report.step == SPAWN_CLONED)
        return on_cloned(spawn, progress, report.pid, err);
    if (report.step == SPAWN_READY && progress->pid)
        return 1;
    *err = report.err;
    return -1;
}

int spawn_begin(const struct spawn *spawn, struct spawn_progress *progress, struct err *err)
{
    struct cgroup_limits limits = {spawn->start->cpu_thousandths, spawn->start->memory_mib,
                                   PROCESSES_MAX, userns_base(spawn->start->slot)};
    int sockets[2];
    *progress = (struct spawn_progress){.sync_fd = -1, .pidfd = -1};
    if (cgroup_create(spawn->cgroups, spawn->start->instance, &limits, err) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return err_sys(err, errno, "socketpair");
    auto_fd int mine = sockets[0], theirs = sockets[1];
    auto_fd int cgroup = cgroup_open(spawn->cgroups, spawn->start->instance);
    progress->stage = clone_process(CLONE_NEWNS, cgroup);
    if (progress->stage < 0)
        return err_sys(err, errno, "create a mount namespace");
    if (!progress->stage)
        stage_main(spawn, theirs);
    progress->sync_fd = fd_take(&mine);
    return 0;
}

int spawn_advance(const struct spawn *spawn, struct spawn_progress *progress, struct err *err)
{
    int result = take_report(spawn, progress, err);
    if (result < 0)
        spawn_abort(progress);
    if (result > 0) {
        close(fd_take(&progress->sync_fd));
        waitpid(progress->stage, NULL, 0); /* it ended before PID 1 was allowed to go on */
    }
    return result;
}

static void end_process(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void spawn_abort(struct spawn_progress *progress)
{
    if (progress->sync_fd < 0)
        return;
    end_process(progress->stage);
    end_process(progress->pid);
    if (progress->pidfd >= 0)
        close(progress->pidfd);
    close(progress->sync_fd);
    *progress = (struct spawn_progress){.sync_fd = -1, .pidfd = -1};
}
