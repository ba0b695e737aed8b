#include "host/image/host_layer.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/image/skeleton.h"
#include "host/image/tree.h"
#include "host/run/plain_file.h"
#include "host/run/rootfs.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { STAMP_MAX = 64 * 1024, VERSION = 3, PATH_SIZE = 512 };

/* What changes when programs are installed or removed. */
static const char *const watched[] = {
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/pam.d",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/lib/python3",
    "/usr/lib/node_modules",
    "/var/lib/dpkg/status",
};

/* What servers do not need; only a copy leaves it out. */
static const char *const not_copied[] = {
    "games",
    "include",
    "src",
    "lib/debug",
    "lib/gcc",
    "lib/jvm",
    "lib/llvm*",
    "lib/modules",
    "lib/firmware",
    "share/doc*",
    "share/man",
    "share/info",
    "share/locale",
    "share/lintian",
    "share/icons",
    "share/fonts",
    "share/vim",
    "share/help",
    "share/gtk-doc",
    "share/X11",
    "share/java",
    "local/go",
    "lib/google-cloud-sdk",
    NULL,
};

/* Nothing of the layer waits for the disk, so it counts only until the machine restarts. */
static void write_boot_id(struct buf *stamp)
{
    struct err ignored;
    size_t size;
    auto_free char *id = file_read("/proc/sys/kernel/random/boot_id", 128, &size, &ignored);
    buf_printf(stamp, "boot %s", id ? id : "unknown\n");
}

static void write_stamp(struct buf *stamp, bool copied)
{
    write_boot_id(stamp);
    buf_printf(stamp, "version %d, /usr %s\n", VERSION, copied ? "copied" : "shared");
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        struct stat info;
        if (!stat(watched[i], &info))
            buf_printf(stamp, "%s %ld.%09ld\n", watched[i], (long)info.st_mtim.tv_sec,
                       (long)info.st_mtim.tv_nsec);
    }
}

static bool is_current(const char *layer, const char *stamp)
{
    char path[PATH_SIZE + 16];
    struct err ignored;
    size_t size;
    snprintf(path, sizeof path, "%s/stamp", layer);
    auto_free char *found = file_read(path, STAMP_MAX, &size, &ignored);
    return found && !strcmp(found, stamp);
}

static int build(const char *layer, bool copy_usr, const struct buf *stamp, struct err *err)
{
    char path[PATH_SIZE + 16];
    if (tree_delete(layer, err) < 0 || file_make_dirs(layer, 0700, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/root", layer);
    if (skeleton_build(path, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/usr", layer);
    struct tree_copy options = {.skipped = not_copied};
    if (copy_usr && tree_copy("/usr", path, &options, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/stamp", layer);
    return plain_file_write(path, stamp->data, stamp->size, 0600, err);
}

int host_layer_prepare(const char *images_dir, int userns_fd, struct err *err)
{
    struct err ignored;
    auto_buf stamp = {0};
    char layer[PATH_SIZE], part[PATH_SIZE], stale[PATH_SIZE];
    bool copy_usr = rootfs_can_map("/usr", userns_fd, &ignored) < 0;
    snprintf(layer, sizeof layer, "%s/host", images_dir);
    snprintf(part, sizeof part, "%s/.host-part", images_dir);
    snprintf(stale, sizeof stale, "%s/.stale-%ld", images_dir, (long)clock_wall_ms());
    write_stamp(&stamp, copy_usr);
    if (is_current(layer, stamp.data))
        return 0;
    if (build(part, copy_usr, &stamp, err) < 0)
        return err_wrap(err, "make the image of the host's own programs");
    if (rename(layer, stale) < 0 && errno != ENOENT)
        return err_sys(err, errno, "put %s aside", layer);
    return rename(part, layer) < 0 ? err_sys(err, errno, "rename %s", part) : 0;
}
