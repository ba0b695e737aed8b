/* What a machine says of itself on its console, besides what its programs write. */
#pragma once

#include "host/run/boot.h"

/* The next two write to the console itself, so that PID 1 never waits for its own fifo. */

/* The first lines: kernel, name, address. */
void announce_boot(int console_fd, const struct boot *boot);
/* The last line: it was asked to end. */
void announce_end(int console_fd);

/* The next two write to standard output. */

/* The public host keys, as cloud-init shows them: who reads the console can trust them. */
void announce_host_keys(void);
/* The key pair is there, and user data and /etc/rc.local have run. */
void announce_finished(void);
