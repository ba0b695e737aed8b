/* Sockets that live in a VPC's namespace and are used by processes without rights. */
#include "base/cleanup.h"
#include "host/net/namespace.h"
#include "host/net/router.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { BACKLOG = 4096, IMDS_PORT = 80, DNS_PORT = 53 };

static int open_socket_here(int type, struct err *err)
{
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? err_sys(err, errno, "cannot open a socket") : fd;
}

/* Opens `count` sockets in a VPC's namespace (NULL: the host's); all or none. */
static int open_sockets(struct net *net, const struct vpc *vpc, int type, int count, int *sockets,
                        struct err *err)
{
    int opened = 0, last = 0;
    struct err failure;

    if (vpc && namespace_enter(vpc->namespace_fd, err) < 0)
        return -1;
    while (opened < count && (last = open_socket_here(type, err)) >= 0)
        sockets[opened++] = last;
    if (vpc && namespace_enter(net->host_fd, last < 0 ? &failure : err) < 0)
        last = -1;
    while (last < 0 && opened > 0)
        close(sockets[--opened]);
    return last < 0 ? -1 : 0;
}

static int set_flag(int fd, int level, int option, struct err *err)
{
    int one = 1;
    if (setsockopt(fd, level, option, &one, sizeof(one)) < 0)
        return err_sys(err, errno, "cannot set a socket option");
    return 0;
}

static int bind_to(int fd, uint32_t address, uint16_t port, struct err *err)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0)
        return err_sys(err, errno, "cannot bind to port %u of %u.%u.%u.%u", port, address >> 24,
                       address >> 16 & 255, address >> 8 & 255, address & 255);
    return 0;
}

/*
 * In a VPC an address may come after its socket, and a new process may open what an old one still
 * holds. On the host neither is so: there a taken port is an error that the user must see.
 */
static int open_server(struct net *net, const struct vpc *vpc, int type, uint32_t address,
                       uint16_t port, struct err *err)
{
    auto_fd int fd = -1;

    if (open_sockets(net, vpc, type, 1, &fd, err) < 0 ||
        set_flag(fd, SOL_SOCKET, SO_REUSEADDR, err) < 0)
        return -1;
    if (vpc && (set_flag(fd, IPPROTO_IP, IP_FREEBIND, err) < 0 ||
                set_flag(fd, SOL_SOCKET, SO_REUSEPORT, err) < 0))
        return -1;
    if (bind_to(fd, address, port, err) < 0)
        return -1;
    if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
        return err_sys(err, errno, "cannot listen on port %u", port);
    return fd_take(&fd);
}

int net_open_listener(struct net *net, const char *id, uint32_t address, uint16_t port,
                      struct err *err)
{
    struct vpc *vpc = NULL;
    if (*id && !(vpc = vpc_get(net, id, false, err)))
        return -1;
    return open_server(net, vpc, SOCK_STREAM, address, port, err);
}

int net_open_sockets(struct net *net, const char *id, uint32_t address, int count, int *sockets,
                     struct err *err)
{
    struct vpc *vpc = NULL;
    int result = 0;

    if (*id && !(vpc = vpc_get(net, id, false, err)))
        return -1;
    if (open_sockets(net, vpc, SOCK_STREAM, count, sockets, err) < 0)
        return -1;
    for (int i = 0; i < count && result >= 0; i++) {
        if ((vpc && set_flag(sockets[i], IPPROTO_IP, IP_FREEBIND, err) < 0) ||
            set_flag(sockets[i], IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, err) < 0 ||
            bind_to(sockets[i], address, 0, err) < 0)
            result = -1;
    }
    for (int i = 0; i < count && result < 0; i++)
        close(sockets[i]);
    return result;
}

static int copy_all(const int *from, int *to, int count, struct err *err)
{
    for (int i = 0; i < count; i++) {
        to[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 0);
        if (to[i] >= 0)
            continue;
        err_sys(err, errno, "cannot copy a socket");
        while (i > 0)
            close(to[--i]);
        return -1;
    }
    return 0;
}

int net_guest_log(const struct net *net, const char *id)
{
    const struct vpc *vpc = map_get(&net->vpcs, id);
    return vpc ? vpc->log_fd : -1;
}

int net_open_guest_sockets(struct net *net, const char *id, int sockets[NET_GUEST_SOCKETS],
                           struct err *err)
{
    static const struct {
        int type;
        uint32_t address;
        uint16_t port;
    } servers[NET_GUEST_SOCKETS] = {{SOCK_STREAM, (uint32_t)ROUTER_IMDS, IMDS_PORT},
                                    {SOCK_DGRAM, (uint32_t)ROUTER_DNS, DNS_PORT},
                                    {SOCK_STREAM, (uint32_t)ROUTER_DNS, DNS_PORT}};
    struct vpc *vpc = vpc_get(net, id, false, err);

    for (int i = 0; vpc && i < NET_GUEST_SOCKETS; i++)
        if (vpc->guest_sockets[i] < 0 &&
            (vpc->guest_sockets[i] = open_server(net, vpc, servers[i].type, servers[i].address,
                                                 servers[i].port, err)) < 0)
            return -1;
    return vpc ? copy_all(vpc->guest_sockets, sockets, NET_GUEST_SOCKETS, err) : -1;
}
