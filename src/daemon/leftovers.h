/* What a daemon that was killed left behind on its data folder. */
#pragma once

#include "base/err.h"
#include "os/record.h"

#include <sys/types.h>

/* The pid of the daemon's living parent process, or 0. */
pid_t leftovers_parent(const struct record *record);
/* Kills every process of the record (not instances) and waits until they are gone. */
void leftovers_kill(const struct record *record);
