/* Whether this machine lets us do what the host must do. */
#include "base/cleanup.h"
#include "host/host.h"
#include "host/net/log_socket.h"
#include "host/run/cgroup.h"
#include "host/run/rootfs.h"
#include "host/run/userns.h"
#include "os/file.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    cap_value_t capability;
    const char *name;
} needed[] = {
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    {CAP_SETUID, "CAP_SETUID"},
    {CAP_SETGID, "CAP_SETGID"},
    {CAP_CHOWN, "CAP_CHOWN"},
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    {CAP_FOWNER, "CAP_FOWNER"},
    {CAP_FSETID, "CAP_FSETID"},
    {CAP_KILL, "CAP_KILL"},
    {CAP_MKNOD, "CAP_MKNOD"},
    {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
    {CAP_SETFCAP, "CAP_SETFCAP"},
    {CAP_SETPCAP, "CAP_SETPCAP"},
};

static int check_rights(struct err *err)
{
    if (geteuid() != 0)
        return err_set(err, "Pileus must be started by root, because it makes namespaces, mounts "
                            "and network links: use sudo");
    cap_t mine = cap_get_proc();
    int result = mine ? 0 : err_sys(err, errno, "look up capabilities");
    for (size_t i = 0; i < sizeof needed / sizeof *needed && result >= 0; i++) {
        cap_flag_value_t has = CAP_CLEAR;
        cap_get_flag(mine, needed[i].capability, CAP_EFFECTIVE, &has);
        if (has == CAP_CLEAR)
            result = err_set(err,
                             "root has no %s here: in a container, start it as a privileged "
                             "one",
                             needed[i].name);
    }
    cap_free(mine);
    return result;
}

static int check_overlay(struct err *err)
{
    auto_fd int fd = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fd >= 0)
        return 0;
    int number = errno;
    return err_sys(err, number,
                   number == ENODEV ? "the kernel has no overlay file system: load "
                                      "its module (modprobe overlay)"
                                    : "the overlay file system cannot be used");
}

static int check_ids(const char *data_dir, struct err *err)
{
    auto_fd int userns = userns_open(userns_base(0), err);
    if (userns < 0)
        return err_wrap(err, "the kernel gives no user namespace (see sysctl "
                             "user.max_user_namespaces)");
    if (file_make_dirs(data_dir, 0755, err) < 0)
        return -1;
    if (rootfs_can_map(data_dir, userns, err) < 0)
        return err_wrap(err, "the file system of the data folder cannot map ids: choose a folder "
                             "on ext4, xfs or btrfs with --data, and Linux 5.19 or newer");
    return 0;
}

static int check_nftables(struct err *err)
{
    auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    return fd < 0 ? err_sys(err, errno, "the kernel has no nftables (modprobe nf_tables)") : 0;
}

static int check_volumes(struct err *err)
{
    if (access("/usr/sbin/mkfs.ext4", X_OK) < 0)
        return err_set(err,
                       "there is no mkfs.ext4, which volumes are made with: install e2fsprogs");
    if (access("/dev/loop-control", R_OK | W_OK) < 0)
        return err_sys(err, errno, "there are no loop devices, which volumes are (modprobe loop)");
    return 0;
}

int host_check(const struct host_options *options, struct err *err)
{
    struct cgroups cgroups;
    if (check_rights(err) < 0 || check_overlay(err) < 0 || check_ids(options->data_dir, err) < 0 ||
        cgroups_find(&cgroups, options->world, err) < 0 || check_volumes(err) < 0)
        return -1;
    return check_nftables(err);
}

int host_check_packet_log(struct err *err)
{
    return log_socket_check(err);
}
