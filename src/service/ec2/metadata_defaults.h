/* The account's defaults for metadata options, for launches. */
#pragma once

#include "service/call.h"

/* Sets what the account prefers in the region; leaves the rest of `options` alone. */
void metadata_defaults_apply(const struct call *call, json_t *options);
