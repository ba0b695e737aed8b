/* Files that are the kernel's words: /proc and cgroup files, written in one write(2). */
#pragma once

#include "base/err.h"

#include <stdint.h>

int kernel_file_write(const char *path, const char *text, struct err *err);
/* The number that a file holds, or < 0 when it cannot be read. */
int64_t kernel_file_number(const char *path);
/* The number after `key` and a space at the start of a line ("usage_usec 12"), or < 0. */
int64_t kernel_file_value(const char *path, const char *key);
