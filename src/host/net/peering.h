/* Links between the routers of peered VPCs. */
#pragma once

#include "host/net/router.h"

/*
 * Removes the links that `old` (NULL: nothing known) asked for and `new` does not, and makes those
 * for which the other VPC asks as well, whose routes then know them.
 */
int peering_apply(struct net *net, struct vpc *vpc, const struct fabric_view *old,
                  const struct fabric_view *new, struct err *err);
