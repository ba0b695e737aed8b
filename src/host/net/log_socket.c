#include "host/net/log_socket.h"

#include "base/cleanup.h"
#include "host/net/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

enum { GROUPS = 16, RECEIVE_SIZE = 4 * 1024 * 1024 };

/* Fails if somebody else reads the group. */
static int bind_group(struct rtnl *netlink, uint16_t group, struct err *err)
{
    struct rtnl_request request;
    const struct nfgenmsg fixed = {.version = NFNETLINK_V0, .res_id = htons(group)};
    const struct nfulnl_msg_config_cmd command = {.command = NFULNL_CFG_CMD_BIND};
    rtnl_begin(&request, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0, &fixed, sizeof(fixed));
    mnl_attr_put(request.header, NFULA_CFG_CMD, sizeof(command), &command);
    return rtnl_do(netlink, &request, 0, "cannot listen to logged packets", err);
}

/* A guest process may still hold the socket of a host that was killed: that group is taken. */
static int bind_free_group(struct rtnl *netlink, uint16_t *ret_group, struct err *err)
{
    struct err failure;
    for (int group = 1; group <= GROUPS; group++) {
        if (bind_group(netlink, (uint16_t)group, &failure) < 0)
            continue;
        *ret_group = (uint16_t)group;
        return 0;
    }
    *err = failure;
    return -1;
}

int log_socket_check(struct err *err)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft || nft_ctx_buffer_error(nft)) {
        if (nft)
            nft_ctx_free(nft);
        return err_set(err, "cannot prepare libnftables");
    }
    nft_ctx_set_dry_run(nft, true); /* the kernel looks at the rule, and does not take it */
    int result = nft_run_cmd_from_buffer(nft, "add table ip pileus_check\n"
                                              "add chain ip pileus_check probe\n"
                                              "add rule ip pileus_check probe log group 1\n");
    if (result)
        err_set(err, "the kernel has no rules that log packets for programs (modprobe nft_log "
                     "nfnetlink_log)");
    nft_ctx_free(nft);
    return result ? -1 : 0;
}

int log_socket_open(uint16_t *ret_group, struct err *err)
{
    const int size = RECEIVE_SIZE;
    struct rtnl netlink = {.socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
    int fd = -1;

    if (!netlink.socket)
        return err_sys(err, errno, "cannot open a socket for logged packets");
    if (mnl_socket_bind(netlink.socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(netlink.socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
                   sizeof(size)) < 0)
        err_sys(err, errno, "cannot prepare a socket for logged packets");
    else if (bind_free_group(&netlink, ret_group, err) >= 0) {
        fd = fcntl(mnl_socket_get_fd(netlink.socket), F_DUPFD_CLOEXEC, 0);
        if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
            err_sys(err, errno, "cannot keep a socket for logged packets");
    }
    rtnl_close(&netlink);
    return fd;
}
