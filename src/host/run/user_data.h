/* User data, as cloud-init understands it: scripts, gzip, and a little of #cloud-config. */
#pragma once

#include <stddef.h>

/* Where the scripts of the instance go: /var/lib/cloud/instance/scripts/part-001 ... */
#define CLOUD_DIR    "/var/lib/cloud"
#define INSTANCE_DIR CLOUD_DIR "/instance"

/* Runs it to its end; says on standard output what it cannot do. */
void user_data_run(const char *data, size_t size);
/* Runs a program and waits for it; its exit status, or 128 and the signal. */
int user_data_execute(const char *path, char *const argv[]);
