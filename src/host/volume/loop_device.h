/*
 * Loop devices: a file as a block device. They clear themselves: a device goes when the last
 * descriptor and the last mount of it are gone, so nothing needs to be cleaned up after a kill.
 */
#pragma once

#include "base/err.h"

enum { LOOP_NAME_SIZE = 32 };

/*
 * Each file has a note of the number of its device. A file must never have two devices, for two
 * file systems would write to it, so who looks for one or makes one holds the lock of the note.
 */

/* A descriptor of the note, locked until it is closed. */
int loop_note_lock(const char *path, struct err *err);
/* A descriptor of the device that has the file `image` now, and its name; -1 if none has. */
int loop_device_find(const char *image, int note, char name[LOOP_NAME_SIZE]);
/* The same; makes one if there is none. */
int loop_device_open(const char *image, int note, char name[LOOP_NAME_SIZE], struct err *err);
