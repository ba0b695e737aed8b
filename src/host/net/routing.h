/* Addresses, routes and routing rules of a VPC, inside its namespace and on the host. */
#pragma once

#include "host/net/router.h"

/* Brings the kernel to what a checked message asks for. */
int routing_apply(struct net *net, struct vpc *vpc, const struct fabric_view *view,
                  struct err *err);
/* The same for the VPC's last message: a link that its routes may lead to has come or gone. */
int routing_refresh(struct net *net, struct vpc *vpc, struct err *err);
/* Finds what an earlier process left. */
int routing_load(struct net *net, struct vpc *vpc, struct err *err);
