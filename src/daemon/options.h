/* What `pileus start` was asked for, from its options and PILEUS_* variables. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon_options {
    const char *data_dir;       /* --data, absolute */
    const char *listen_address; /* --listen */
    uint16_t listen_port;
    const char *dns_address; /* --dns: a resolver for the host; NULL: none */
    uint16_t dns_port;
    const char *account; /* --account: 12 digits */
    double clock_speed;  /* --clock-speed */
    double vcpu_share;   /* --vcpu-share: how much of a CPU one vCPU is */
    bool auth;           /* --auth on|off */
    bool detach;         /* -d */
};

/* Fills the options from argv (after "start"). On failure err says which option and what it takes.
 */
int daemon_options_parse(struct daemon_options *options, int argc, char **argv, struct err *err);
/* The help text of `pileus start`. */
extern const char daemon_options_help[];
