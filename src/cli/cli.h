/* The command line: commands that speak to a running daemon over HTTP, like any client. */
#pragma once

struct command {
    const char *name;
    const char *arguments; /* for the help: "[-f]" */
    const char *summary;
    int (*main)(int argc, char **argv); /* argv begins after the name; returns the exit status */
    const char *usage; /* for --help, after "Usage: pileus "; NULL: arguments and summary */
};

/* status, logs, env, aws, ssh, clock, image, why, ca; ends with a row without name. */
extern const struct command cli_commands[];
