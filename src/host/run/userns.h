/* User namespaces: ids 0..65535 inside are `base`..`base`+65535 outside, which nobody else has. */
#pragma once

#include "base/err.h"

#include <stdint.h>

enum { USERNS_IDS = 65536, USERNS_SLOTS = 16384, USERNS_FIRST_ID = 0x20000000 };

/* The first outside id of a slot (< USERNS_SLOTS). */
static inline uint32_t userns_base(uint32_t slot)
{
    return USERNS_FIRST_ID + slot * USERNS_IDS;
}

/* A descriptor of a new user namespace with the ids of `base`. It lives as long as it is open. */
int userns_open(uint32_t base, struct err *err);
