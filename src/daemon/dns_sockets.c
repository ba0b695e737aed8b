#include "daemon/dns_sockets.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

enum { BACKLOG = 64 };

static int open_bound(const struct daemon_options *options, int type, struct err *err)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(options->dns_port)};
    int one = 1;
    auto_fd int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, options->dns_address, &name.sin_addr);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (const struct sockaddr *)&name, sizeof name) < 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
        return err_sys(err, errno, "cannot resolve names on %s:%u (choose another with --dns)",
                       options->dns_address, options->dns_port);
    return fd_take(&fd);
}

int dns_sockets_open(const struct daemon_options *options, int sockets[GUEST_SOCKETS],
                     struct err *err)
{
    sockets[GUEST_SOCKET_IMDS] = -1;
    auto_fd int datagrams = open_bound(options, SOCK_DGRAM, err);
    sockets[GUEST_SOCKET_DNS_STREAM] = datagrams < 0 ? -1 : open_bound(options, SOCK_STREAM, err);
    if (sockets[GUEST_SOCKET_DNS_STREAM] < 0)
        return -1;
    sockets[GUEST_SOCKET_DNS] = fd_take(&datagrams);
    return 0;
}
