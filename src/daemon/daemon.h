/*
 * Starting, upgrading and stopping the daemon. Each is a command; argv begins after its name. Each
 * returns the exit status.
 */
#pragma once

/* `pileus start` */
int daemon_start_main(int argc, char **argv);
/* `pileus stop [--keep]`. Also cleans up after a daemon that was killed. */
int daemon_stop_main(int argc, char **argv);
/* `pileus upgrade`: a new balancer takes over from the one that runs. */
int daemon_upgrade_main(int argc, char **argv);

/* What the daemon itself runs when it upgrades, and nobody else: see program.h. */
#define DAEMON_BALANCER_COMMAND "_balancer"
int daemon_balancer_main(int argc, char **argv);
