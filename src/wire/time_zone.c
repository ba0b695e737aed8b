#include "wire/time_zone.h"

#include <stdbool.h>
#include <string.h>

enum {
    HEADER_SIZE = 44,
    COUNTS_AT = 20, /* in the header: six of them */
    TYPE_SIZE = 6,
    OFFSET_MAX_S = 26 * 3600,
};

/* What a header says of the block behind it. */
struct counts {
    uint32_t utc_flags, standard_flags, leaps, times, types, characters;
};

static uint32_t read_u32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t read_i64(const unsigned char *bytes)
{
    return (int64_t)((uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4));
}

/* A header at the beginning of the bytes. */
static int read_header(const unsigned char *bytes, size_t size, struct counts *ret)
{
    uint32_t numbers[6];
    if (size < HEADER_SIZE || memcmp(bytes, "TZif", 4) || bytes[4] < '2')
        return -1;
    for (size_t i = 0; i < 6; i++) {
        numbers[i] = read_u32(bytes + COUNTS_AT + 4 * i);
        if (numbers[i] > TIME_ZONE_SIZE_MAX)
            return -1;
    }
    *ret = (struct counts){numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    return 0;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
    return counts->times * (time_size + 1) + (size_t)counts->types * TYPE_SIZE +
           counts->characters + counts->leaps * (time_size + 4) + counts->standard_flags +
           counts->utc_flags;
}

static int64_t time_at(const struct time_zone *zone, uint32_t i)
{
    return read_i64(zone->times + (size_t)i * 8);
}

static int32_t offset_of_type(const struct time_zone *zone, uint32_t type)
{
    return (int32_t)read_u32(zone->types + (size_t)type * TYPE_SIZE);
}

/* The offset from the i-th time on; what was before all is of the first type. */
static int32_t offset_at(const struct time_zone *zone, uint32_t i)
{
    return offset_of_type(zone, zone->indexes[i]);
}

static bool is_sound(const struct time_zone *zone, uint32_t types)
{
    for (uint32_t i = 0; i < types; i++) {
        int32_t offset_s = offset_of_type(zone, i);
        if (offset_s < -OFFSET_MAX_S || offset_s > OFFSET_MAX_S)
            return false;
    }
    for (uint32_t i = 0; i < zone->time_count; i++)
        if (zone->indexes[i] >= types || (i > 0 && time_at(zone, i) <= time_at(zone, i - 1)))
            return false;
    return true;
}

/* The rule stands between two line ends behind the second block. */
static int read_footer(struct zone_rule *ret_rule, const unsigned char *bytes, size_t size)
{
    const unsigned char *end =
        size > 1 && bytes[0] == '\n' ? memchr(bytes + 1, '\n', size - 1) : NULL;
    if (!end)
        return -1;
    return zone_rule_read(ret_rule, (const char *)bytes + 1, (size_t)(end - bytes) - 1);
}

int time_zone_read(struct time_zone *ret_zone, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    struct counts first, second;
    if (size > TIME_ZONE_SIZE_MAX || read_header(at, size, &first) < 0)
        return -1;
    size_t skipped =
        HEADER_SIZE + block_size(&first, 4); /* with times of 32 bits, for old readers */
    if (skipped > size || read_header(at + skipped, size - skipped, &second) < 0)
        return -1;
    at += skipped + HEADER_SIZE;
    size -= skipped + HEADER_SIZE;
    if (!second.types || second.types > 256 || second.leaps || block_size(&second, 8) > size)
        return -1;
    struct time_zone zone = {.times = at,
                             .indexes = at + (size_t)second.times * 8,
                             .types = at + (size_t)second.times * 9,
                             .time_count = second.times};
    size_t block = block_size(&second, 8);
    if (!is_sound(&zone, second.types) || read_footer(&zone.rule, at + block, size - block) < 0)
        return -1;
    *ret_zone = zone;
    return 0;
}

/* How many of the times are at or before `time_s`. */
static uint32_t times_until(const struct time_zone *zone, int64_t time_s)
{
    uint32_t low = 0, high = zone->time_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (time_at(zone, middle) <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The stretch behind `count` times, as the table of times has it. */
static struct zone_span table_span(const struct time_zone *zone, uint32_t count)
{
    int32_t first_s = offset_of_type(zone, 0);
    struct zone_span span = {INT64_MIN, INT64_MAX, first_s, first_s};
    if (count < zone->time_count)
        span.end_s = time_at(zone, count);
    if (count > 0) {
        span.begin_s = time_at(zone, count - 1);
        span.offset_s = offset_at(zone, count - 1);
    }
    if (count > 1)
        span.before_s = offset_at(zone, count - 2);
    return span;
}

struct zone_span time_zone_span(const struct time_zone *zone, int64_t time_s)
{
    if (!zone->types)
        return zone_rule_span(&zone->rule, time_s);
    uint32_t count = times_until(zone, time_s);
    struct zone_span span = table_span(zone, count);
    if (count < zone->time_count || !zone->rule.has_daylight)
        return span;
    struct zone_span ruled = zone_rule_span(&zone->rule, time_s);
    if (ruled.begin_s > span.begin_s)
        return ruled;
    span.offset_s = ruled.offset_s; /* the rule goes on from the table's last time */
    span.end_s = ruled.end_s;
    return span;
}
