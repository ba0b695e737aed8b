/* A file or folder with an image becomes a layer that instances stand on: <images_dir>/<ami>. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct image_import {
    const char *images_dir;
    const char *image;  /* "ami-..." */
    int fd;             /* the file (image_file.h) or folder (folder.h) */
    bool show_progress; /* on standard error */
};

/*
 * Makes the layer in one step: it is there whole, or not at all. Needs root. The file is read by a
 * process of its own, whose root is the new layer and which can do nothing but write there. Blocks.
 */
int image_import(const struct image_import *import, struct err *err);
/* Deletes a layer that image_import() made and nobody knows of yet. */
int image_import_undo(const char *images_dir, const char *image, struct err *err);
