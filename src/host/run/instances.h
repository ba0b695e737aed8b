/*
 * The instances of this machine: started, stopped, watched and, by a restarted host, found again.
 * Calls return at once; what comes of them is reported. Each is safe to repeat.
 */
#pragma once

#include "base/err.h"
#include "host/run/attachments.h"
#include "host/run/cgroup.h"
#include "ipc/message.h"
#include "loop/loop.h"

#include <sys/types.h>

struct instances;

struct instances_options {
    struct loop *loop;
    uint32_t world;
    const char *images_dir, *volumes_dir; /* layers; disks */
    const char *instances_dir;            /* the disks of instances that have no root volume */
    const char *records_dir;              /* lost when the machine restarts, as instances are */
    const char *console_dir;
    gid_t console_gid;
    /* As in attachments.h; `keep` is filled in here. */
    struct attachments_actions network;
    void (*report)(void *owner, const struct message_instance_state *state);
    void (*network_done)(void *owner, const struct message_instance_network_done *done);
    /* An instance's files may be deleted now (image/store.h sweeps them). */
    void (*on_removed)(void *owner);
    void *owner;
};

/* Strings are copied. Adopts what an earlier host left running. NULL and err on failure. */
struct instances *instances_create(const struct instances_options *options, struct err *err);
/* Forgets; instances go on. */
void instances_destroy(struct instances *set);

/* The layer "host" is there (or why it is not): starts that came before now begin or fail. */
void instances_set_ready(struct instances *set, const struct err *failure);

/* The network of an instance: for its next start, and at once if it runs. */
void instances_set_network(struct instances *set, const struct message_instance_network *network);
/* What instances that start from now on trust; checked and copied. */
void instances_set_authority(struct instances *set, const struct message_authority *authority);

void instances_start(struct instances *set, const struct message_instance_start *start);
void instances_stop(struct instances *set, const char *id, bool force);
void instances_remove(struct instances *set, const char *id);
/* Reports the last known state of each. */
void instances_report_all(struct instances *set);
/* To be called each second. */
void instances_tick(struct instances *set);
/* Whether any runs or is on its way. */
bool instances_any_running(const struct instances *set);

typedef void instances_visit(void *owner, const struct message_instance_start *start,
                             const struct attachments *attachments,
                             const struct cgroup_usage *usage);
/* Visits each running instance. */
void instances_measure(struct instances *set, instances_visit *visit, void *owner);

/* The first process of an instance, and what its user namespace makes of id 0. */
struct instance_process {
    const struct cgroups *cgroups;
    pid_t pid;
    uint64_t start_time; /* process_start_time() */
    uint32_t root_id;
};

/* False if it does not run, or is not ready yet. */
bool instances_find_process(struct instances *set, const char *id,
                            struct instance_process *ret_process);

/* Holds a running instance still, so that its files can be copied; harmless if it does not run. */
int instances_freeze(struct instances *set, const char *id, bool freeze, struct err *err);

/* Stops all: SIGTERM, SIGKILL after `grace_ms`. Blocks. Nothing of them is left but their files. */
void instances_end_all(struct instances *set, int grace_ms);
