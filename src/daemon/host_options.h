/* The options of host/, made from those of the daemon: the same for check, run and clean-up. */
#pragma once

#include "host/host.h"

#include <limits.h>

struct host_paths {
    char console_dir[PATH_MAX];
};

/* Fills `options`; it points into `paths` and the arguments, which must outlive it. */
void host_options_fill(struct host_options *options, struct host_paths *paths, const char *data_dir,
                       uint32_t world, const char *run_dir);
