/*
 * Every message between Pileus's processes: one row each, with its direction and payload.
 * Addresses are IPv4 in host byte order. Ids are NUL-terminated strings in fixed fields.
 */
#pragma once

#include "os/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum process {
    PROCESS_PARENT,
    PROCESS_API,
    PROCESS_BALANCER,
    PROCESS_GUEST,
    PROCESS_HOST,
    PROCESS_COUNT
};

/* One row each; "+": what follows the fixed part. */
/* clang-format off */
/*    name             from      to        fixed part            descriptors at most */
#define MESSAGES(X)                                                                                          \
    X(PEER,            PARENT,   ANY,      struct message_peer,            1) /* a new channel */            \
    X(STOP,            PARENT,   ANY,      struct message_stop,            0)                                \
    X(READY,           ANY,      PARENT,   struct message_empty,           0)                                \
    X(RETIRE,          PARENT,   BALANCER, struct message_empty,           0) /* another took over */        \
    X(TAKEN_OVER,      BALANCER, PARENT,   struct message_empty,           0)                                \
    X(CLOCK,           API,      ANY,      struct cloud_clock,             0)                                \
    X(HOST_HELLO,      HOST,     API,      struct message_hello,           0) /* send everything */          \
    X(FABRIC,          API,      HOST,     struct fabric,                  0) /* + arrays */                 \
    X(FABRIC_DELETE,   API,      HOST,     struct message_id,              0)                                \
    X(FABRIC_DONE,     HOST,     API,      struct message_fabric_done,     0)                                \
    X(INSTANCE_NETWORK, API,     HOST,     struct message_instance_network, 0) /* before its START */        \
    X(INSTANCE_NETWORK_DONE, HOST, API,    struct message_instance_network_done, 0)                          \
    X(AUTHORITY,       API,      HOST,     struct message_authority,       0) /* for instances to trust */   \
    X(INSTANCE_START,  API,      HOST,     struct message_instance_start,  0)                                \
    X(INSTANCE_STOP,   API,      HOST,     struct message_instance_stop,   0)                                \
    X(INSTANCE_REMOVE, API,      HOST,     struct message_id,              0) /* its disk too */             \
    X(INSTANCE_STATE,  HOST,     API,      struct message_instance_state,  0)                                \
    X(USAGE,           HOST,     API,      struct message_usage,           0) /* + usage rows */             \
    X(NAT_TRAFFIC,     HOST,     API,      struct message_rows,            0) /* + nat_traffic[] */          \
    X(IMAGE_CREATE,    API,      HOST,     struct message_image_create,    0)                                \
    X(IMAGE_DELETE,    API,      HOST,     struct message_id,              0)                                \
    X(IMAGE_DONE,      HOST,     API,      struct message_image_done,      0)                                \
    X(VOLUME_MAKE,     API,      HOST,     struct message_volume,          0) /* or let it grow */           \
    X(VOLUME_ATTACH,   API,      HOST,     struct message_volume,          0) /* to what runs */             \
    X(VOLUME_DETACH,   API,      HOST,     struct message_volume,          0)                                \
    X(VOLUME_DELETE,   API,      HOST,     struct message_id,              0)                                \
    X(VOLUME_STATE,    HOST,     API,      struct message_volume_state,    0)                                \
    X(OPEN_LISTENER,   BALANCER, HOST,     struct message_endpoint,        0)                                \
    X(CLOSE_LISTENER,  BALANCER, HOST,     struct message_endpoint,        0)                                \
    X(LISTENER,        HOST,     BALANCER, struct message_listener,        1)                                \
    X(KEEP_LISTENER,   BALANCER, HOST,     struct message_endpoint,        1) /* to a host started anew */   \
    X(OPEN_SOCKETS,    BALANCER, HOST,     struct message_sockets,         0)                                \
    X(SOCKETS,         HOST,     BALANCER, struct message_sockets,        64)                                \
    X(OPEN_SERVICE,    API,      HOST,     struct message_endpoint,        0)                                \
    X(SERVICE,         HOST,     API,      struct message_listener,        1) /* where AWS's APIs answer */  \
    X(GUEST_LISTENERS, HOST,     GUEST,    struct message_id,              3) /* IMDS, DNS; none: end */     \
    X(GUEST_LOG,       HOST,     GUEST,    struct message_id,              1) /* of packets; none: end */    \
    X(FLOWS,           GUEST,    API,      struct message_flows,           0) /* + flow[] */                 \
    X(METADATA,        API,      GUEST,    struct message_id,              0) /* + JSON */                   \
    X(METADATA_DELETE, API,      GUEST,    struct message_id,              0)                                \
    X(NAMES,           API,      GUEST,    struct message_empty,           0) /* + JSON */                   \
    X(DELIVER,         API,      GUEST,    struct message_delivery,        0) /* + JSON */                   \
    X(DELIVERED,       GUEST,    API,      struct message_delivered,       0)                                \
    X(CONFIGURE,       API,      BALANCER, struct message_empty,           0) /* + JSON */                   \
    X(TARGET_HEALTH,   BALANCER, API,      struct message_rows,            0) /* + target_health[] */        \
    X(TRAFFIC,         BALANCER, API,      struct message_rows,            0) /* + traffic[], each second */ \
    X(LOG,             BALANCER, API,      struct message_log,             0) /* + lines */                  \
    X(LOG_TAKEN,       API,      BALANCER, struct message_log_taken,       0)
/* clang-format on */

enum message_type {
#define X(name, from, to, payload, descriptors) MESSAGE_##name,
    MESSAGES(X)
#undef X
        MESSAGE_COUNT
};

enum {
    ID_SIZE = 32,                        /* "subnet-" and 17 hex digits, with room */
    MESSAGE_SIZE_MAX = 64 * 1024 * 1024, /* of one message */
    MESSAGE_DESCRIPTORS_MAX = 64,
};

struct message_empty {
    uint32_t unused;
};

struct message_id {
    char id[ID_SIZE];
};

struct message_peer {
    uint32_t process; /* enum process */
};

struct message_stop {
    uint32_t keep_instances; /* 1: leave instances and their network as they are */
};

struct message_rows {
    uint32_t count;
    uint32_t unused;
};

/* ---- parent, host, api ---- */

struct message_hello {
    uint32_t world;           /* 0..63: which /16 of 100.64.0.0/10 this daemon uses */
    uint32_t host_address;    /* the host's own address there: 100.(64+world).0.1 */
    uint32_t service_address; /* where AWS's services answer there: 100.(64+world).0.2 */
};

/* ---- the fabric of one VPC: the whole desired state, always ---- */

enum fabric_route_kind {
    ROUTE_INTERNET_GATEWAY = 1,
    ROUTE_BLACKHOLE = 2,
    ROUTE_INTERFACE = 3, /* an instance's or a NAT gateway's */
    ROUTE_PEER = 4,
};
enum fabric_direction { DIRECTION_INGRESS = 0, DIRECTION_EGRESS = 1 };
enum fabric_action { ACTION_DENY = 0, ACTION_ALLOW = 1 };
enum fabric_interface_kind { INTERFACE_INSTANCE = 1, INTERFACE_BALANCER = 2, INTERFACE_NAT = 3 };
/* Flags: without source/destination check; its packets are told to the guest process. */
enum { INTERFACE_UNCHECKED = 1, INTERFACE_LOGGED = 2 };
enum {
    FABRIC_GROUPS_PER_INTERFACE = 16,
    FABRIC_NO_GROUP = 0xffff,
    FABRIC_OWN_BLOCK = 0xffff,
    FABRIC_NO_PEER = 0xffff,
};

/*
 * Followed by blocks[], subnets[], routes[], acls[], acl_rules[], groups[], rules[], members[],
 * peers[], interfaces[], addresses[] in this order, unpadded.
 */
struct fabric {
    char vpc[ID_SIZE];
    uint64_t generation; /* echoed by FABRIC_DONE */
    uint32_t block_count, subnet_count, route_count, acl_count, acl_rule_count, group_count,
        rule_count, member_count, peer_count, interface_count, address_count;
    uint32_t unused;
};

/* A CIDR block of the VPC (the first row: its primary one) or of a peered VPC. */
struct fabric_block {
    uint32_t network;
    uint16_t prefix;
    uint16_t peer; /* index into peers[], or FABRIC_OWN_BLOCK */
};

struct fabric_subnet {
    char id[ID_SIZE];
    uint32_t network;
    uint16_t prefix;
    uint16_t table; /* its route table, numbered from 0 within the message */
    uint16_t acl;   /* index into acls[] */
    uint16_t unused;
};

/* The local routes are implied in every table. */
struct fabric_route {
    uint32_t network;
    uint16_t prefix;
    uint16_t table;
    uint32_t kind;   /* enum fabric_route_kind */
    uint32_t target; /* index into interfaces[] or peers[], as the kind says */
};

struct fabric_acl {
    char id[ID_SIZE];
};

/* An entry of a network ACL, in order of number; what no entry matches is denied. */
struct fabric_acl_rule {
    uint32_t network; /* the source of ingress, the destination of egress */
    uint16_t prefix;
    uint16_t acl;       /* index into acls[] */
    uint16_t number;    /* RuleNumber */
    uint16_t port_from; /* as in fabric_rule */
    uint16_t port_to;
    uint8_t protocol;
    uint8_t direction; /* enum fabric_direction */
    uint8_t action;    /* enum fabric_action */
    uint8_t unused[3];
};

/* A security group of this VPC, or one of a peered VPC that rules of this one name. */
struct fabric_group {
    char id[ID_SIZE];
    uint16_t peer; /* index into peers[], or FABRIC_NO_PEER: it is of this VPC */
    uint16_t unused;
};

/* A security group rule with one source or destination: an address block or a group. */
struct fabric_rule {
    uint16_t group;     /* index into groups[]: the group the rule belongs to */
    uint8_t direction;  /* enum fabric_direction */
    uint8_t protocol;   /* IP protocol number; 0 means all */
    uint16_t port_from; /* for ICMP: type, 0xffff for all */
    uint16_t port_to;   /* for ICMP: code, 0xffff for all */
    uint32_t network;   /* peer block, when peer_group is FABRIC_NO_GROUP */
    uint16_t prefix;
    uint16_t peer_group; /* index into groups[], or FABRIC_NO_GROUP */
};

/* An address that has a peered VPC's group. */
struct fabric_member {
    uint32_t address;
    uint16_t group; /* index into groups[] */
    uint16_t unused;
};

/* An active peering connection. */
struct fabric_peer {
    char id[ID_SIZE];  /* pcx-... */
    char vpc[ID_SIZE]; /* the other VPC */
};

struct fabric_interface {
    char id[ID_SIZE]; /* eni-... */
    uint32_t kind;    /* enum fabric_interface_kind */
    uint32_t flags;   /* INTERFACE_UNCHECKED, INTERFACE_LOGGED */
    uint16_t subnet;  /* index into subnets[] */
    uint16_t group_count;
    uint16_t groups[FABRIC_GROUPS_PER_INTERFACE]; /* indices into groups[] */
    uint8_t mac[6];
    uint8_t unused[2];
};

/* An interface's private address; its primary one comes first. In order of interfaces. */
struct fabric_address {
    uint32_t interface; /* index into interfaces[] */
    uint32_t address;
    uint32_t public_address; /* mapped 1:1 to address by the internet gateway; 0: none */
};

struct message_fabric_done {
    char vpc[ID_SIZE];
    uint64_t generation;
    uint32_t failed; /* 1: text says why; api sends the fabric again */
    char text[252];
};

/* ---- flow logs ---- */

/* Followed by `count` rows of struct flow: what passed or was stopped since the message before. */
struct message_flows {
    char vpc[ID_SIZE];
    uint32_t count;
    uint32_t incomplete; /* 1: packets are missing, and nobody knows of which interface */
};

/*
 * Packets with the same addresses, ports and protocol at one interface, before NAT. Without packets
 * it says that some of this interface are missing.
 */
struct flow {
    char interface[ID_SIZE]; /* eni-... */
    uint32_t source, destination;
    uint16_t source_port, destination_port; /* 0 where the protocol has none */
    uint8_t protocol;
    uint8_t direction; /* enum fabric_direction */
    uint8_t action;    /* enum fabric_action */
    uint8_t tcp_flags; /* FIN 1, SYN 2, RST 4, SYN-ACK 18, joined */
    uint64_t packets, bytes;
};

/* ---- instances ---- */

enum {
    LAYERS_MAX = 16,
    HOST_NAME_SIZE = 64,
    INSTANCE_INTERFACES_MAX = 15, /* of the largest type */
    INTERFACE_ADDRESSES_MAX = 50,
    DEVICE_SIZE = 16,
    VOLUMES_MAX = 27, /* beside the root volume */
    DHCP_SERVERS_MAX = 4,
    DHCP_DOMAIN_SIZE = 256,
    AUTHORITY_SIZE = 4096,
};

/* What an instance may read from a volume, and write to it, in a second; 0: no limit. */
struct volume_limits {
    uint32_t iops, mib;
};

/* A volume beside the root volume; its files are at /mnt/<device>. */
struct volume_attachment {
    char volume[ID_SIZE];
    char device[DEVICE_SIZE]; /* "sdf": letters and digits only */
    struct volume_limits limits;
};

/* A network interface as an instance has it; the fabric names it too. */
struct instance_interface {
    char id[ID_SIZE]; /* eni-... */
    char vpc[ID_SIZE];
    uint32_t device_index; /* 1 is eth1 */
    uint32_t gateway, prefix;
    uint32_t address_count;
    uint32_t addresses[INTERFACE_ADDRESSES_MAX]; /* the primary one first */
    uint8_t mac[6];
    uint8_t unused[2];
};

/* The whole desired network of an instance, always, sent when it changes: what it has beyond that
 * is unplugged. */
struct message_instance_network {
    char instance[ID_SIZE];
    uint64_t generation; /* echoed by INSTANCE_NETWORK_DONE */
    uint32_t interface_count;
    uint32_t unused;
    struct instance_interface interfaces[INSTANCE_INTERFACES_MAX]; /* the primary one first */
};

/* What does not run has nothing plugged in, and is done at once. */
struct message_instance_network_done {
    char instance[ID_SIZE];
    uint64_t generation;
    uint32_t failed; /* 1: text says why; api sends the network again */
    char text[252];
};

/* The authority that this cloud's certificates come from; each instance that starts trusts it. */
struct message_authority {
    uint32_t hash; /* of its name, as OpenSSL names files by it */
    uint32_t size;
    char certificate[AUTHORITY_SIZE]; /* PEM */
};

/* What DHCP tells an instance, the options of its VPC. Servers that there are not are 0. */
struct message_dhcp {
    char domain[DHCP_DOMAIN_SIZE]; /* letters, digits, dots, hyphens, and spaces between several */
    uint32_t name_servers[DHCP_SERVERS_MAX], time_servers[DHCP_SERVERS_MAX],
        netbios_servers[DHCP_SERVERS_MAX];
    uint32_t netbios_node_type; /* 0: none */
};

struct message_instance_start {
    char instance[ID_SIZE];
    char host_name[HOST_NAME_SIZE]; /* "ip-10-0-1-5", letters, digits and hyphens only */
    uint32_t boot; /* counts starts; START with one that is not new is answered by the state */
    uint32_t slot; /* which range of 65,536 user ids; unique among instances */
    uint32_t cpu_thousandths; /* of one CPU, the most it may use */
    uint32_t memory_mib;
    uint32_t address; /* that its host name stands for */
    struct message_dhcp dhcp;
    uint32_t layer_count;
    char layers[LAYERS_MAX][ID_SIZE]; /* of the root file system, lowest first: "host", ami-... */
    char root_volume[ID_SIZE];        /* made by the first start; "": the disk is a plain folder */
    uint32_t root_gib;
    struct volume_limits root_limits;
    uint32_t volume_count;
    struct volume_attachment volumes[VOLUMES_MAX]; /* they exist */
};

struct message_instance_stop {
    char instance[ID_SIZE];
    uint32_t force; /* 1: SIGKILL at once; 0: SIGTERM, and SIGKILL after 30 s */
};

enum instance_report {
    INSTANCE_STARTED = 1,
    INSTANCE_EXITED = 2,
    INSTANCE_FAILED = 3,
    INSTANCE_REMOVED = 4
};

/* Texts of INSTANCE_EXITED after which an instance that should run is started again. */
#define INSTANCE_TEXT_RESTARTED "it restarted itself"
#define INSTANCE_TEXT_LOST      "it ended while the host process was away"

struct message_instance_state {
    char instance[ID_SIZE];
    uint32_t boot;
    uint32_t report; /* enum instance_report */
    char text[252];  /* why it failed, or how it exited */
};

/* Followed by `count` rows of struct usage, one for each running instance. */
struct message_usage {
    uint32_t count;
    uint32_t interval_ms; /* real time since the report before, which CPU time is measured against;
                             0 means a second */
};

struct usage {
    char instance[ID_SIZE];
    uint32_t boot;                       /* totals start again from 0 with each boot */
    uint32_t cpu_thousandths;            /* what 100 % means */
    uint64_t cpu_us;                     /* CPU time used, total */
    uint64_t received_bytes, sent_bytes; /* of its interfaces, seen from the instance, totals */
    uint64_t received_packets, sent_packets;
    uint64_t memory_bytes;
    uint32_t unreachable; /* 1: its primary interface is down, so nothing can reach it */
    uint32_t unused;
};

/* What a NAT gateway has passed on, both ways; 0 again when its link is made anew. */
struct nat_traffic {
    char interface[ID_SIZE];
    uint64_t processed_bytes;
};

/* Keeps what is in a volume as a layer (of a root volume) or as a tree of files. */
struct message_image_create {
    char image[ID_SIZE];    /* ami-... or snap-...: the name of what is kept */
    char instance[ID_SIZE]; /* who writes to the volume, and stands still meanwhile; "": nobody */
    char volume[ID_SIZE];   /* "": the disk of the instance is a plain folder */
};

struct message_image_done {
    char image[ID_SIZE];
    uint32_t failed;
    char text[252];
};

struct message_volume {
    char volume[ID_SIZE];
    char instance[ID_SIZE];   /* to attach to or to detach from */
    char device[DEVICE_SIZE]; /* as in volume_attachment */
    struct volume_limits limits;
    uint32_t gib;
    uint32_t force;         /* of VOLUME_DETACH: 1: whoever still has its files open */
    char snapshot[ID_SIZE]; /* whose files a new volume begins with; "": none */
    uint32_t layer_count;   /* of a root volume */
    char layers[LAYERS_MAX][ID_SIZE];
};

enum volume_report {
    VOLUME_MADE = 1, /* it exists, with `gib` */
    VOLUME_ATTACHED,
    VOLUME_DETACHED,
    VOLUME_BUSY,     /* it was to be detached, and is in use; api asks again */
    VOLUME_NOT_MADE, /* the next two: `text` says why */
    VOLUME_NOT_ATTACHED,
};

struct message_volume_state {
    char volume[ID_SIZE];
    char instance[ID_SIZE];
    uint32_t report; /* enum volume_report */
    uint32_t gib;
    char text[248];
};

/* ---- guest ---- */

enum { DELIVERY_ID_SIZE = 40 };

/* A message to be taken to a server outside, once. */
struct message_delivery {
    char id[DELIVERY_ID_SIZE];
};

struct message_delivered {
    char id[DELIVERY_ID_SIZE];
    uint32_t status; /* of the server's answer; 0: there was none, and text says why */
    char text[252];
};

/* ---- balancer ---- */

/* Where a listener is: in a VPC's namespace, or on the host when vpc is "". */
struct message_endpoint {
    char vpc[ID_SIZE];
    uint32_t address;
    uint32_t port;
};

struct message_listener {
    struct message_endpoint endpoint;
    uint32_t failed; /* errno, 0: the descriptor follows */
};

/* Unconnected TCP sockets in the VPC's namespace: non-blocking, bound to `address`, no port yet. */
struct message_sockets {
    char vpc[ID_SIZE];
    uint32_t address;
    uint32_t count;
};

/* Target states and reasons as balancer sees them; texts are AWS's (DescribeTargetHealth). */
enum target_state {
    TARGET_INITIAL = 1,
    TARGET_HEALTHY,
    TARGET_UNHEALTHY,
    TARGET_DRAINING,
    TARGET_UNUSED
};
enum target_reason {
    REASON_NONE,
    REASON_REGISTRATION_IN_PROGRESS,
    REASON_INITIAL_HEALTH_CHECKING,
    REASON_RESPONSE_CODE_MISMATCH, /* detail: the status, of HTTP or gRPC */
    REASON_TIMEOUT,
    REASON_FAILED_HEALTH_CHECKS,
    REASON_DEREGISTRATION_IN_PROGRESS,
    REASON_NOT_IN_USE,
    REASON_INVALID_STATE,
    REASON_INTERNAL_ERROR,
};

enum { DIMENSION_SIZE = 80 };

/* Sent on each change, and all of them after CONFIGURE. */
struct target_health {
    char target_group[DIMENSION_SIZE]; /* "targetgroup/NAME/16hex" */
    char target[64];                   /* instance id or address */
    uint32_t port;
    uint32_t state;  /* enum target_state */
    uint32_t reason; /* enum target_reason */
    uint32_t detail;
    uint32_t anomalous; /* it fails far more often than its peers */
    uint32_t mitigated; /* so it gets fewer requests now */
};

/*
 * What the balancer counts as it happens: each is one metric's events (or bytes, or microseconds).
 * A new one needs its line here, its row in control/metrics_traffic.c and whoever counts it.
 */
#define TRAFFIC_COUNTERS(X)                                                                        \
    X(requests)                                                                                    \
    X(grpc_requests)                                                                               \
    X(elb_500)                                                                                     \
    X(elb_502)                                                                                     \
    X(elb_503)                                                                                     \
    X(elb_504)                                                                                     \
    X(target_connection_errors)                                                                    \
    X(target_tls_errors) /* handshakes with targets that failed */                                 \
    X(client_tls_errors) /* handshakes with clients that failed */                                 \
    X(new_connections)   /* of clients and to targets */                                           \
    X(rejected_connections)                                                                        \
    X(processed_bytes) /* from and to clients */                                                   \
    X(fixed_responses)                                                                             \
    X(redirects)                                                                                   \
    X(redirect_url_limit)         /* redirects whose Location would be too long */                 \
    X(rule_evaluations)           /* rules that were looked at, without default rules */           \
    X(rule_evaluations_charged)   /* those beyond the ten that each request has free */            \
    X(non_sticky_requests)        /* no cookie named a target of a sticky group to be used */      \
    X(unhealthy_routing_requests) /* sent while the target group failed open */                    \
    X(desync_requests)            /* that are not compliant */                                     \
    X(dropped_invalid_headers)    /* requests of which headers were removed */                     \
    X(forwarded_invalid_headers)  /* requests that were sent on with invalid header names */       \
    X(response_time_count)                                                                         \
    X(response_time_sum_us)

/* Lines of one node's log; every LOG is answered by a LOG_TAKEN, so that few are on their way. */
enum log_kind { LOG_ACCESS, LOG_CONNECTION, LOG_HEALTH_CHECK, LOG_KINDS };
struct message_log {
    char load_balancer[DIMENSION_SIZE]; /* "app/NAME/16hex" */
    uint32_t node_address;
    uint32_t kind;    /* enum log_kind */
    uint32_t dropped; /* lines before these that there was no room for */
    uint32_t unused;
};
struct message_log_taken {
    uint64_t bytes; /* of the lines */
};

enum { RESPONSE_TIME_BUCKETS = 32 + 16 * 27 }; /* see ipc/response_time.h */

/* Counters of one second; rows with only zeros are not sent. Times in microseconds. */
struct traffic {
    char load_balancer[DIMENSION_SIZE]; /* "app/NAME/16hex" */
    char target_group[DIMENSION_SIZE];  /* "" for what concerns no target group */
    char zone[ID_SIZE];                 /* Availability Zone of the node */
#define X(name) uint64_t name;
    TRAFFIC_COUNTERS(X)
#undef X
    uint64_t target_status[6];   /* [2] counts 2xx answers of targets, ... */
    uint64_t elb_status[6];      /* [4] 4xx generated by the load balancer ... */
    uint64_t active_connections; /* at the end of the second */
    uint64_t response_time_min_us, response_time_max_us;
    uint32_t response_time_buckets[RESPONSE_TIME_BUCKETS];
};
