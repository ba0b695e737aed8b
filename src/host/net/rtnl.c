#include "host/net/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { RECEIVE_SIZE = 32 * 1024 };

int rtnl_open(struct rtnl *rtnl, struct err *err)
{
    rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!rtnl->socket)
        return err_sys(err, errno, "cannot open a netlink socket");
    if (mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        err_sys(err, errno, "cannot bind a netlink socket");
        rtnl_close(rtnl);
        return -1;
    }
    return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
    if (rtnl->socket)
        mnl_socket_close(rtnl->socket);
    rtnl->socket = NULL;
}

void rtnl_begin(struct rtnl_request *request, uint16_t type, uint16_t flags, const void *fixed,
                size_t fixed_size)
{
    memset(request->buffer, 0, sizeof(request->buffer));
    request->header = mnl_nlmsg_put_header(request->buffer);
    request->header->nlmsg_type = type;
    request->header->nlmsg_flags = NLM_F_REQUEST | flags;
    memcpy(mnl_nlmsg_put_extra_header(request->header, fixed_size), fixed, fixed_size);
}

void rtnl_put_address(struct rtnl_request *request, uint16_t attribute, uint32_t address)
{
    mnl_attr_put_u32(request->header, attribute, htonl(address));
}

/* Returns 0, or the errno value of what went wrong. */
static int exchange(struct rtnl *rtnl, struct rtnl_request *request, mnl_cb_t on_message,
                    void *owner)
{
    char buffer[RECEIVE_SIZE] __attribute__((aligned(8)));
    unsigned port = mnl_socket_get_portid(rtnl->socket);
    uint32_t sequence = ++rtnl->sequence;
    int more = MNL_CB_OK;

    request->header->nlmsg_seq = sequence;
    if (mnl_socket_sendto(rtnl->socket, request->header, request->header->nlmsg_len) < 0)
        return errno;
    while (more > MNL_CB_STOP) {
        ssize_t size = mnl_socket_recvfrom(rtnl->socket, buffer, sizeof(buffer));
        if (size < 0)
            return errno;
        more = mnl_cb_run(buffer, (size_t)size, sequence, port, on_message, owner);
    }
    return more < 0 ? errno : 0;
}

int rtnl_do(struct rtnl *rtnl, struct rtnl_request *request, int harmless, const char *what,
            struct err *err)
{
    request->header->nlmsg_flags |= NLM_F_ACK;
    int failure = exchange(rtnl, request, NULL, NULL);
    if (failure && failure != harmless)
        return err_sys(err, failure, "%s", what);
    return 0;
}

int rtnl_query(struct rtnl *rtnl, struct rtnl_request *request, mnl_cb_t on_message, void *owner,
               const char *what, struct err *err)
{
    if (!(request->header->nlmsg_flags & NLM_F_DUMP))
        request->header->nlmsg_flags |= NLM_F_ACK;
    int failure = exchange(rtnl, request, on_message, owner);
    return failure ? err_sys(err, failure, "%s", what) : 0;
}
