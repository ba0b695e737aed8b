/* Starting and stopping the daemon: what `pileus start` and `pileus stop` do. */
#pragma once

/* `pileus start`; argv begins after the command's name. Returns the exit status. */
int daemon_start_main(int argc, char **argv);
/* `pileus stop [--keep]`. Also cleans up after a daemon that was killed. Returns the exit status.
 */
int daemon_stop_main(int argc, char **argv);
