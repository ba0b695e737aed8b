/*
 * The host: runs instances and the fabric on this machine as `api` asks by messages. Parses nothing
 * that a client or a guest wrote.
 */
#pragma once

#include "base/err.h"
#include "ipc/channel.h"
#include "loop/loop.h"

struct host;

struct host_options {
    uint32_t world;          /* 0..63 */
    const char *data_dir;    /* root file systems and images live below it */
    const char *run_dir;     /* "/run/pileus/3" */
    const char *console_dir; /* console output: <dir>/<instance>.log, readable by gid console_gid */
    uint32_t console_gid;
};

/*
 * Checks the rights and kernel features that instances and the fabric need (root, namespaces,
 * overlay, id-mapped mounts or room for a copy, cgroups, nftables); err says which is missing and
 * what to do about it. Called by the parent before anything is started.
 */
int host_check(const struct host_options *options, struct err *err);
/* Likewise for what only flow logs need: a kernel that logs packets for programs. */
int host_check_packet_log(struct err *err);

/* Adopts what an earlier host process left running. NULL and err on failure. */
struct host *host_create(struct loop *loop, const struct host_options *options, struct err *err);
void host_destroy(struct host *host);

/* A peer (re)connected: api gets HOST_HELLO and the state of every instance, balancer its
 * listeners, guest the listeners of every VPC. NULL: the peer is gone. */
void host_set_peer(struct host *host, enum process peer, struct channel *channel);
/* A message for PROCESS_HOST from api or balancer, and its descriptors, which are taken over. */
void host_receive(struct host *host, struct channel *from, enum message_type type,
                  const void *payload, size_t size, const int *descriptors, int descriptor_count);

/*
 * Ends everything: stops instances (SIGTERM, then SIGKILL after `grace_ms`) and removes every
 * process, cgroup, mount, namespace, link and rule of this world. Root file systems stay on disk.
 * Blocks. Also cleans what a killed daemon of the same world left behind.
 */
int host_remove_all(struct host *host, int grace_ms, struct err *err);
