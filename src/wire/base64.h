/* Base64 of RFC 4648 section 4, with padding. */
#pragma once

#include <stddef.h>

/* A malloc'd NUL-terminated string; NULL if memory ran out. */
char *base64_encode(const void *data, size_t size);
/*
 * Strict: length a multiple of 4 after white space is dropped, canonical padding, no other bytes.
 * A malloc'd buffer with a NUL after the data; NULL if `text` is not base64.
 */
char *base64_decode(const char *text, size_t size, size_t *ret_size);
