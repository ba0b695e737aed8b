/* The socket by which the kernel tells of packets that rules log. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/*
 * A netlink socket, non-blocking, that gets what rules of the namespace that the thread is in log
 * to *ret_group. Whoever has the descriptor may read; nobody need have rights for that.
 */
int log_socket_open(uint16_t *ret_group, struct err *err);
/* Whether this kernel knows rules that log to such a socket. Changes nothing. */
int log_socket_check(struct err *err);
