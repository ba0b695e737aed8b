/*
 * The layer "host": the host's own programs as a root file system, in which nothing private shows.
 * /usr is the host's own (or a copy of it where its file system cannot be id-mapped); all else is
 * made here: a few public files of /etc, the users of AWS's images, and empty folders.
 */
#pragma once

#include "base/err.h"

/*
 * Makes <images_dir>/host if it is missing or the host's programs have changed since; `userns_fd`
 * is any user namespace, to try id-mapping with. A layer that was replaced is left as
 * <images_dir>/.stale-*, since instances may still use it.
 */
int host_layer_prepare(const char *images_dir, int userns_fd, struct err *err);
