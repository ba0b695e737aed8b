/* Which rule of a listener a request meets. Each sort of condition is one row of a table. */
#pragma once

#include "balancer/snapshot.h"

/* What conditions look at. */
struct request_facts {
    struct slice host; /* without port */
    struct slice path; /* normalised, without query */
};

/* The action of the first rule by priority whose conditions all match, or the default one. */
const struct action *rules_action(const struct listener *listener,
                                  const struct request_facts *facts);

/* Loads the array "Conditions" of a rule. */
int rules_load_conditions(struct snapshot *snapshot, const json_t *conditions, struct rule *rule,
                          struct err *err);

/*
 * The path that rules look at: percent-encoded letters, digits, "-._~" decoded, "." and ".."
 * segments removed. Returns its size; `out` holds path.size bytes. The target gets the path as the
 * client wrote it.
 */
size_t rules_normalise_path(struct slice path, char *out);
/* A host without its port. */
struct slice rules_host_name(struct slice host);
