/* Device names of volumes: what may be one, and where an instance finds its files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "/dev/sdf", "sdf", "/dev/xvdba", "/dev/nvme1n1": lower-case letters and digits after "/dev/". */
bool volume_device_is_valid(const char *device);
/* The name without "/dev/": the files are at /mnt/<that>. Borrowed from `device`. */
const char *volume_device_folder(const char *device);
bool volume_device_is_same(const char *device, const char *other);
