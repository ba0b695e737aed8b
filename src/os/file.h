/* Small files, whole; folders; and telling a process from a later one with the same number. */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The contents as a malloc'd NUL-terminated string; NULL and err if it fails or exceeds size_max.
 */
char *file_read(const char *path, size_t size_max, size_t *ret_size, struct err *err);
/* Replaces the file in one step (write, sync, rename): readers see the old or the new contents. */
int file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err);
/* The same without waiting for the disk: for what means nothing once the machine has stopped. */
int file_write_passing(const char *path, const void *data, size_t size, mode_t mode,
                       struct err *err);
/* Creates a folder and its parents; one that exists keeps its mode and owner. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);

/* When a process started (clock ticks since boot), 0 if there is no such process. */
uint64_t process_start_time(pid_t pid);
/* A pidfd of the process if it still is the one that started at `start_time`, or -1. */
int process_open(pid_t pid, uint64_t start_time);
