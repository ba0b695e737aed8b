/* Copies and deletes folders with all that is in them. Never follows a symbolic link. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct tree_copy {
    bool public_only; /* leaves out files that not everybody may read */
    /* Paths below the folder that are left out ("share/doc"); ends with NULL. May be NULL.
     * A '*' as the last character stands for anything. */
    const char *const *skipped;
};

/*
 * Copies the folder `from` to `to`, which is created if it is not there: contents (holes stay
 * holes), owners, modes, times, hard links, device nodes and extended attributes.
 */
int tree_copy(const char *from, const char *to, const struct tree_copy *options, struct err *err);
/* Deletes the folder and all in it; harmless if there is none. */
int tree_delete(const char *path, struct err *err);
