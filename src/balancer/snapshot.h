/*
 * One configuration, as the data path reads it. A snapshot never changes once it is made, but for
 * what pools say of health; threads get the next one by pointer. Targets and cells outlive
 * snapshots.
 */
#pragma once

#include "balancer/cookie_seal.h"
#include "balancer/pool.h"
#include "balancer/target.h"
#include "balancer/traffic.h"
#include "base/err.h"
#include "http/tls_server.h"
#include "wire/http1.h"

#include <jansson.h>

struct regex;
struct rule_condition;

enum xff_mode { XFF_APPEND, XFF_PRESERVE, XFF_REMOVE };
enum desync_mode { DESYNC_MONITOR, DESYNC_DEFENSIVE, DESYNC_STRICTEST };

/* Attributes of a load balancer; durations in real time. */
struct balancer_attributes {
    int64_t idle_timeout_ms, client_keep_alive_ms;
    enum desync_mode desync_mode;
    enum xff_mode xff_mode;
    bool access_log, connection_log, health_check_log; /* somebody keeps the lines */
    bool xff_client_port, drop_invalid_headers, preserve_host;
    bool http2;       /* HTTPS clients may speak it */
    bool tls_headers; /* targets are told the TLS version and cipher suite */
};

enum { RESPONSE_HEADERS = 10 };

struct listener_attributes {
    char *tls_version_name, *tls_cipher_name; /* of headers in requests */
    bool strips_server;
    bool sets_response_headers;                      /* any of: */
    struct slice response_headers[RESPONSE_HEADERS]; /* whole lines; empty: not set */
};

struct node {
    uint32_t address;
    char zone[ID_SIZE];
    struct cell *cell;  /* of the load balancer in this zone, without a target group */
    int healthy_groups; /* target groups that are healthy here; main thread */
    atomic_bool in_dns; /* clients are led here */
};

struct allowed_source {
    uint32_t network, mask;
    uint16_t port_from, port_to;
};

struct load_balancer {
    char name[DIMENSION_SIZE];
    char *dns_name; /* lower case; "" alone */
    char vpc[ID_SIZE];
    struct balancer_attributes attributes;
    uint8_t cookie_key[COOKIE_KEY_SIZE]; /* of stickiness cookies */
    struct node *nodes;                  /* at least one */
    int node_count;
    struct allowed_source *sources;
    int source_count;
    struct listener *listeners;
    int listener_count;
};

enum algorithm {
    ALGORITHM_ROUND_ROBIN,
    ALGORITHM_LEAST_OUTSTANDING,
    ALGORITHM_WEIGHTED_RANDOM,
};
enum stickiness_type { STICKINESS_OFF, STICKINESS_LB_COOKIE, STICKINESS_APP_COOKIE };

/* Attributes of a target group. */
struct group_attributes {
    enum algorithm algorithm;
    bool mitigates_anomalies;
    int64_t slow_start_ms;           /* cloud time; 0: off */
    int64_t deregistration_delay_ms; /* cloud time */
    struct pool_threshold routing, dns;
    bool own_zone_only; /* cross-zone load balancing is off */
    enum stickiness_type stickiness;
    int64_t stickiness_s;
    char app_cookie[257];
};

/* What the targets of a group speak. */
enum target_version { TARGETS_HTTP1, TARGETS_HTTP2, TARGETS_GRPC };
enum { TARGET_VERSIONS = TARGETS_GRPC + 1 };
extern const char *const target_version_names[TARGET_VERSIONS]; /* the API's: "HTTP1" */

struct health_settings {
    int64_t interval_ms, timeout_ms; /* cloud time */
    int healthy_threshold, unhealthy_threshold;
    uint16_t port; /* 0: the target's own */
    enum target_version version;
    bool https;
    const struct tls_policy *tls; /* NULL: HTTP */
    char *path;
    uint8_t matcher[38]; /* a bit for each HTTP status from 200 to 499, or gRPC status from 0 */
};

/* A target's place in one snapshot. */
struct member {
    struct target *target;
    const char *zone; /* "" if it is not known */
    bool draining, invalid;
};

struct target_group {
    char *key; /* what actions call it: ARN or name */
    char name[DIMENSION_SIZE];
    uint16_t port; /* 0: each target names its own */
    enum target_version version;
    bool https;
    const struct tls_policy *tls; /* how targets are spoken to with HTTPS; NULL: without */
    struct group_attributes attributes;
    struct health_settings health;
    struct member *members;
    int member_count;
    struct target **routable; /* neither draining nor invalid */
    int routable_count;
    struct pool *pools; /* one for all nodes, or one for each node of the user */
    int pool_count;
    uint64_t session;           /* how stickiness cookies call it */
    struct load_balancer *user; /* whose rules forward to it; NULL: not in use */
};

enum action_type { ACTION_FORWARD, ACTION_REDIRECT, ACTION_FIXED_RESPONSE };

struct forward_group {
    struct target_group *group;
    unsigned weight;
    struct cell **cells; /* by node of the load balancer */
};

struct action {
    enum action_type type;
    struct forward_group *groups; /* forward */
    int group_count;
    unsigned weight_sum;
    int64_t stickiness_s;                        /* of the choice among groups; 0: off */
    int status;                                  /* redirect, fixed-response */
    char *protocol, *host, *port, *path, *query; /* redirect: templates with #{...} */
    char *content_type, *body;                   /* fixed-response; NULL: none */
};

/* A transform: the first match of the expression is replaced. */
struct rewrite {
    struct regex *regex; /* NULL: none */
    char *replace;       /* with $1... */
};

struct rule {
    unsigned priority;
    struct rule_condition *conditions;
    int condition_count;
    struct rewrite host_rewrite, url_rewrite;
    struct action action;
};

struct listener {
    const struct load_balancer *load_balancer;
    int node;         /* alone: whose address it has */
    uint32_t address; /* alone */
    uint16_t port;
    struct tls_server *tls; /* HTTPS; NULL: HTTP */
    struct listener_attributes attributes;
    struct rule *rules; /* by rising priority */
    int rule_count;
    struct action default_action;
};

/* A socket address that listens, and the listeners behind it: several only on the host. */
struct endpoint {
    char vpc[ID_SIZE]; /* "" on the host */
    uint32_t address;
    uint16_t port;
    int node; /* the node it belongs to; -1: the host's, told apart by Host */
    const struct listener **listeners;
    int listener_count;
    bool tls; /* one of them is HTTPS */
};

struct snapshot {
    bool cloud;
    int worker_count; /* alone: what the document asks for; 0: nothing */
    int clock_speed;  /* alone: of cloud time */
    int64_t clock_advance_ms;
    uint32_t host_address; /* cloud: how the host's clients are seen */
    struct load_balancer *load_balancers;
    int load_balancer_count;
    struct target_group *groups;
    int group_count;
    struct endpoint *endpoints;
    int endpoint_count;
    uint64_t generation;
    uint64_t seed; /* where rotations begin: snapshots may follow each other quickly */
    int holders;   /* threads that may still read it; kept by the main thread */
    _Alignas(max_align_t) struct list blocks;
    struct list regexes;
    struct traffic_table *traffic;
    struct target_table *targets;
    struct tls_store *tls;
    struct cell **cells; /* used by this snapshot */
    int cell_count, cell_capacity;
};

/*
 * Loads a document (see config.h). Targets, cells and TLS servers are found in, or added to, the
 * tables of `traffic`, `targets` and `tls`. NULL and err if the document is not right; then
 * nothing has changed.
 */
struct snapshot *snapshot_load(const char *text, size_t size, struct traffic_table *traffic,
                               struct target_table *targets, struct tls_store *tls,
                               struct err *err);
void snapshot_destroy(struct snapshot *snapshot);
/* Zeroed memory that lives as long as the snapshot; aborts if there is none. */
void *snapshot_alloc(struct snapshot *snapshot, size_t size);
char *snapshot_text(struct snapshot *snapshot, const char *text);
/* Where the requests of a node of the group's load balancer go. */
struct pool *target_group_pool(const struct target_group *group, int node);
/* A regular expression that lives as long as the snapshot; NULL and err if it is not valid. */
struct regex *snapshot_regex(struct snapshot *snapshot, const char *pattern, unsigned flags,
                             struct err *err);
/* The cell of these names, in use until the snapshot ends. */
struct cell *snapshot_cell(struct snapshot *snapshot, const char *load_balancer,
                           const char *target_group, const char *zone);
