/* Timestamps in the forms that AWS's protocols use. Values are seconds since the epoch. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/* ISO 8601 ("2026-01-02T03:04:05.678+02:00", "2026-01-02"), RFC 822 dates, and plain numbers. */
bool timestamp_parse(const char *text, double *ret_seconds);
/* "2026-01-02T03:04:05.678Z" */
void timestamp_iso8601(struct buf *out, double seconds);
/* "Fri, 02 Jan 2026 03:04:05 GMT", with ".678" if there is a fraction */
void timestamp_rfc822(struct buf *out, double seconds);
/* "1767323045", with ".678" if there is a fraction */
void timestamp_unix(struct buf *out, double seconds);
