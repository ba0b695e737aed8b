/*
 * The blocks of an image that its ext4 file system keeps for itself. Where there is no room below
 * what a program writes, it gets ENOSPC in time (host/volume/work.h); where there is none below
 * these, the file system goes read-only.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

/*
 * Takes room for the journal of the image that mkfs has just made, so that it can always be
 * written. Fails when the disk below is full; one that cannot reserve room is left as it is.
 */
int metadata_reserve_journal(int image, struct err *err);
/*
 * Bytes of the disk below that the first `size_bytes` of the image take, where mkfs has packed the
 * file system's own blocks; 0 if the disk does not tell, so that they count as data.
 */
uint64_t metadata_taken_bytes(int image, uint64_t size_bytes);
