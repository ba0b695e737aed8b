/* For the files of the simulated cloud: messages on their way to the controllers. */
#pragma once

#include "simulated_cloud.h"

/* A message of a peer that arrives after `delay_ms`, unless the peer has gone by then. */
void simulated_report(struct simulated_cloud *cloud, int64_t delay_ms, enum process from,
                      enum message_type type, const void *payload, size_t size);
/* How long something takes: up to `most_ms`, longer when messages are late. */
int64_t simulated_delay(struct simulated_cloud *cloud, int64_t most_ms);

/* simulated_host.c */
void simulated_host_send(struct simulated_cloud *cloud, enum message_type type, const void *payload,
                         const void *tail, size_t tail_size);
/* One USAGE report, and what happens to machines meanwhile. */
void simulated_host_usage(struct simulated_cloud *cloud);

/* simulated_balancer.c */
void simulated_balancer_configure(struct simulated_cloud *cloud, const char *json, size_t size);
/* One round of health checks: reports what has changed. */
void simulated_balancer_check(struct simulated_cloud *cloud);
