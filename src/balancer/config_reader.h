/* Reading the members of a configuration: each is known, of the right type and in its range. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Refuses an object with a member that is not in `names` (NULL-terminated), does not begin with
 * "_" and does not merely describe a resource (reader.c has the list). `what` is for the error.
 */
int reader_check(const json_t *object, const char *what, const char *const *names, struct err *err);
/* A whole number, written as a number or as a string, from `min` to `max`; `missing` if absent. */
int reader_integer(const json_t *object, const char *name, int64_t min, int64_t max,
                   int64_t missing, int64_t *out, struct err *err);
/* The same for one value. */
int reader_integer_value(const json_t *value, const char *name, int64_t min, int64_t max,
                         int64_t *out, struct err *err);
/* A string of at most `size_max` bytes; NULL if absent. */
int reader_text(const json_t *object, const char *name, size_t size_max, const char **out,
                struct err *err);
int reader_required_text(const json_t *object, const char *name, size_t size_max, const char **out,
                         struct err *err);
/* true or false; false if absent. */
int reader_flag(const json_t *object, const char *name, bool *out, struct err *err);
/* A dotted IPv4 address in host byte order. */
int reader_address(const char *text, uint32_t *out, struct err *err);
/* "10.0.0.0/8" as network and mask. */
int reader_block(const char *text, uint32_t *network, uint32_t *mask, struct err *err);
