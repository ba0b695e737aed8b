/* Zones for tests: of the machine's tz database, and such as a file can be written by hand. */
#pragma once

#include "wire/time_zone.h"

/* Reads a zone of the tz database; asserts that it can. The bytes stay. */
void zone_of(const char *name, struct time_zone *ret_zone);
/*
 * Writes a file without times: one type with this offset, and a rule. Returns its size.
 */
size_t zone_write(unsigned char out[256], int32_t offset_s, const char *rule);
