/*
 * What one minute's value needs of a minute's reports: one meter for each load balancer and zone.
 */
#pragma once

#include "base/map.h"
#include "ipc/message.h"

struct balancer_meter {
    uint64_t active_now, active_most; /* connections in the last report, and in the busiest one */
    uint64_t new_clients, processed_bytes, charged_evaluations;
};

/* Around the rows of one report. */
void meters_begin(struct map *meters);
void meters_take(struct map *meters, const char *load_balancer, const char *zone,
                 const struct traffic *row);
void meters_end(struct map *meters);

/* What came in since the last call, which begins anew; all zero if nothing did. */
struct balancer_meter meters_read(struct map *meters, const char *load_balancer, const char *zone);
void meters_finish(struct map *meters);
