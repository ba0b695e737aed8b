/* What the command line asks of the daemon under /_pileus/: status, the clock, addresses,
 * the certificate authority, reachability, costs, images. */
#pragma once

#include "base/err.h"
#include "os/clock.h"
#include "service/call.h"
#include "store/store.h"

#include <jansson.h>

struct admin {
    struct store *store;
    struct series_store *series;
    const struct service_world *world;
    const char *account;
    const struct cloud_clock *(*clock)(void *arg);
    /* Tells everyone of a clock that has jumped. */
    void (*set_clock)(void *arg, const struct cloud_clock *clock);
    void *arg; /* of both */
};

/*
 * Answers "/_pileus/status", "/_pileus/clock" (POST {"AdvanceMs": n} jumps),
 * "/_pileus/instances/ID", "/_pileus/ca", "/_pileus/reach/REGION" (POST of a question, see
 * service/ec2/reach.h), "/_pileus/cost/REGION" (every region without one; see
 * service/billing/cost.h) and "/_pileus/images/..." (admin_images.h). A new reference, or NULL and
 * err with an HTTP status. `arg` is a struct admin; the type is front's.
 */
json_t *admin_answer(void *arg, const char *path, const json_t *body, struct err *err);
