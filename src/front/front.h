/*
 * The API port: AWS's protocols for every service on one listener, health, and the control
 * endpoints of the command line.
 */
#pragma once

#include "base/err.h"
#include "front/certificates.h"
#include "loop/loop.h"
#include "service/call.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct front;

struct front_options {
    struct store *store;
    struct series_store *series;
    const struct service_world *world;
    const char *account;      /* 12 digits */
    const char *region;       /* of requests that name none: unsigned ones */
    const char *version;      /* of the program, for health */
    bool authenticate;        /* false: any signature is taken, also none */
    int peer_connections_max; /* of one address; 0: no limit */
    bool root_key;            /* "test" is a key here, root's; without it only temporary ones are */
    /* Cloud time, ms since the epoch. */
    int64_t (*cloud_now_ms)(void *arg);
    /*
     * Answers a control request ("/_pileus/..." but health) with an object (new reference).
     * `body` is NULL for GET. NULL and err: err->http_status (or 400) and err->text are answered.
     * The front lets only JSON in, which no web page can send here without being asked first.
     */
    json_t *(*control)(void *arg, const char *path, const json_t *body, struct err *err);
    void *arg; /* of both callbacks */
    /* TLS, with these; NULL: plain. */
    struct front_certificates *certificates;
    struct encode_memo *memo; /* the front's own: leave it NULL */
};

/* Takes over `listen_fd` (non-blocking). The strings and pointers of `options` must outlive it. */
struct front *front_create(const struct front_options *options, struct loop *loop, int listen_fd,
                           struct err *err);
void front_destroy(struct front *front);
/*
 * Serves the requests whose operations ended with err_again(), in the order in which they came, up
 * to the first that must wait again. Called when there may be what they wait for.
 */
void front_go_on(struct front *front);
