/* Which daemon a command means, and asking it. */
#pragma once

#include "base/err.h"
#include "os/record.h"

#include <jansson.h>

/*
 * Takes `--data DIR` out of argv (so *argc may shrink), falls back to PILEUS_DATA and the default.
 * Returns the data folder; NULL and err if the option has no value.
 */
const char *target_data_dir(int *argc, char **argv, struct err *err);
/* The region that AWS's own variables name, or else us-east-1. */
const char *target_region(void);
/* The record of the daemon on `data_dir`; fails if none runs there. */
int target_find(const char *data_dir, struct record *record, struct err *err);
/*
 * Asks the daemon's control endpoint ("/_pileus/status"). `body` NULL: GET, else POST.
 * A new reference, or NULL and err (an error that the daemon answered included).
 */
json_t *target_ask(const struct record *record, const char *path, const json_t *body,
                   struct err *err);
