/* `pileus cost`: what AWS would have charged for what really ran. */
#pragma once

/* For --help, and for who types it wrong. */
extern const char cost_usage[];

/* As struct command's. */
int cost_main(int argc, char **argv);
