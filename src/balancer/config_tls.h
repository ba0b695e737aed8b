/* The TLS side of a listener: its policy and certificates. */
#pragma once

#include "balancer/snapshot.h"

/* Sets listener->tls, which the snapshot then holds. Err if a member is missing or not right. */
int tls_load_listener(struct snapshot *snapshot, const json_t *json, struct listener *listener,
                      struct err *err);
/* How the HTTPS targets of a group are spoken to; the listeners that use it are there. */
void tls_load_group(struct target_group *group);
/* Refuses what only HTTPS listeners have. */
int tls_refuse_listener(const json_t *json, struct err *err);
