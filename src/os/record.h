/*
 * `<data>/daemon`: how commands, and the next daemon, find the one that runs on a data folder.
 * Text, one fact a line; replaced in one step.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

enum { RECORD_PROCESSES = 24, RECORD_NAME_SIZE = 16 };

struct record_process {
    char name[RECORD_NAME_SIZE]; /* "parent", "api" ..., "former-balancer" */
    pid_t pid;
    uint64_t start_time; /* tells it from a later process with the same number */
};

struct record {
    char listen[32]; /* "127.0.0.1:4566" */
    char account[16];
    uint32_t world;
    struct record_process processes[RECORD_PROCESSES]; /* pid 0: none */
    uint32_t upgrades;                                 /* how many have ended, well or not */
    char upgrade_failure[96];                          /* of the last one; "" if it went well */
};

int record_write(const char *data_dir, const struct record *record, struct err *err);
/* Returns 1 if there was one, 0 if there is none (record is then all zero), < 0 on failure. */
int record_read(const char *data_dir, struct record *record, struct err *err);
void record_remove(const char *data_dir);
