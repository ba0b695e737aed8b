/*
 * The parent: starts the other processes, connects them with each other, restarts those that die,
 * keeps the API's listening socket so that a restart loses no connection, and ends them in order.
 */
#pragma once

#include "daemon/options.h"
#include "daemon/world.h"

/*
 * Runs until told to stop (SIGTERM, SIGINT; SIGUSR1 keeps instances). Takes over `listen_fd`.
 * Calls `on_ready` once, when every process accepts work. Returns the exit status.
 */
int parent_run(const struct daemon_options *options, const struct world *world, int listen_fd,
               void (*on_ready)(void *arg), void *arg);
