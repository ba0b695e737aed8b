/*
 * The world of the controllers, simulated: cloud time that moves only when told to, and a host and
 * a balancer that answer messages after a while. Store, services and controllers are the real ones.
 * Everything follows from the seed, also what goes wrong.
 */
#pragma once

#include "base/map.h"
#include "control/control.h"
#include "store/series.h"

#include <stdbool.h>
#include <stdint.h>

/* Chances of what can go wrong, each 0..1. All zero: nothing does. */
struct simulated_faults {
    double start_fails;     /* of an instance that is told to start, or of its interfaces */
    double dies;            /* of a running instance, each USAGE_MS */
    double turns_sick;      /* its program fails health checks, each USAGE_MS */
    double recovers;        /* of a sick instance, each USAGE_MS */
    double message_is_late; /* a report takes up to a minute */
};

/* An instance as the host has it. */
struct machine {
    char id[ID_SIZE];
    uint32_t boot;
    bool running;
    bool sick; /* fails health checks */
    bool busy; /* an endless loop: all of its CPU */
    uint32_t interface_count;
    uint32_t cpu_thousandths;
    uint64_t cpu_us;
};

enum { SIMULATED_USAGE_MS = 20000, SIMULATED_CHECK_MS = 10000 };

struct simulated_event;

struct simulated_cloud {
    struct store *store;
    struct series_store *series;
    struct control *control;
    struct control_world world;
    struct service_world service;
    const char *region;
    int64_t now_ms, wake_ms;
    uint64_t random_state;
    struct err err; /* of the last call */
    struct simulated_faults faults;
    double load; /* CPUs of work, shared by the running instances */
    bool host_present, balancer_present;
    bool prints_log;                /* what the controllers log goes to standard error */
    struct map machines;            /* by instance id: struct machine */
    struct map fabrics;             /* by VPC: struct simulated_fabric */
    json_t *configuration;          /* the balancer's; NULL: none yet */
    struct map health;              /* "<target group>/<target>:<port>": its state, as a number */
    struct simulated_event *events; /* in the order of their times */
    int event_count;
};

/* What the host last heard of a VPC's network. */
struct simulated_fabric {
    size_t size;
    char bytes[];
};

/* A world at 2026-01-02 03:04:05 with an empty store, a host and a balancer. */
struct simulated_cloud *cloud_create(uint64_t seed);
void cloud_destroy(struct simulated_cloud *cloud);

/* Lets time pass. Whatever becomes due happens at its time. */
void cloud_run(struct simulated_cloud *cloud, int64_t duration_ms);

/* Calls an operation as a client does; printf-formatted JSON with single quotes. NULL on failure.
 */
json_t *cloud_call(struct simulated_cloud *cloud, const char *service, const char *operation,
                   const char *in, ...) __attribute__((format(printf, 4, 5)));
/* The same, but ends the program if the call fails; forgets the output. */
void cloud_ok(struct simulated_cloud *cloud, const char *service, const char *operation,
              const char *in, ...) __attribute__((format(printf, 4, 5)));

/* Creates launch template "web" from a public image. */
void cloud_template(struct simulated_cloud *cloud);
/* Adds a version to it. */
void cloud_template_version(struct simulated_cloud *cloud);

/* Random numbers of the world: 0..limit-1, and whether something with this chance happens. */
uint64_t cloud_random(struct simulated_cloud *cloud, uint64_t limit);
bool cloud_chance(struct simulated_cloud *cloud, double chance);

/* The machine of an instance, NULL if the host does not have it. */
struct machine *cloud_machine(struct simulated_cloud *cloud, const char *instance_id);
/* Ends a running machine as a crash does. */
void cloud_kill(struct simulated_cloud *cloud, struct machine *machine);
/* Stops the host process: messages are lost. */
void cloud_host_leaves(struct simulated_cloud *cloud);
/* Starts it again: it adopts its instances, or has lost them all. */
void cloud_host_returns(struct simulated_cloud *cloud, bool keeps_machines);
/* Another api process takes the place of the first: reports on their way are lost. */
void cloud_api_restarts(struct simulated_cloud *cloud);
void cloud_balancer_leaves(struct simulated_cloud *cloud);
void cloud_balancer_returns(struct simulated_cloud *cloud);
