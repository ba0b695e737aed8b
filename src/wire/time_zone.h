/*
 * Time zones as the tz database has them: TZif files of version 2 and later (RFC 9636). It reads
 * bytes; it knows neither files nor the zone of the process.
 */
#pragma once

#include "wire/time_zone_rule.h"

#include <stddef.h>
#include <stdint.h>

enum { TIME_ZONE_SIZE_MAX = 64 * 1024 };

/* A zone that was read; it points into its bytes. Zeroed it is UTC. */
struct time_zone {
    const unsigned char *times; /* when clocks were moved: seconds since 1970, 8 bytes each */
    const unsigned char *indexes;
    const unsigned char *types; /* 6 bytes each, of which the first four are the offset */
    uint32_t time_count;
    struct zone_rule rule; /* of the time after the last of them */
};

/* 0, or -1 if the bytes are no zone, or one that counts leap seconds. */
int time_zone_read(struct time_zone *ret_zone, const void *bytes, size_t size);
/* The stretch that holds `time_s`, seconds since 1970. */
struct zone_span time_zone_span(const struct time_zone *zone, int64_t time_s);
