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
/*
 * A descriptor of a mount of it, attached nowhere: all of them show the same file system. While
 * room is scarce, who uses it may take no more than a share of it at first.
 */
int disk_mount(const char *volumes_dir, const char *volume, struct err *err);
/* The block device of a volume that is mounted, in *ret_device; false if it is not. */
bool disk_device(const char *volumes_dir, const char *volume, dev_t *ret_device);
/* Bytes of the file system of the folder that are free and that the machine does not need itself.
 */
uint64_t disk_room(const char *dir);
/* Fails when there are none. */
int disk_check_room(const char *dir, struct err *err);

/* With so much room nobody needs to share it: a second is too short to write that. */
extern const uint64_t disk_plenty_bytes;
/* No single volume may take more than this part of the room in a second. */
enum { DISK_SHARE_PART = 4 };

struct disk_use {
    uint64_t free_bytes; /* of the volume */
    uint64_t debt_bytes; /* taken in the volume, but not yet of the machine's disk */
};

/* 1: *ret_use is set; 0: the volume is not mounted, and takes nothing. */
int disk_measure(const char *volumes_dir, const char *volume, struct disk_use *ret_use,
                 struct err *err);
/* Lets who writes to a volume take no more than `allowance_bytes` of what it has free. */
int disk_allow(const char *volumes_dir, const char *volume, const struct disk_use *use,
               uint64_t allowance_bytes, struct err *err);
