/* `pileus why`: what lets packets through the network, or stops them. */
#pragma once

/* For --help, and for who types it wrong. */
extern const char why_usage[];

/* As struct command's. The exit status is 0 if the destination is reachable, 1 if not, else 2. */
int why_main(int argc, char **argv);
