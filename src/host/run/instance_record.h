/*
 * What a later host process must know of an instance, kept below the run folder while the machine
 * is up: so it finds instances again that ran on without it, and knows how the others ended.
 */
#pragma once

#include "base/err.h"
#include "host/run/attachments.h"
#include "ipc/message.h"

#include <stdint.h>

struct instance_record {
    uint32_t version;
    int32_t pid;         /* of PID 1; 0: not running */
    uint64_t start_time; /* of PID 1: process_start_time() */
    struct message_instance_start start;
    struct message_instance_state state; /* what was reported last */
    struct attachments attachments;
};

int instance_record_write(const char *dir, const struct instance_record *record, struct err *err);
void instance_record_remove(const char *dir, const char *instance);
/* Calls `found` for each record of `dir`; files that are no records are passed over. */
int instance_record_read_all(const char *dir,
                             int (*found)(void *owner, const struct instance_record *record,
                                          struct err *err),
                             void *owner, struct err *err);
