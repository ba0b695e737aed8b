/* Actions of rules and listeners, from the API's words. */
#pragma once

#include "balancer/snapshot.h"

/*
 * Loads an array of exactly one action. `load_balancer` has its nodes, `listener` its protocol and
 * the snapshot its target groups; the groups that are named become used by the load balancer.
 */
int actions_load(struct snapshot *snapshot, struct load_balancer *load_balancer,
                 const struct listener *listener, const json_t *actions, struct action *out,
                 struct err *err);
