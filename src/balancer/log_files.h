/*
 * The log files of a balancer that runs alone. A thread of its own writes them, for a disk may take
 * its time. What cannot be written is lost, counted and logged; a line is written whole or not.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"

#include <stddef.h>

struct log_files;

/* `taken` is called on the thread for all bytes that log_files_write() was given. */
struct log_files *log_files_create(void (*taken)(void *owner, size_t size), void *owner,
                                   struct err *err);
/* Writes what there is, and closes. */
void log_files_destroy(struct log_files *files);
/* Opens `path` to append to it, from the next line on; NULL closes. What was open stays if it
 * fails.
 */
int log_files_open(struct log_files *files, enum log_kind kind, const char *path, struct err *err);
/* Appends whole lines. */
void log_files_write(struct log_files *files, enum log_kind kind, const char *lines, size_t size);
