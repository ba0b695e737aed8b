/* Randomness from the kernel. */
#pragma once

#include <stddef.h>

/* Fills `size` bytes; aborts if the kernel cannot (it always can once booted). */
void random_bytes(void *out, size_t size);
