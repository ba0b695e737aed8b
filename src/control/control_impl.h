/* For the controllers themselves: what they share, and the table of them. */
#pragma once

#include "control/control.h"

#include <stdbool.h>

struct control {
    struct store *store;
    struct series_store *series;
    const struct control_world *world;
    int64_t next_due_ms; /* of this tick: the earliest time any controller asked for */
    bool dirty;          /* a commit or report since the last round */
    bool ticking;        /* inside control_tick(): it asks the world to wake it once, at its end */
    bool authority_due;  /* the host must be told of the authority */
    char user_arn[64];   /* of the account's root, who makes the controllers' calls */
    /* Each controller's own memory: caches that can be rebuilt from the store and from reports. */
    struct instances_control *instances;
    struct volumes_control *volumes;
    struct fabric_control *fabric;
    struct nat_gateways_control *nat_gateways;
    struct endpoints_control *endpoints;
    struct certificates_control *certificates;
    struct balancers_control *balancers;
    struct metrics_control *metrics;
    struct logs_control *logs;
    struct flow_logs_control *flow_logs;
    struct alarms_control *alarms;
    struct groups_control *groups;
    struct notifications_control *notifications;
    struct usage_control *usage;
};

/*
 * A controller. Every function may be NULL. `run` compares desired with observed over all regions
 * and acts; it is called on each tick, in the order of the table, until a whole round of all
 * controllers commits nothing more (bounded rounds).
 */
struct controller {
    const char *name;
    int (*create)(struct control *control, struct err *err);
    void (*destroy)(struct control *control);
    void (*changed)(struct control *control, const char *kind, const char *region); /* a commit */
    void (*receive)(struct control *control, enum message_type type, const void *payload,
                    size_t size);
    void (*peer_started)(struct control *control, enum process process);
    void (*run)(struct control *control);
};

extern const struct controller authority_controller, endpoints_controller, certificates_controller,
    instances_controller, volumes_controller, fabric_controller, nat_gateways_controller,
    balancers_controller, metrics_controller, logs_controller, flow_logs_controller,
    alarms_controller, groups_controller, notifications_controller, usage_controller;

/* Cloud time now. */
int64_t control_now(const struct control *control);
/* Asks to be run again at cloud time `due_ms` at the latest. */
void control_wake_at(struct control *control, int64_t due_ms);
/* A call context for service_call() and the call_make_* functions, in `txn`, for `region`. */
struct call control_call(struct control *control, struct txn *txn, const char *region);
/* Logs `err` with what was being done; for failures that will be tried again. */
void control_log(struct control *control, const char *what, const struct err *err);
