/* The network of one VPC, from its documents to the message that the host understands. */
#pragma once

#include "base/buf.h"
#include "ipc/message.h"
#include "store/store.h"

#include <stdbool.h>

/*
 * Appends the struct fabric of a VPC and its arrays to `out`, with generation 0. The same documents
 * give the same bytes. `packet_log`: interfaces may be logged. Returns the number of interfaces:
 * with none, the host need not know the VPC.
 */
uint32_t fabric_compose(const struct store *store, const char *region, const json_t *vpc,
                        bool packet_log, struct buf *out);
