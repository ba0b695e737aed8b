/* What the command line asks of the daemon under /_pileus/: status, the clock, addresses. */
#pragma once

#include "base/err.h"
#include "os/clock.h"
#include "store/store.h"

#include <jansson.h>

struct admin {
    struct store *store;
    const struct cloud_clock *(*clock)(void *arg);
    /* Tells everyone of a clock that has jumped. */
    void (*set_clock)(void *arg, const struct cloud_clock *clock);
    void *arg; /* of both */
};

/*
 * Answers "/_pileus/status", "/_pileus/clock" (POST {"AdvanceMs": n} jumps) and
 * "/_pileus/instances/ID". A new reference, or NULL and err with an HTTP status.
 * `arg` is a struct admin; the type is front's.
 */
json_t *admin_answer(void *arg, const char *path, const json_t *body, struct err *err);
