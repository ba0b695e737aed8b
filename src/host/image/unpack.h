/*
 * Unpacks a tar stream into the working directory as a root file system, and nowhere else: names
 * with "..", and names that lead through a symbolic link, are refused. Device nodes are left out
 * (an instance has its own /dev), and so is every extended attribute but file capabilities. Owners
 * must be 0..65535, which is what an instance has.
 */
#pragma once

#include "base/err.h"

#include <archive.h>
#include <stdbool.h>
#include <stdint.h>

struct unpack {
    int64_t entries_max, bytes_max;
    /* Called after each entry; may be NULL. */
    void (*progress)(const struct unpack *unpack);
    int64_t entries, bytes; /* so far; start at 0, and add up over several streams */
};

/*
 * Unpacks an open archive over what lies in the working directory. `is_layer`: a layer of a
 * container image, whose whiteouts are no files.
 */
int unpack_stream(struct unpack *unpack, struct archive *in, bool is_layer, struct err *err);
/*
 * What the whiteouts of a layer hide is deleted: ".wh.NAME" means NAME, and ".wh..wh..opq" all that
 * is in its folder. They speak of the layers below, so this comes before the layer's own files.
 */
int unpack_whiteouts(struct archive *in, struct err *err);

/* A reader of tar, also compressed by gzip, bzip2, xz or zstd, that is not open yet. */
struct archive *unpack_reader(void);
/* What the name in an archive is below the root: without leading "/" and "./"; "" for the root. */
const char *unpack_clean_name(const char *name);
void unpack_close(struct archive **archive);
#define auto_archive __attribute__((cleanup(unpack_close))) struct archive
