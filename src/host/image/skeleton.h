/* The root file system of the layer "host", without /usr. */
#pragma once

#include "base/err.h"

/* Builds it at `root`, a folder that does not exist yet. */
int skeleton_build(const char *root, struct err *err);
