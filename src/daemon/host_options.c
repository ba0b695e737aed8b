#include "daemon/host_options.h"

#include "daemon/privilege.h"

#include <stdio.h>

void host_options_fill(struct host_options *options, struct host_paths *paths, const char *data_dir,
                       uint32_t world, const char *run_dir)
{
    snprintf(paths->console_dir, sizeof paths->console_dir, "%s/state/console", data_dir);
    *options = (struct host_options){.world = world,
                                     .data_dir = data_dir,
                                     .run_dir = run_dir,
                                     .console_dir = paths->console_dir,
                                     .console_gid = PRIVILEGE_UID_API};
}
