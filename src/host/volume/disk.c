#include "host/volume/disk.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "host/run/kernel_file.h"
#include "host/run/plain_file.h"
#include "host/volume/loop_device.h"
#include "host/volume/metadata.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXT4_GROW _IOW('f', 16, uint64_t) /* EXT4_IOC_RESIZE_FS: the number of blocks */

enum { PATH_SIZE = 512, BLOCKS_PER_GIB = 1 << 18 /* of 4 KiB */ };

/* What the machine keeps for itself: a 50th of its disk, but not more than this. */
static const uint64_t reserve_max_bytes = 1ULL << 30;
const uint64_t disk_plenty_bytes = 32ULL << 30;
enum { RESERVE_PART = 50 };

struct disk_paths {
    char dir[PATH_SIZE], image[PATH_SIZE], note[PATH_SIZE];
};

static struct disk_paths paths_of(const char *volumes_dir, const char *volume)
{
    struct disk_paths paths;
    snprintf(paths.dir, PATH_SIZE, "%s/%s", volumes_dir, volume);
    snprintf(paths.image, PATH_SIZE, "%s/%s/image", volumes_dir, volume);
    snprintf(paths.note, PATH_SIZE, "%s/%s/loop", volumes_dir, volume);
    return paths;
}

static const char *template_path(char path[PATH_SIZE], const char *volumes_dir, uint32_t gib)
{
    snprintf(path, PATH_SIZE, "%s/.template-%u", volumes_dir, gib);
    return path;
}

uint64_t disk_room(const char *dir)
{
    struct statvfs info;
    if (statvfs(dir, &info) < 0)
        return 0;
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    uint64_t reserve = (uint64_t)info.f_blocks * info.f_frsize / RESERVE_PART;
    if (reserve > reserve_max_bytes)
        reserve = reserve_max_bytes;
    return free_bytes > reserve ? free_bytes - reserve : 0;
}

int disk_check_room(const char *dir, struct err *err)
{
    return disk_room(dir) ? 0 : err_set(err, "the disk of the machine is full");
}

/* ---- mounting ---- */

static int mount_device(const char *device, struct err *err)
{
    auto_fd int context = fsopen("ext4", FSOPEN_CLOEXEC);
    if (context < 0)
        return err_sys(err, errno, "the kernel has no ext4");
    if (fsconfig(context, FSCONFIG_SET_STRING, "source", device, 0) < 0 ||
        /* What is deleted is a hole in the image again. */
        fsconfig(context, FSCONFIG_SET_FLAG, "discard", NULL, 0) < 0 ||
        fsconfig(context, FSCONFIG_SET_FLAG, "noinit_itable", NULL, 0) < 0 ||
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(err, errno, "mount %s", device);
    int mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
    return mount < 0 ? err_sys(err, errno, "mount %s", device) : mount;
}

/* ---- making ---- */

/* Runs a program of e2fsprogs to its end; `arguments` begin with its name. */
static _Noreturn void become_tool(char *const arguments[])
{
    static char *const environment[] = {NULL};
    char path[64];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    snprintf(path, sizeof path, "/usr/sbin/%s", arguments[0]);
    execve(path, arguments, environment);
    _exit(127);
}

static int run_tool(char *const arguments[], struct err *err)
{
    int status;
    pid_t pid = clone_process(0, -1);
    if (pid < 0)
        return err_sys(err, errno, "fork");
    if (!pid)
        become_tool(arguments);
    if (waitpid(pid, &status, 0) < 0)
        return err_sys(err, errno, "wait for %s", arguments[0]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(err, "%s failed (status %d): is the package e2fsprogs installed?",
                       arguments[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 0;
}

static int format(const char *path, uint32_t gib, struct err *err)
{
    /* Everything that is zero stays a hole: nothing is written ahead. */
    static char extended[] = "nodiscard,lazy_itable_init=1,lazy_journal_init=1,"
                             "assume_storage_prezeroed=1,packed_meta_blocks=1,root_owner=0:0";
    char *const arguments[] = {(char[]){"mkfs.ext4"},
                               (char[]){"-qF"},
                               (char[]){"-b4096"},
                               (char[]){"-m0"},
                               (char[]){"-Jsize=16"},
                               (char[]){"-E"},
                               extended,
                               (char *)(uintptr_t)path,
                               NULL};
    auto_fd int file = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)gib << 30) < 0)
        return err_sys(err, errno, "create %s", path);
    return run_tool(arguments, err);
}

int disk_make_template(const char *volumes_dir, uint32_t gib, struct err *err)
{
    char path[PATH_SIZE], part[PATH_SIZE];
    if (!access(template_path(path, volumes_dir, gib), F_OK))
        return 0;
    snprintf(part, sizeof part, "%s/.part-template-%u-%d", volumes_dir, gib, getpid());
    if (format(part, gib, err) < 0) {
        unlink(part);
        return -1;
    }
    return rename(part, path) < 0 ? err_sys(err, errno, "rename %s", part) : 0;
}

/* Only what is not a hole: a few hundred KiB. */
static int copy_extents(int from, int to, struct err *err)
{
    for (off_t at = 0, end;; at = end) {
        off_t out = lseek(from, at, SEEK_DATA);
        if (out < 0)
            return errno == ENXIO ? 0 : err_sys(err, errno, "read a template");
        off_t in = out;
        end = lseek(from, out, SEEK_HOLE);
        while (in < end) {
            ssize_t copied = copy_file_range(from, &in, to, &out, (size_t)(end - in), 0);
            if (copied <= 0)
                return err_sys(err, copied ? errno : EIO, "copy a template");
        }
    }
}

static int copy_template(const char *volumes_dir, uint32_t gib, const char *to_path,
                         struct err *err)
{
    char path[PATH_SIZE];
    if (disk_make_template(volumes_dir, gib, err) < 0)
        return -1;
    auto_fd int from = open(template_path(path, volumes_dir, gib), O_RDONLY | O_CLOEXEC);
    auto_fd int to = open(to_path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (from < 0 || to < 0 || ftruncate(to, (off_t)gib << 30) < 0)
        return err_sys(err, errno, "create %s", to_path);
    return copy_extents(from, to, err) < 0 ? -1 : metadata_reserve_journal(to, err);
}

static int create(const char *volumes_dir, const struct disk_paths *paths, uint32_t gib,
                  struct err *err)
{
    char part[PATH_SIZE];
    snprintf(part, sizeof part, "%.*s.part", PATH_SIZE - 8, paths->image);
    if (disk_check_room(volumes_dir, err) < 0 || file_make_dirs(paths->dir, 0700, err) < 0 ||
        copy_template(volumes_dir, gib, part, err) < 0)
        return -1;
    return rename(part, paths->image) < 0 ? err_sys(err, errno, "rename %s", part) : 0;
}

/* ---- growing ---- */

/* The size is noted once the file system has it: a growth that was interrupted is repeated. */
static int note_size(const struct disk_paths *paths, uint32_t gib, struct err *err)
{
    char path[PATH_SIZE], text[16];
    snprintf(path, sizeof path, "%.*s/gib", PATH_SIZE - 8, paths->dir);
    int size = snprintf(text, sizeof text, "%u", gib);
    return plain_file_write(path, text, (size_t)size, 0600, err);
}

static uint32_t noted_size(const struct disk_paths *paths)
{
    struct err ignored;
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/gib", PATH_SIZE - 8, paths->dir);
    auto_free char *text = file_read(path, 16, &size, &ignored);
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* The file system fills its image; nothing has it mounted. */
static int grow_at_rest(const struct disk_paths *paths, struct err *err)
{
    char *const arguments[] = {(char[]){"resize2fs"}, (char[]){"-f"},
                               (char *)(uintptr_t)paths->image, NULL};
    return run_tool(arguments, err);
}

/* 1: it has grown; 0: it cannot while it is mounted. */
static int grow_live(int device, const char *name, uint32_t gib, struct err *err)
{
    uint64_t blocks = (uint64_t)gib * BLOCKS_PER_GIB;
    if (ioctl(device, LOOP_SET_CAPACITY, 0) < 0)
        return err_sys(err, errno, "grow %s", name);
    auto_fd int mount = mount_device(name, err);
    if (mount < 0)
        return -1;
    auto_fd int root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0 && ioctl(root, EXT4_GROW, &blocks) >= 0)
        return 1;
    return errno == EPERM ? 0 : err_sys(err, errno, "grow the file system of %s", name);
}

static int grow(const struct disk_paths *paths, uint32_t gib, struct err *err)
{
    char name[LOOP_NAME_SIZE];
    auto_fd int note = loop_note_lock(paths->note, err);
    if (note < 0)
        return -1;
    if (truncate(paths->image, (off_t)gib << 30) < 0)
        return err_sys(err, errno, "grow %s", paths->image);
    auto_fd int device = loop_device_find(paths->image, note, name);
    int grown = device < 0 ? grow_at_rest(paths, err) : grow_live(device, name, gib, err);
    if (grown < 0)
        return -1;
    return device < 0 || grown ? note_size(paths, gib, err) : 0;
}

/* What it could not do while it was mounted, if it can now. */
static void catch_up(const struct disk_paths *paths)
{
    struct err ignored;
    struct stat image;
    uint32_t gib = noted_size(paths);
    if (stat(paths->image, &image) < 0 || !gib || image.st_size >> 30 <= gib)
        return;
    if (grow_at_rest(paths, &ignored) >= 0)
        note_size(paths, (uint32_t)(image.st_size >> 30), &ignored);
}

int disk_make(const char *volumes_dir, const char *volume, uint32_t gib, struct err *err)
{
    struct disk_paths paths = paths_of(volumes_dir, volume);
    if (!gib || gib > VOLUME_GIB_MAX)
        return err_set(err, "a volume cannot have %u GiB", gib);
    if (access(paths.image, F_OK) < 0) {
        if (create(volumes_dir, &paths, gib, err) < 0)
            return -1;
        return note_size(&paths, gib, err);
    }
    return noted_size(&paths) >= gib ? 0 : grow(&paths, gib, err);
}

/* A mount of the volume, for whoever looks at it or uses it. */
static int mount_volume(const char *volumes_dir, const char *volume, struct err *err)
{
    char name[LOOP_NAME_SIZE];
    struct disk_paths paths = paths_of(volumes_dir, volume);
    auto_fd int note = loop_note_lock(paths.note, err);
    if (note < 0)
        return -1;
    auto_fd int device = loop_device_find(paths.image, note, name);
    if (device < 0) {
        catch_up(&paths);
        device = loop_device_open(paths.image, note, name, err);
    }
    return device < 0 ? -1 : mount_device(name, err);
}

/* Nobody has looked at it yet: until then it may take no more than a share of what is scarce. */
static void limit_first_use(const char *volumes_dir, const char *volume, int mount)
{
    struct statvfs info;
    struct err ignored;
    uint64_t room = disk_room(volumes_dir);
    if (room >= disk_plenty_bytes || fstatvfs(mount, &info) < 0)
        return;
    struct disk_use use = {.free_bytes = (uint64_t)info.f_bfree * info.f_frsize};
    disk_allow(volumes_dir, volume, &use, room / DISK_SHARE_PART, &ignored);
}

int disk_mount(const char *volumes_dir, const char *volume, struct err *err)
{
    int mount = mount_volume(volumes_dir, volume, err);
    if (mount >= 0)
        limit_first_use(volumes_dir, volume, mount);
    return mount;
}

bool disk_device(const char *volumes_dir, const char *volume, dev_t *ret_device)
{
    struct disk_paths paths = paths_of(volumes_dir, volume);
    char name[LOOP_NAME_SIZE];
    struct stat info;
    auto_fd int note = open(paths.note, O_RDONLY | O_CLOEXEC);
    auto_fd int device = note < 0 ? -1 : loop_device_find(paths.image, note, name);
    if (device < 0 || fstat(device, &info) < 0)
        return false;
    *ret_device = info.st_rdev;
    return true;
}

/* ---- room on the disk below ---- */

int disk_measure(const char *volumes_dir, const char *volume, struct disk_use *ret_use,
                 struct err *err)
{
    struct disk_paths paths = paths_of(volumes_dir, volume);
    struct statvfs info;
    struct stat image;
    dev_t device;
    if (!disk_device(volumes_dir, volume, &device))
        return 0;
    auto_fd int mount = mount_volume(volumes_dir, volume, err);
    if (mount < 0)
        return -1;
    auto_fd int file = open(paths.image, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstatvfs(mount, &info) < 0 || fstat(file, &image) < 0)
        return err_sys(err, errno, "measure %s", volume);
    /* What it counts as used is without its own blocks. */
    uint64_t own = (uint64_t)image.st_size - (uint64_t)info.f_blocks * info.f_frsize;
    uint64_t used = (uint64_t)(info.f_blocks - info.f_bfree) * info.f_frsize;
    uint64_t taken = (uint64_t)image.st_blocks * 512 - metadata_taken_bytes(file, own);
    ret_use->free_bytes = (uint64_t)info.f_bfree * info.f_frsize;
    ret_use->debt_bytes = used > taken ? used - taken : 0;
    return 1;
}

int disk_allow(const char *volumes_dir, const char *volume, const struct disk_use *use,
               uint64_t allowance_bytes, struct err *err)
{
    enum { USUAL_CLUSTERS = 4096, CLUSTER_SIZE = 4096 };
    struct disk_paths paths = paths_of(volumes_dir, volume);
    char name[LOOP_NAME_SIZE], path[PATH_SIZE], text[24];
    auto_fd int note = open(paths.note, O_RDONLY | O_CLOEXEC);
    auto_fd int device = note < 0 ? -1 : loop_device_find(paths.image, note, name);
    if (device < 0)
        return 0;
    bool limited = use->free_bytes > allowance_bytes;
    uint64_t kept = limited ? (use->free_bytes - allowance_bytes) / CLUSTER_SIZE : 0;
    snprintf(path, sizeof path, "/sys/fs/ext4/%s/reserved_clusters", strrchr(name, '/') + 1);
    snprintf(text, sizeof text, "%lu", kept > USUAL_CLUSTERS ? kept : (uint64_t)USUAL_CLUSTERS);
    return kernel_file_write(path, text, err);
}
