/* What a configuration file names instead of holding it: the certificates of its listeners. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

/* Reads a whole file of at most `size_max` bytes. */
int alone_read_file(const char *path, size_t size_max, struct buf *out, struct err *err);
/*
 * Puts the texts of files in place of the members of certificates that name them (...File); paths
 * are relative to the folder of the configuration file, `path`.
 */
int alone_read_certificates(json_t *root, const char *path, struct err *err);
