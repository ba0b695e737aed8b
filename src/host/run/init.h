/* PID 1 of an instance: starts what boots it, keeps sshd and an image's own command alive, reaps,
 * is its console, ends it. */
#pragma once

#include "host/run/boot.h"

/*
 * Runs until the instance shall stop, then exits. What the instance writes to /dev/console, and to
 * the standard output of what PID 1 starts, goes to `console_fd`.
 */
_Noreturn void init_run(const struct boot *boot, int console_fd);
