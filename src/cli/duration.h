/* Durations as people type them: "90s", "15m", "1h30m", "2d", "250ms". */
#pragma once

#include <stdint.h>

/* At most ten years. Returns 0, or -1 if `text` is none. */
int duration_parse(const char *text, int64_t *ret_ms);
