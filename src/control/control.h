/*
 * The controllers: they bring what is (reports of host and balancer) to what was promised (the
 * store). Each is level-triggered: running it again is always safe, and a crash between any two
 * steps is repaired by running it again. They touch the world only through `control_world`, so the
 * simulator runs exactly this code.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"
#include "os/clock.h"
#include "service/call.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

struct series_store;
struct control;

struct control_world {
    void *arg;
    int64_t (*now_ms)(void *arg); /* cloud time */
    /* Sends to the process that the message table names; dropped if that process is away. */
    void (*send)(void *arg, enum message_type type, const void *payload, size_t payload_size,
                 const void *tail, size_t tail_size);
    /* Asks for control_tick() at cloud time `due_ms` at the latest (the earliest request wins). */
    void (*wake_at)(void *arg, int64_t due_ms);
    void (*log)(void *arg, const char *text);
    const struct service_world *service; /* for service_call() */
    const char *account;
    const char *log_dir;      /* where buckets are that logs go to; NULL: nobody keeps them */
    const char *flow_log_dir; /* the same for flow logs */
    const char *mail_dir;     /* where mail goes; NULL: nobody keeps it */
    /*
     * Where AWS's APIs shall answer in VPCs and, with vpc "", on the cloud's internet: all of the
     * places, each time. NULL: nobody answers there.
     */
    void (*serve)(void *arg, const struct message_endpoint *wanted, size_t count);
};

/* Neither store nor series nor world is owned. NULL and err on failure. */
struct control *control_create(struct store *store, struct series_store *series,
                               const struct control_world *world, struct err *err);
void control_destroy(struct control *control);

/* Runs what is due: after commits, reports and when a wake_at() time has come. Never blocks. */
void control_tick(struct control *control);
/* A report from another process (HOST_HELLO, INSTANCE_STATE, USAGE, TARGET_HEALTH ...). */
void control_receive(struct control *control, enum message_type type, const void *payload,
                     size_t size);
/* A process (re)connected: everything it must know is sent again. */
void control_peer_started(struct control *control, enum process process);
