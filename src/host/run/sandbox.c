#include "host/run/sandbox.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *const device_names[] = {"null", "zero", "full", "random", "urandom", "tty"};

enum { DEVICE_COUNT = sizeof device_names / sizeof *device_names };

/*
 * Of a whole new machine, in this order. /proc needs no masks: what is secret or may be written
 * there belongs to a root that the instance's root is not (test/e2e/test_escapes.py). A mask would
 * be its own to take away, or else keep containers in the instance from having a /proc.
 */
static const struct machine_mount {
    const char *target, *type;
    unsigned long flags;
    const char *options;
} machine_mounts[] = {
    {"proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL},
    {"sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=1m"},
    {"dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
    {"dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    {"run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"},
    {"tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
};

static const struct {
    const char *name, *target;
} device_links[] = {
    {"dev/fd", "/proc/self/fd"},       {"dev/stdin", "/proc/self/fd/0"},
    {"dev/stdout", "/proc/self/fd/1"}, {"dev/stderr", "/proc/self/fd/2"},
    {"dev/ptmx", "pts/ptmx"},
};

/* As root of a machine has, without what reaches beyond the instance (time, modules, raw I/O ...).
 */
static const int kept_capabilities[] = {
    CAP_CHOWN,          CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_FSETID,           CAP_KILL,
    CAP_SETGID,         CAP_SETUID,       CAP_SETPCAP,  CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST,
    CAP_NET_ADMIN,      CAP_NET_RAW,      CAP_IPC_LOCK, CAP_IPC_OWNER,        CAP_SYS_CHROOT,
    CAP_SYS_PTRACE,     CAP_SYS_ADMIN,    CAP_SYS_BOOT, CAP_SYS_NICE,         CAP_SYS_RESOURCE,
    CAP_SYS_TTY_CONFIG, CAP_MKNOD,        CAP_LEASE,    CAP_AUDIT_WRITE,      CAP_SETFCAP,
};

static const struct {
    int resource;
    rlim_t limit;
} resource_limits[] = {
    {RLIMIT_NOFILE, 65536},
    /* 1, not 0: the kernel then runs no core-dump program on the host either */
    {RLIMIT_CORE, 1},
};

int sandbox_become_root(struct err *err)
{
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(err, errno, "become root of the instance");
    /* A copy of the host's memory is in this process: nobody may read it. */
    prctl(PR_SET_DUMPABLE, 0);
    return 0;
}

static int mount_machine(struct err *err)
{
    for (size_t i = 0; i < sizeof machine_mounts / sizeof *machine_mounts; i++) {
        const struct machine_mount *row = &machine_mounts[i];
        if (!strncmp(row->target, "dev/", 4) && mkdir(row->target, 0755) < 0 && errno != EEXIST)
            return err_sys(err, errno, "create /%s", row->target);
        if (mount(row->type, row->target, row->type, row->flags, row->options) < 0)
            return err_sys(err, errno, "mount %s at /%s", row->type, row->target);
    }
    return 0;
}

static int add_devices(const int trees[DEVICE_COUNT], struct err *err)
{
    for (int i = 0; i < DEVICE_COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "dev/%s", device_names[i]);
        auto_fd int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
        if (file < 0 || move_mount(trees[i], "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
            return err_sys(err, errno, "create /%s", path);
        close(trees[i]);
    }
    for (size_t i = 0; i < sizeof device_links / sizeof *device_links; i++)
        if (symlink(device_links[i].target, device_links[i].name) < 0)
            return err_sys(err, errno, "create /%s", device_links[i].name);
    return 0;
}

static int clone_devices(int trees[DEVICE_COUNT], struct err *err)
{
    for (int i = 0; i < DEVICE_COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/%s", device_names[i]);
        trees[i] = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (trees[i] < 0)
            return err_sys(err, errno, "open_tree %s", path);
    }
    return 0;
}

/* From here on no path leads to the host's files. */
static int change_root(struct err *err)
{
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(err, errno, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_sys(err, errno, "leave the host's file system");
    return 0;
}

/* The root file system is the tenant's now: where there is no such folder, and none can be made,
 * container engines have no place, and the instance boots all the same. */
static void attach_containers(const struct sandbox *sandbox)
{
    static const char dir[] = "/var/lib/containers";
    struct err ignored;
    if (file_make_dirs(dir, 0755, &ignored) >= 0)
        move_mount(sandbox->containers_fd, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH);
}

static int raise_loopback(struct err *err)
{
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return err_sys(err, errno, "bring lo up");
    return 0;
}

int sandbox_enter(const struct sandbox *sandbox, struct err *err)
{
    int devices[DEVICE_COUNT];
    umask(0);
    if (sandbox_become_root(err) < 0 || clone_devices(devices, err) < 0 || leave_chroot(err) < 0)
        return -1;
    /* Any folder that every machine has will do: it only holds the new root for a moment. */
    if (move_mount(sandbox->root_fd, "", AT_FDCWD, "/sys", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
        chdir("/sys") < 0)
        return err_sys(err, errno, "attach the root file system");
    if (mount_machine(err) < 0 || add_devices(devices, err) < 0 || change_root(err) < 0 ||
        raise_loopback(err) < 0)
        return -1;
    attach_containers(sandbox);
    umask(022);
    if (sethostname(sandbox->host_name, strlen(sandbox->host_name)) < 0)
        return err_sys(err, errno, "set the host name");
    return 0;
}

static int keep_capabilities(struct err *err)
{
    size_t count = sizeof kept_capabilities / sizeof *kept_capabilities;
    cap_t kept = cap_init();
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        cap_value_t value = kept_capabilities[i];
        cap_set_flag(kept, CAP_PERMITTED, 1, &value, CAP_SET);
        cap_set_flag(kept, CAP_EFFECTIVE, 1, &value, CAP_SET);
    }
    for (cap_value_t value = 0; value < cap_max_bits() && result >= 0; value++) {
        cap_flag_value_t keep = CAP_CLEAR;
        cap_get_flag(kept, value, CAP_PERMITTED, &keep);
        if (keep == CAP_CLEAR && cap_drop_bound(value) < 0)
            result = err_sys(err, errno, "drop capability %d", value);
    }
    if (result >= 0 && cap_set_proc(kept) < 0)
        result = err_sys(err, errno, "set capabilities");
    cap_free(kept);
    return result;
}

static int limit_resources(struct err *err)
{
    for (size_t i = 0; i < sizeof resource_limits / sizeof *resource_limits; i++) {
        struct rlimit now;
        rlim_t limit = resource_limits[i].limit;
        if (!getrlimit(resource_limits[i].resource, &now) && now.rlim_max < limit)
            limit = now.rlim_max;
        struct rlimit next = {limit, limit};
        if (setrlimit(resource_limits[i].resource, &next) < 0)
            return err_sys(err, errno, "set resource limit %d", resource_limits[i].resource);
    }
    return 0;
}

int sandbox_confine(const struct sandbox *sandbox, struct err *err)
{
    if (limit_resources(err) < 0 || keep_capabilities(err) < 0)
        return -1;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, sandbox->filter) < 0)
        return err_sys(err, errno, "install the filter of system calls");
    return 0;
}
