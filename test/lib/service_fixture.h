/*
 * Calls operations as front/ does, against a store in memory: JSON text in, JSON out, both checked
 * against the API model. Time stands still unless the test moves it, and randomness is the same in
 * every run.
 */
#pragma once

#include "service/call.h"

struct zoneinfo; /* os/zoneinfo.h */

struct service_fixture {
    struct store *store;
    struct series_store *series; /* in memory */
    struct service_world world;
    const char *region; /* of the calls that follow; "us-east-1" at first */
    int64_t now_ms;     /* cloud time */
    int64_t real_ms;    /* real time: only certificates go by it */
    int rsa_keys;       /* how many the world has at a time; operations that want more wait */
    uint64_t random_state;
    struct zoneinfo *zoneinfo; /* of this machine */
    struct err err;            /* of the last call */
};

/* Opens an empty store; asserts that it can. */
struct service_fixture *fixture_create(void);
void fixture_destroy(struct service_fixture *fixture);

/*
 * Calls an operation in a transaction of its own: `in` is printf-formatted JSON, in which single
 * quotes stand for double ones. Commits and returns the output (a new reference), or rolls back,
 * keeps the error in fixture->err and returns NULL.
 */
json_t *fixture_call(struct service_fixture *fixture, const char *service, const char *operation,
                     const char *in, ...) __attribute__((format(printf, 4, 5)));
/* The same, asserting success; prints the error otherwise. */
json_t *fixture_ok(struct service_fixture *fixture, const char *service, const char *operation,
                   const char *in, ...) __attribute__((format(printf, 4, 5)));
/* Asserts that the call fails with this error code. */
void fixture_fails(struct service_fixture *fixture, const char *code, const char *service,
                   const char *operation, const char *in, ...)
    __attribute__((format(printf, 5, 6)));
/*
 * The string at a path such as "Vpcs.0.VpcId" of a document; asserts that there is one. Numbers
 * and booleans come as text ("3", "true"). Valid until the next call of fixture_text().
 */
const char *fixture_text(const json_t *doc, const char *path);
/* The value at a path, or NULL. Borrowed. */
const json_t *fixture_at(const json_t *doc, const char *path);
/* A call context in the open transaction `txn`, for tests that call below the operations. */
struct call fixture_context(struct service_fixture *fixture, struct txn *txn);
