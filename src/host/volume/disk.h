/*
 * Volumes on disk: <volumes_dir>/vol-.../image is an ext4 file system in a sparse file, so it takes
 * only the room of what is in it, and is never larger than the volume. An instance sees files,
 * never the block device: the kernel reads no file system here that anyone else has written.
 *
 * A volume that is mounted holds its loop device, and goes with its last mount.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { VOLUME_GIB_MAX = 16000 /* a sparse file of ext4 ends at 16 TiB */ };

/*
 * Makes the volume if it is missing, and lets it grow to `gib` if it is smaller, also while it is
 * in use. Fails when the machine's own disk is almost full. Milliseconds, so not for the host's
 * loop.
 */
int disk_make(const char *volumes_dir, const char *volume, uint32_t gib, struct err *err);
/* Makes the empty file system that volumes of this size begin as; harmless if it is there. */
int disk_make_template(const char *volumes_dir, uint32_t gib, struct err *err);
/* A descriptor of a mount of it, attached nowhere: all of them show the same file system. */
int disk_mount(const char *volumes_dir, const char *volume, struct err *err);
/* The block device of a volume that is mounted, in *ret_device; false if it is not. */
bool disk_device(const char *volumes_dir, const char *volume, dev_t *ret_device);
/* Fails when the file system of the folder has less room than the machine itself needs. */
int disk_check_room(const char *dir, struct err *err);
/*
 * Whether volumes may take more of the machine's disk. Without room they are full for who writes
 * to them, as if they were of that size: the disk below must never fail a write of theirs. Fast.
 */
void disk_set_room(const char *volumes_dir, const char *volume, bool room);
