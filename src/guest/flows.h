/*
 * Packets of logged interfaces in one VPC, as the kernel tells of them, added up to flows. Guests
 * choose how many flows there are: the table has an end, an interface may have a part of it, and
 * what has no room is only said to be missing.
 */
#pragma once

#include "guest/guest.h"
#include "ipc/message.h"

struct flows;

/* Takes over the socket of host/net/log_socket.h, also on failure. NULL and err on failure. */
struct flows *flows_create(struct loop *loop, const char *vpc, int fd, guest_on_flows *on_flows,
                           void *owner, struct err *err);
/* Counts what the kernel has told of, or some of it; done whenever there is any. */
void flows_read(struct flows *flows);
/* Harmless with NULL. */
void flows_destroy(struct flows *flows);
