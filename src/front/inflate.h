/* Compressed request bodies. */
#pragma once

#include "base/buf.h"

/* Appends the decompressed gzip data; fails (-1) if it is broken or `out` reaches its limit. */
int front_gunzip(const void *data, size_t size, struct buf *out);
