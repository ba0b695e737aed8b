/* Percent coding of RFC 3986. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* Appends `data`; every byte but the unreserved ones (and '/', if `keep_slash`) becomes %XX. */
void uri_encode(struct buf *out, const char *data, size_t size, bool keep_slash);
/* Appends the decoded bytes. False if a '%' is not followed by two hex digits. */
bool uri_decode(struct buf *out, const char *text, size_t size, bool plus_is_space);
