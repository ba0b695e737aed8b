#include "zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void zone_of(const char *name, struct time_zone *ret_zone)
{
    static unsigned char bytes[TIME_ZONE_SIZE_MAX];
    char path[256];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("the tz database has no %s", name);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(time_zone_read(ret_zone, bytes, size), 0);
}

size_t zone_write(unsigned char out[256], int32_t offset_s, const char *rule)
{
    enum { HEADER_SIZE = 44, TYPES_AT = 39 };
    memset(out, 0, 256);
    for (int i = 0; i < 2; i++)
        memcpy(out + i * HEADER_SIZE, "TZif2", 5);
    unsigned char *header = out + HEADER_SIZE, *type = header + HEADER_SIZE;
    header[TYPES_AT] = 1;
    for (int i = 0; i < 4; i++)
        type[i] = (unsigned char)((uint32_t)offset_s >> (24 - 8 * i));
    int size = snprintf((char *)type + 6, 128, "\n%s\n", rule);
    return (size_t)(type + 6 - out) + (size_t)size;
}
