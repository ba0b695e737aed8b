/* NAT gateways of a VPC. */
#pragma once

#include "host/net/router.h"

/* Makes those that a checked message has, and removes all others. */
int nat_apply(struct net *net, struct vpc *vpc, const struct fabric_view *view, struct err *err);
int nat_remove_all(struct net *net, struct vpc *vpc, struct err *err);
/* Finds what an earlier process left. */
int nat_load(struct net *net, struct vpc *vpc, struct err *err);
