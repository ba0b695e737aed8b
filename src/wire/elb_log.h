/*
 * Lines of an Application Load Balancer's access, connection and health check logs, field by field
 * as AWS documents them. Pure: facts in, text out. Whatever a client wrote is escaped as \xHH when
 * it is not visible ASCII, a quote or a backslash, so that no request can forge a field or a line.
 */
#pragma once

#include "base/buf.h"
#include "wire/http1.h"

#include <stdint.h>

enum {
    ELB_LOG_USER_AGENT_SIZE_MAX = 8 * 1024, /* longer ones are cut, as on AWS */
    ELB_LOG_TRACE_ID_SIZE = 37,             /* "TID_", 32 hex digits, NUL */
};

/* An address and port; port 0: there is none ("-"). */
struct elb_log_endpoint {
    uint32_t address;
    uint16_t port;
};

/*
 * One request. A NULL text or an empty slice is "-"; a status of 0 too; a duration below 0 is -1.
 * Times are microseconds since the Unix epoch, durations microseconds.
 */
struct access_log_entry {
    const char *type; /* "http", "https", "h2", "grpcs", "ws", "wss" */
    int64_t time_us;  /* of the response; of a WebSocket: when it was closed */
    const char *load_balancer;
    struct elb_log_endpoint client, target;
    int64_t request_us, target_us, response_us; /* the three processing times */
    int elb_status, target_status;
    uint64_t received_bytes, sent_bytes;
    struct slice request; /* "GET http://host:80/path HTTP/1.1" */
    struct slice user_agent;
    const char *cipher, *protocol; /* of TLS: "ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2" */
    const char *target_group;      /* ARN */
    struct slice trace_id;
    const char *domain_name, *certificate; /* SNI; ARN, or "session-reused" */
    int rule_priority;                     /* 0: default rule; -1: a rule failed; below: none */
    int64_t created_us;                    /* when the request came */
    const char *actions;                   /* "forward", "redirect", ... */
    struct slice redirect_url;
    const char *error_reason;
    const char *classification, *classification_reason;
    const char *trace; /* of the connection, see elb_log_trace_id() */
    struct slice transformed_host, transformed_uri;
    const char *transform_status;
};

enum { ACCESS_LOG_NO_RULE = -2 };

/* One connection, or attempt at one. The same conventions. */
struct connection_log_entry {
    int64_t time_us;
    struct elb_log_endpoint client;
    uint16_t listener_port;
    const char *protocol, *cipher;
    int64_t handshake_us;
    const char *verify_status; /* "Success", "Failed:..." */
    const char *trace;
};

/* One health check that has a result. The same conventions. */
struct health_check_log_entry {
    const char *type; /* "http", "https", "h2", "grpc" */
    int64_t time_us;  /* when it began */
    int64_t latency_us;
    struct elb_log_endpoint target;
    const char *target_group; /* its name */
    int status;               /* of HTTP, or of gRPC; below 0: the target sent none */
    const char *reason;       /* "TimedOut", ...; NULL: it passed */
};

/* Appends one line with its newline. */
void access_log_append(struct buf *out, const struct access_log_entry *entry);
void connection_log_append(struct buf *out, const struct connection_log_entry *entry);
void health_check_log_append(struct buf *out, const struct health_check_log_entry *entry);
/* "TID_" and 32 hex digits. */
void elb_log_trace_id(uint64_t high, uint64_t low, char out[ELB_LOG_TRACE_ID_SIZE]);
