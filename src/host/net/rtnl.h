/*
 * A small rtnetlink client: one request, one answer. The socket belongs to the network namespace
 * that the thread was in when it was opened, and stays there.
 */
#pragma once

#include "base/err.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct rtnl {
    struct mnl_socket *socket; /* NULL when closed */
    uint32_t sequence;
};

enum { RTNL_REQUEST_SIZE = 2048 };

/* One message being built; all of ours fit. */
struct rtnl_request {
    struct nlmsghdr *header;
    char buffer[RTNL_REQUEST_SIZE] __attribute__((aligned(8)));
};

int rtnl_open(struct rtnl *rtnl, struct err *err);
void rtnl_close(struct rtnl *rtnl);

/* Starts a request with its fixed part (struct rtmsg, ...); attributes follow by mnl_attr_put*. */
void rtnl_begin(struct rtnl_request *request, uint16_t type, uint16_t flags, const void *fixed,
                size_t fixed_size);

/*
 * Sends the request and waits for the kernel's verdict. `what` names the action in err. The errno
 * value `harmless` (0: none) counts as success.
 */
int rtnl_do(struct rtnl *rtnl, struct rtnl_request *request, int harmless, const char *what,
            struct err *err);

/* Sends a request that is answered with messages (a dump, or one object) and calls back with each.
 */
int rtnl_query(struct rtnl *rtnl, struct rtnl_request *request, mnl_cb_t on_message, void *owner,
               const char *what, struct err *err);

/* Appends an IPv4 address given in host byte order. */
void rtnl_put_address(struct rtnl_request *request, uint16_t attribute, uint32_t address);
