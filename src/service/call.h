/*
 * What a service handler sees. Handlers are pure functions of the request, the store and the
 * time: they validate, write desired state into the open transaction, and fill `out`. They make
 * no system call, keep no state of their own, and never block.
 *
 * `in` and `out` are JSON objects with the member names of the API model. In both, blobs are
 * base64 strings, timestamps are numbers (seconds since the epoch, may be fractional), and maps are
 * objects. `in` was decoded and validated by the model (types, required members, ranges, enums
 * and patterns); ids are not checked for existence. `out` may hold references to documents of the
 * store: the encoder skips members whose names begin with '_', and any other member that the
 * output shape does not have is a bug that the encoder reports.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct series_store; /* store/series.h: metrics */

/* What the world lends to handlers; the simulator and the tests lend another. */
struct service_world {
    void *arg;
    void (*random)(void *arg, void *out, size_t size);
    /* Appends the last 64 KiB of an instance's console, raw, as a malloc'd string; NULL if none. */
    char *(*read_console)(void *arg, const char *instance_id, size_t *ret_size);
    /* Real time, ms since the epoch: what programs outside go by. */
    int64_t (*real_ms)(void *arg);
    /*
     * A new RSA key of 2048 bits as PEM, malloc'd, for the caller alone. Making one takes long:
     * NULL and err_again() until there are `count` of them, which is how many the operation takes
     * in all with this one. It is run again then, in a new transaction.
     */
    char *(*rsa_key)(void *arg, int count, struct err *err);
    double vcpu_share; /* how much of a CPU one vCPU is */
    bool packet_log;   /* the machine's kernel can log packets: flow logs work */
    uint32_t world;    /* which /16 of 100.64.0.0/10 public addresses come from */
    /* The TZif file of a zone of the tz database ("Europe/Berlin"), borrowed; NULL if it has none.
     */
    const void *(*time_zone)(void *arg, const char *name, size_t *ret_size);
    const char *endpoint; /* where the API is reached: "http://127.0.0.1:4566" */
};

struct call {
    const struct service_world *world;
    struct txn *txn; /* open: committed when the handler succeeds, rolled back when it fails */
    struct store *store;
    struct series_store *series;
    const char *account;  /* 12 digits */
    const char *region;   /* "us-east-1" */
    const char *user_arn; /* of the caller: "arn:aws:iam::000000000000:root" */
    const char *access_key;
    const char *request_id; /* a UUID */
    int64_t now_ms;         /* cloud time */
    const json_t *in;       /* borrowed; always an object */
    json_t *out;            /* an empty object to fill */
    const char *documents;  /* a handler may name a list in `out` that has documents of the store */
};

typedef int service_handler(struct call *call, struct err *err);

struct service_operation {
    const char *name; /* as in the model: "RunInstances" */
    service_handler *handler;
    bool is_open; /* needs no signature; then `user_arn` is "" */
};

/* A service's operations that work. Everything else in the model answers "not supported". */
struct service {
    const char *name; /* as the model names it: "ec2", "elbv2", "autoscaling", ... */
    const struct service_operation *operations; /* ends with a row whose name is NULL */
    /*
     * Creates what AWS has in a region before anyone asks (the default VPC ...). Called inside the
     * transaction of the first call that names the region. NULL if there is nothing.
     */
    int (*prepare_region)(struct call *call, struct err *err);
};

extern const struct service acm_service, ec2_service, elbv2_service, autoscaling_service,
    cloudwatch_service, sns_service, sts_service, ssm_service;
/* All of them; ends with NULL. */
extern const struct service *const services[];

/* The operation, or NULL if the service does not have it. */
const struct service_operation *service_find(const char *service, const char *operation);

/*
 * Calls an operation from inside the program as a client would, in the same transaction: a
 * controller or another service acts by the operations that users have. Takes over `in`.
 * On success *ret_out is a new reference to the output (ret_out may be NULL). On failure what the
 * handler wrote stays in the transaction: the caller rolls back or accepts it.
 */
int service_call(const struct call *context, const char *service, const char *operation, json_t *in,
                 json_t **ret_out, struct err *err);

/*
 * Runs the `prepare_region` of each service that has not yet run in the call's region, inside the
 * call's transaction. Cheap when there is nothing to do; called before the handler of every call.
 */
int service_prepare_region(struct call *call, struct err *err);

/* "<prefix>-0" and 16 random hex digits (EC2's form of ids), written to out. A prefix has at
 * most 13 characters. */
void call_make_id(const struct call *call, const char *prefix, char out[32]);
/* 16 random hex digits (ELBv2's suffix of ARNs). */
void call_make_hex16(const struct call *call, char out[17]);
/* A random UUID, version 4. */
void call_make_uuid(const struct call *call, char out[37]);
/* Cloud time as the number that a timestamp member takes. New reference. */
json_t *call_now(const struct call *call);
