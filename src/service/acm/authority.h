/*
 * The authority that issues the certificates that are requested here: one for the whole cloud, made
 * when it is first needed, with a key that never leaves the store.
 */
#pragma once

#include "service/call.h"

/*
 * Its document, borrowed: `_certificate` and `_private_key` as PEM. Made if there is none yet. NULL
 * and err on failure.
 */
const json_t *acm_authority(struct call *call, struct err *err);

/* When certificates begin and end, by the clock of programs outside and by the cloud's. */
struct acm_validity {
    int64_t not_before_s, not_after_s;
};

/*
 * A day behind both clocks to `days` ahead of both: clients outside go by real time, and the cloud
 * may be years ahead.
 */
struct acm_validity acm_validity(const struct call *call, int days);
