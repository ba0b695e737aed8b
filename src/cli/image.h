/* `pileus image`: lists images, takes one in from a file, points a public image at it. */
#pragma once

#include "base/err.h"
#include "os/record.h"

/* For who types it wrong. */
extern const char image_usage[];

/*
 * argv is what follows "image"; `data_dir` and `record` are the daemon's. 0: done, 1: the command
 * line is wrong, < 0 and err: it failed.
 */
int image_run(const char *data_dir, const struct record *record, int argc, char **argv,
              struct err *err);
