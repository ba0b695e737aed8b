/* The filter of system calls that every instance runs under: what reaches beyond an instance, or
 * is a way into the kernel that no server needs, is refused. */
#pragma once

#include "base/err.h"

#include <linux/filter.h>

/* Compiles it. The instructions are malloc'd: filter_free(). */
int filter_create(struct sock_fprog *ret_filter, struct err *err);
void filter_free(struct sock_fprog *filter);
