/* The sockets of the resolver that `pileus start --dns` asks for. */
#pragma once

#include "base/err.h"
#include "daemon/options.h"
#include "guest/guest.h"

/* Opens both, bound to the option's address, the stream listening; -1 in place of IMDS. */
int dns_sockets_open(const struct daemon_options *options, int sockets[GUEST_SOCKETS],
                     struct err *err);
