/* The console output of an instance: one file, of which the last part is kept. */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/* Opens it for appending; readable by `gid`. Returns the descriptor. */
int console_open(const char *dir, const char *instance, gid_t gid, struct err *err);
/* Cuts it to its last 64 KiB when it has grown beyond 256 KiB. */
void console_trim(const char *dir, const char *instance);
void console_remove(const char *dir, const char *instance);
