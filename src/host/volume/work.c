#include "host/volume/work.h"

#include "base/cleanup.h"
#include "host/image/tree.h"
#include "host/run/rootfs.h"
#include "host/volume/disk.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

/* In a mount namespace that ends with this process, and the mount with it. */
static int mount_at_stage(const struct volume_work *work, const char *volume, struct err *err)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "make a mount namespace");
    auto_fd int tree = disk_mount(work->store.volumes_dir, volume, err);
    if (tree < 0)
        return -1;
    if (move_mount(tree, "", AT_FDCWD, work->stage_dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(err, errno, "mount at %s", work->stage_dir);
    return 0;
}

static int fill(const struct volume_work *work, const char *part, const char *part_dir,
                struct err *err)
{
    const struct message_volume *volume = &work->volume;
    if (volume->layer_count)
        return rootfs_note_layers(part_dir, volume->layers, volume->layer_count, err);
    if (!volume->snapshot[0])
        return 0;
    if (mount_at_stage(work, part, err) < 0)
        return -1;
    return store_restore(&work->store, volume->snapshot, work->stage_dir, err);
}

int volume_make(const struct volume_work *work, struct err *err)
{
    const char *volumes_dir = work->store.volumes_dir, *id = work->volume.volume;
    char part[64], part_dir[PATH_SIZE], dir[PATH_SIZE];
    snprintf(part, sizeof part, ".part-%s", id);
    snprintf(part_dir, sizeof part_dir, "%s/%s", volumes_dir, part);
    snprintf(dir, sizeof dir, "%s/%s", volumes_dir, id);
    if (!access(dir, F_OK))
        return disk_make(volumes_dir, id, work->volume.gib, err);
    if (tree_delete(part_dir, err) < 0 || disk_make(volumes_dir, part, work->volume.gib, err) < 0 ||
        fill(work, part, part_dir, err) < 0)
        return -1;
    return rename(part_dir, dir) < 0 ? err_sys(err, errno, "rename %s", part_dir) : 0;
}

int volume_keep(const struct volume_work *work, struct err *err)
{
    const struct message_image_create *keep = &work->keep;
    bool plain = !keep->volume[0];
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/%s", plain ? work->store.instances_dir : work->store.volumes_dir,
             plain ? keep->instance : keep->volume);
    if (disk_check_room(work->store.images_dir, err) < 0 ||
        (!plain && mount_at_stage(work, keep->volume, err) < 0))
        return -1;
    return store_keep(&work->store, keep->image, plain ? dir : work->stage_dir, dir, err);
}

/* ---- the machine's disk ---- */

/* Calls `visit` with each volume that is mounted, and how much of it is used. */
static int each_use(const char *volumes_dir,
                    int (*visit)(void *owner, const char *volume, const struct disk_use *use,
                                 struct err *err),
                    void *owner, struct err *err)
{
    DIR *entries = opendir(volumes_dir);
    int result = entries ? 0 : err_sys(err, errno, "read %s", volumes_dir);
    for (struct dirent *entry; result >= 0 && (entry = readdir(entries));) {
        struct disk_use use;
        if (entry->d_name[0] == '.')
            continue;
        result = disk_measure(volumes_dir, entry->d_name, &use, err);
        if (result > 0)
            result = visit(owner, entry->d_name, &use, err);
    }
    if (entries)
        closedir(entries);
    return result;
}

struct sharing {
    const char *volumes_dir;
    uint64_t debt_bytes, allowance_bytes;
};

static int add_debt(void *owner, const char *volume, const struct disk_use *use, struct err *err)
{
    struct sharing *sharing = owner;
    (void)volume, (void)err;
    sharing->debt_bytes += use->debt_bytes;
    return 0;
}

static int allow(void *owner, const char *volume, const struct disk_use *use, struct err *err)
{
    const struct sharing *sharing = owner;
    return disk_allow(sharing->volumes_dir, volume, use, sharing->allowance_bytes, err);
}

int volumes_share_room(const struct volume_work *work, struct err *err)
{
    struct sharing sharing = {.volumes_dir = work->store.volumes_dir};
    if (each_use(sharing.volumes_dir, add_debt, &sharing, err) < 0)
        return -1;
    uint64_t room = disk_room(sharing.volumes_dir);
    room = room > sharing.debt_bytes ? room - sharing.debt_bytes : 0;
    sharing.allowance_bytes = room / DISK_SHARE_PART;
    return each_use(sharing.volumes_dir, allow, &sharing, err);
}
