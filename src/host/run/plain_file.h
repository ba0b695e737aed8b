/* Files that need not survive a power cut: written without waiting for the disk. */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Creates the file or replaces its contents; `mode` is exact, whatever the umask. */
int plain_file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err);
