/* A folder that holds an image (a root file system, or an OCI layout) becomes a file like those
 * that image_file.h knows. */
#pragma once

#include "base/err.h"

/*
 * Packs what is in the folder at `fd`, without what is mounted there, as tar. Returns a nameless
 * file in `dir`, which is gone when it is closed. Links are not followed.
 */
int folder_pack(int fd, const char *dir, struct err *err);
