#include "host/run/rootfs.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/image/tree.h"
#include "host/run/plain_file.h"
#include "host/volume/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* The two overlays: what lies over "/", and what lies over "/usr". */
static const struct part {
    const char *name;
    const char *target; /* below the new root */
} parts[] = {{"root", ""}, {"usr", "usr"}};

enum { PART_COUNT = sizeof parts / sizeof *parts };

static int make_dir(const char *path, struct err *err)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return err_sys(err, errno, "create %s", path);
    return 0;
}

int rootfs_note_layers(const char *dir, const char (*layers)[ID_SIZE], uint32_t layer_count,
                       struct err *err)
{
    char path[512];
    auto_buf text = {0};
    for (uint32_t i = 0; i < layer_count; i++)
        buf_printf(&text, "%s\n", layers[i]);
    snprintf(path, sizeof path, "%s/layers", dir);
    return plain_file_write(path, text.data, text.size, 0600, err);
}

int rootfs_noted_layers(const char *dir, char (*layers)[ID_SIZE], uint32_t *ret_count)
{
    char path[512];
    snprintf(path, sizeof path, "%s/layers", dir);
    FILE *file = fopen(path, "re");
    *ret_count = 0;
    if (!file)
        return -1;
    while (*ret_count < LAYERS_MAX && fscanf(file, "%31s", layers[*ret_count]) == 1)
        (*ret_count)++;
    fclose(file);
    return 0;
}

/* Harmless when they are there. */
static int make_private_folders(const char *dir, struct err *err)
{
    for (int i = 0; i < PART_COUNT; i++) {
        static const char *const names[] = {"", "/upper", "/work"};
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s%s", dir, parts[i].name, names[j]);
            if (make_dir(path, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int map_tree(const char *path, int userns_fd, bool read_only, struct err *err)
{
    auto_fd int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return err_sys(err, errno, "open_tree %s", path);
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_IDMAP | (read_only ? MOUNT_ATTR_RDONLY : 0),
        .userns_fd = (uint64_t)userns_fd,
    };
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
        return err_sys(err, errno, "map the ids of %s", path);
    return fd_take(&tree);
}

int rootfs_can_map(const char *path, int userns_fd, struct err *err)
{
    auto_fd int tree = map_tree(path, userns_fd, true, err);
    return tree < 0 ? -1 : 0;
}

/* Mounts the id-mapped `source` on the folder `name`, made here in the working directory. */
static int attach(const char *source, const char *name, int userns_fd, bool read_only,
                  struct err *err)
{
    auto_fd int tree = map_tree(source, userns_fd, read_only, err);
    if (tree < 0 || make_dir(name, err) < 0)
        return -1;
    if (move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(err, errno, "attach %s", source);
    return 0;
}

/* The folder of a layer's part, or "" when the layer has nothing there. */
static void layer_path(const struct rootfs *rootfs, uint32_t layer, const struct part *part,
                       char *path, size_t size)
{
    struct stat info;
    snprintf(path, size, "%s/%s/%s", rootfs->images_dir, rootfs->layers[layer], part->name);
    if (!stat(path, &info))
        return;
    bool host_usr = !strcmp(rootfs->layers[layer], "host") && !strcmp(part->name, "usr");
    snprintf(path, size, "%s", host_usr ? "/usr" : "");
}

/* Attaches the layers of a part in the working directory; writes "lowerdir=2:1:0" to options. */
static int attach_layers(const struct rootfs *rootfs, const struct part *part, struct buf *options,
                         struct err *err)
{
    const char *separator = "lowerdir=";
    for (uint32_t i = rootfs->layer_count; i-- > 0;) {
        char path[512], name[32];
        layer_path(rootfs, i, part, path, sizeof path);
        if (!path[0])
            continue;
        snprintf(name, sizeof name, "%s%u", part->name, i);
        if (attach(path, name, rootfs->userns_fd, true, err) < 0)
            return -1;
        buf_printf(options, "%s%s", separator, name);
        separator = ":";
    }
    if (!options->size)
        return err_set(err, "no layer has a folder %s", part->name);
    return 0;
}

/*
 * Overlay acts with the rights of who mounted it. It must create files as the instance's root (no
 * other id exists on the mapped layers), yet with the capabilities of the host's.
 */
static int mount_overlay(const struct rootfs *rootfs, const char *target, const char *options,
                         struct err *err)
{
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
        return err_sys(err, errno, "keep capabilities");
    setfsgid(rootfs->root_id);
    setfsuid(rootfs->root_id);
    int result = mount("overlay", target, "overlay", 0, options);
    int number = errno;
    setfsuid(0);
    setfsgid(0);
    return result < 0 ? err_sys(err, number, "mount overlay (%s)", options) : 0;
}

static int mount_part(const struct rootfs *rootfs, const struct part *part, const char *private_dir,
                      struct err *err)
{
    auto_buf options = {.size_limit = 4000};
    if (attach_layers(rootfs, part, &options, err) < 0)
        return -1;
    char source[512], name[32], target[32];
    snprintf(source, sizeof source, "%s/%s", private_dir, part->name);
    snprintf(name, sizeof name, "%s", part->name);
    if (attach(source, name, rootfs->userns_fd, false, err) < 0)
        return -1;
    /* index and redirects off: lower layers may change between boots, and layers may be copied */
    buf_printf(&options,
               ",upperdir=%s/upper,workdir=%s/work,index=off,redirect_dir=off,"
               "metacopy=off,xino=off",
               name, name);
    if (options.failed)
        return err_set(err, "too many layers");
    snprintf(target, sizeof target, "merged/%s", part->target);
    return mount_overlay(rootfs, target, options.data, err);
}

/* Containers of the image come along: those of its topmost layer that has some are copied. */
static int begin_containers(const struct rootfs *rootfs, const char *upper, struct err *err)
{
    static const struct tree_copy everything = {0};
    char part[544], source[512];
    for (uint32_t i = rootfs->layer_count; i-- > 0;) {
        snprintf(source, sizeof source, "%s/%s/containers", rootfs->images_dir, rootfs->layers[i]);
        if (access(source, F_OK) < 0)
            continue;
        snprintf(part, sizeof part, "%s.part", upper);
        if (tree_delete(part, err) < 0 || tree_copy(source, part, &everything, err) < 0)
            return -1;
        return rename(part, upper) < 0 ? err_sys(err, errno, "rename %s", part) : 0;
    }
    return make_dir(upper, err);
}

static int open_containers(const struct rootfs *rootfs, const char *private_dir, struct err *err)
{
    char dir[512], upper[528];
    snprintf(dir, sizeof dir, "%s/containers", private_dir);
    snprintf(upper, sizeof upper, "%s/upper", dir);
    if (make_dir(dir, err) < 0 ||
        (access(upper, F_OK) < 0 && begin_containers(rootfs, upper, err) < 0))
        return -1;
    return map_tree(upper, rootfs->userns_fd, false, err);
}

/* The folder of the private folders; a volume is mounted for it in the working directory. */
static int mount_private(const struct rootfs *rootfs, const char **ret_dir, struct err *err)
{
    static const char volume_dir[] = "volume";
    *ret_dir = rootfs->private_dir ? rootfs->private_dir : volume_dir;
    if (rootfs->private_dir)
        return make_dir(rootfs->private_dir, err) < 0
                   ? -1
                   : make_private_folders(rootfs->private_dir, err);
    auto_fd int disk = disk_mount(rootfs->volumes_dir, rootfs->volume, err);
    if (disk < 0 || make_dir(volume_dir, err) < 0)
        return -1;
    if (move_mount(disk, "", AT_FDCWD, volume_dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(err, errno, "attach %s", rootfs->volume);
    return make_private_folders(volume_dir, err);
}

int rootfs_mount(const struct rootfs *rootfs, struct rootfs_trees *ret_trees, struct err *err)
{
    const char *private_dir;
    if (mount("stage", rootfs->stage_dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
        return err_sys(err, errno, "mount a tmpfs at %s", rootfs->stage_dir);
    /* Short relative names, because the options of a mount must fit in one page. */
    if (chdir(rootfs->stage_dir) < 0)
        return err_sys(err, errno, "enter %s", rootfs->stage_dir);
    if (make_dir("merged", err) < 0 || mount_private(rootfs, &private_dir, err) < 0)
        return -1;
    for (int i = 0; i < PART_COUNT; i++)
        if (mount_part(rootfs, &parts[i], private_dir, err) < 0)
            return -1;
    ret_trees->containers_fd = open_containers(rootfs, private_dir, err);
    if (ret_trees->containers_fd < 0)
        return -1;
    ret_trees->root_fd =
        open_tree(AT_FDCWD, "merged", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    return ret_trees->root_fd < 0 ? err_sys(err, errno, "detach the root file system") : 0;
}
