/* `pileus image build`: has mmdebstrap make a root file system of Debian packages. */
#pragma once

#include "base/err.h"

struct image_build {
    const char *release; /* "bookworm" */
    const char *include; /* packages besides the usual ones, with commas between; may be NULL */
    const char *mirror;  /* NULL: the one that mmdebstrap takes by itself */
};

/*
 * Writes it to the file at `fd`, as tar. mmdebstrap says on standard error how far it is. Needs
 * root. Blocks for as long as the packages take to come and to be installed.
 */
int image_build(const struct image_build *build, int fd, struct err *err);
