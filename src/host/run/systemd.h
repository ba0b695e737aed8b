/* Images that bring systemd: PID 1 prepares what it wants to find, and becomes it. */
#pragma once

#include "host/run/boot.h"

#include <stdbool.h>

/* Whether the image's /sbin/init is systemd. */
bool systemd_is_init(void);

/*
 * Hands PID 1 over. What the instance writes to /dev/console, a terminal then, goes to
 * `console_fd`. What systemd does not do is done beside it: the console, and cloud-init's work
 * where the image has no cloud-init.
 */
_Noreturn void systemd_run(const struct boot *boot, int console_fd);
