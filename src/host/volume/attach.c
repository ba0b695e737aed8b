#include "host/volume/attach.h"

#include "base/cleanup.h"
#include "host/run/rootfs.h"
#include "host/run/sandbox.h"
#include "host/volume/disk.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { PATH_SIZE = 512, POINT_SIZE = 32, STACKED_MAX = 64 };

bool attach_is_device(const char device[DEVICE_SIZE])
{
    size_t size = strnlen(device, DEVICE_SIZE);
    return size && size < DEVICE_SIZE &&
           strspn(device, "abcdefghijklmnopqrstuvwxyz0123456789") == size;
}

static const char *mount_point(char point[POINT_SIZE], const char *device)
{
    snprintf(point, POINT_SIZE, "/mnt/%s", device);
    return point;
}

static int map_ids(int tree, int userns_fd, struct err *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd};
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
        return err_sys(err, errno, "map the ids of a volume");
    return 0;
}

static int open_root(const struct rootfs *rootfs, struct err *err)
{
    struct rootfs_trees trees;
    if (rootfs_mount(rootfs, &trees, err) < 0)
        return -1;
    close(trees.containers_fd);
    return trees.root_fd;
}

int attach_open(const struct attach_source *source, struct err *err)
{
    char dir[PATH_SIZE], layers[LAYERS_MAX][ID_SIZE];
    struct rootfs rootfs = {.images_dir = source->images_dir,
                            .volumes_dir = source->volumes_dir,
                            .volume = source->volume,
                            .stage_dir = source->stage_dir,
                            .layers = layers,
                            .userns_fd = source->userns_fd,
                            .root_id = source->root_id};
    snprintf(dir, sizeof dir, "%s/%s", source->volumes_dir, source->volume);
    if (rootfs_noted_layers(dir, layers, &rootfs.layer_count) >= 0)
        return open_root(&rootfs, err);
    auto_fd int tree = disk_mount(source->volumes_dir, source->volume, err);
    if (tree < 0 || map_ids(tree, source->userns_fd, err) < 0)
        return -1;
    return fd_take(&tree);
}

int attach_here(int tree_fd, const char *device, struct err *err)
{
    char point[POINT_SIZE];
    struct stat wanted, there;
    mount_point(point, device);
    if ((mkdir("/mnt", 0755) < 0 && errno != EEXIST) || (mkdir(point, 0755) < 0 && errno != EEXIST))
        return err_sys(err, errno, "create %s", point);
    if (fstat(tree_fd, &wanted) >= 0 && stat(point, &there) >= 0 && wanted.st_dev == there.st_dev &&
        wanted.st_ino == there.st_ino)
        return 0; /* asked for twice */
    if (move_mount(tree_fd, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(err, errno, "mount at %s", point);
    return 0;
}

int attach_limit(const struct cgroups *cgroups, const char *instance, const char *volumes_dir,
                 const char *volume, const struct volume_limits *limits, struct err *err)
{
    dev_t device;
    struct cgroup_disk_limits disk = {limits->iops, limits->mib};
    if (!disk_device(volumes_dir, volume, &device))
        return err_set(err, "%s has no block device", volume);
    return cgroup_limit_disk(cgroups, instance, device, &disk, err);
}

/* ---- of what runs ---- */

static int enter(int pidfd, struct err *err)
{
    if (setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return err_sys(err, errno, "enter the instance");
    return sandbox_become_root(err);
}

static int open_userns(pid_t pid, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int userns = open(path, O_RDONLY | O_CLOEXEC);
    return userns < 0 ? err_sys(err, errno, "open %s", path) : userns;
}

int attach_to_running(const struct attach_job *job, struct err *err)
{
    struct attach_source source = job->source;
    auto_fd int pidfd = process_open(job->pid, job->start_time);
    if (pidfd < 0)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "make a mount namespace");
    auto_fd int userns = open_userns(job->pid, err);
    if (userns < 0)
        return -1;
    source.userns_fd = userns;
    auto_fd int tree = attach_open(&source, err);
    if (tree < 0 ||
        attach_limit(job->cgroups, job->instance, source.volumes_dir, source.volume, &job->limits,
                     err) < 0 ||
        enter(pidfd, err) < 0)
        return -1;
    return attach_here(tree, job->device, err);
}

/* 1: one mount less; 0: there is none; ATTACH_BUSY. A root file system has another one in it. */
static int unmount(const char *point, int flags)
{
    char usr[POINT_SIZE + 8];
    if (umount2(point, flags) >= 0)
        return 1;
    if (errno != EBUSY)
        return 0;
    snprintf(usr, sizeof usr, "%s/usr", point);
    return umount2(usr, flags) < 0 ? ATTACH_BUSY : 1;
}

int detach_from_running(const struct attach_job *job, struct err *err)
{
    char point[POINT_SIZE];
    int flags = UMOUNT_NOFOLLOW | (job->force ? MNT_DETACH : 0), result = 1;
    auto_fd int pidfd = process_open(job->pid, job->start_time);
    if (pidfd < 0)
        return 0;
    if (enter(pidfd, err) < 0)
        return -1;
    mount_point(point, job->device);
    /* Also what the instance mounted there itself; in the end nothing is. */
    for (int i = 0; i < STACKED_MAX && result == 1; i++)
        result = unmount(point, flags);
    return result == 1 ? err_set(err, "too much is mounted at %s", point) : result;
}
