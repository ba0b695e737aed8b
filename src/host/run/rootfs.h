/*
 * The root file system of an instance: overlays over id-mapped layers.
 *
 * On disk every layer carries ids 0..65535 (root of the instance is 0), so an image fits any
 * instance; the mounts map them to the instance's own range. There are two overlays, because an
 * overlay does not look below mount points: one for "/" and one for "/usr". Container engines make
 * overlays of their own, which cannot lie on these, so "/var/lib/containers" is a plain folder.
 * A layer folder holds
 *     root/         what lies over "/"
 *     usr/          what lies over "/usr" (the layer "host" may lack it: the host's own /usr is
 *                   used)
 *     containers/   what "/var/lib/containers" begins as; may be missing
 * and a private folder holds root/{upper,work}, usr/{upper,work} and containers/upper.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"

#include <stdint.h>

struct rootfs {
    const char *images_dir;  /* layers: <images_dir>/<layer> */
    const char *private_dir; /* of the private folders; NULL: they are in `volume` */
    const char *volumes_dir, *volume;
    const char *stage_dir;         /* an empty folder to mount on, seen by the caller alone */
    const char (*layers)[ID_SIZE]; /* lowest first */
    uint32_t layer_count;
    int userns_fd;    /* maps the ids */
    uint32_t root_id; /* what it maps id 0 to */
};

/* Notes in the file "layers" of a folder which layers a root file system stands on. */
int rootfs_note_layers(const char *dir, const char (*layers)[ID_SIZE], uint32_t layer_count,
                       struct err *err);
/* What was noted: < 0 when there is no such file, which only root volumes and old disks have. */
int rootfs_noted_layers(const char *dir, char (*layers)[ID_SIZE], uint32_t *ret_count);

/* Detached trees. */
struct rootfs_trees {
    int root_fd;
    int containers_fd; /* of /var/lib/containers */
};

/*
 * Mounts it. The caller has a mount namespace of its own, private, and leaves what was mounted on
 * the way to the end of that namespace. What it opened before it failed, it leaves to its process.
 */
int rootfs_mount(const struct rootfs *rootfs, struct rootfs_trees *ret_trees, struct err *err);

/* Whether files below `path` can be id-mapped (not so on overlay, for instance). */
int rootfs_can_map(const char *path, int userns_fd, struct err *err);
