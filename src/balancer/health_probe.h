/*
 * One health check of one target: a connection of its own, a request, and what the answer says.
 * HTTP/1.1, or HTTP/2 (gRPC too) if that is what the targets of its group speak; with TLS or not.
 */
#pragma once

#include "balancer/bytes.h"
#include "balancer/target_socket.h"

struct health_http2;
struct health_probe;

/* REASON_NONE: a success; `detail` is the status that did not match. The probe is stopped. */
typedef void health_verdict(struct health_probe *probe, int reason, int detail);

struct health_probe {
    struct target_socket socket;
    struct worker *worker;
    const struct target *target;
    const struct health_settings *settings;
    health_verdict *verdict;
    struct ssl_session_st *session;
    struct bytes in, out;
    struct health_http2 *http2; /* NULL: HTTP/1.1 */
    bool running;
    int status;            /* that the target answered with; -1: it did not */
    bool has_empty_status; /* a grpc-status without a value */
};

/*
 * Takes over `fd` (< 0: there was none to be had). The settings must live until the verdict, which
 * may come at once, or until health_probe_stop().
 */
void health_probe_start(struct health_probe *probe, int fd);
/* Harmless on one that does not run. */
void health_probe_stop(struct health_probe *probe);

/* For health_http2.c. */
void health_probe_end(struct health_probe *probe, int reason, int detail);
/* Ends it by a status: of HTTP, or of gRPC if that is what is checked. */
void health_probe_judge(struct health_probe *probe, int status);
/* "10.0.0.1:80" */
enum { HEALTH_AUTHORITY_SIZE = 24 };
void health_probe_authority(const struct health_probe *probe, char out[HEALTH_AUTHORITY_SIZE]);

/* ---- health_http2.c ---- */

/* The connection is there: sends the request. False if memory ran out. */
bool health_http2_begin(struct health_probe *probe);
/* There is something to read. May end the probe. */
void health_http2_readable(struct health_probe *probe);
void health_http2_end(struct health_probe *probe);
