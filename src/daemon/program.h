/*
 * The program on disk, which may be newer than the daemon that runs: `pileus upgrade` begins the
 * next balancer from it.
 */
#pragma once

#include "daemon/process.h"

/* The status with which a program ends that does not speak the daemon's messages. */
enum { PROGRAM_OTHER_LAYOUT = 64 };

/* Where the running program lies, or lay when it was started. */
void program_find(char *path, size_t size);
/* In a process that was forked for it: becomes the balancer of the program at `path`. */
_Noreturn void program_exec(const char *path, const struct process_setup *setup);
