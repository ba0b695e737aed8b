#include "fabric_stage.h"

#include "base/cleanup.h"
#include "host/net/link.h"
#include "host/net/router.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

void open_net(struct stage *stage)
{
    struct net_options options = {.world = WORLD, .run_dir = stage->run_dir};
    stage->net = net_create(&options, &stage->err);
    assert_ok(stage, stage->net ? 0 : -1);
}

/* The host is a namespace of the test's own: others that run on the machine have the same world. */
static void make_host(struct stage *stage)
{
    struct rtnl rtnl;
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    assert_ok(stage, rtnl_open(&rtnl, &stage->err));
    assert_ok(stage, link_up(&rtnl, LINK_LOOPBACK, &stage->err));
    rtnl_close(&rtnl);
}

int raise_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    snprintf(stage->run_dir, sizeof(stage->run_dir), "/tmp/pileus-fabric-XXXXXX");
    assert_non_null(mkdtemp(stage->run_dir));
    make_host(stage);
    stage->home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    open_net(stage);
    *state = stage;
    return 0;
}

int strike_stage(void **state)
{
    struct stage *stage = *state;
    assert_ok(stage, net_remove_all(stage->net, &stage->err));
    net_destroy(stage->net);
    for (int i = 0; i < stage->instance_count; i++)
        close(stage->instances[i]);
    for (int i = 0; i < stage->listener_count; i++)
        close(stage->listeners[i]);
    close(stage->home_fd);
    rmdir(stage->run_dir);
    free(stage);
    return 0;
}

void apply(struct stage *stage, const struct fabric_builder *builder)
{
    size_t size;
    auto_free struct fabric *message = build_message(builder, &size);
    assert_ok(stage, net_apply(stage->net, message, size, &stage->err));
}

void describe(const struct fabric_builder *builder, int interface, struct instance_interface *plug)
{
    const struct fabric_interface *row = &builder->interfaces[interface];
    const struct fabric_subnet *subnet = &builder->subnets[row->subnet];

    *plug = (struct instance_interface){.gateway = subnet->network + 1, .prefix = subnet->prefix};
    memcpy(plug->id, row->id, sizeof(plug->id));
    memcpy(plug->vpc, builder->fabric.vpc, sizeof(plug->vpc));
    memcpy(plug->mac, row->mac, sizeof(plug->mac));
    for (uint32_t i = 0; i < builder->fabric.address_count; i++)
        if (builder->addresses[i].interface == (uint32_t)interface)
            plug->addresses[plug->address_count++] = builder->addresses[i].address;
}

int launch(struct stage *stage, const struct fabric_builder *builder, int interface)
{
    struct instance_interface plug;

    assert_int_equal(unshare(CLONE_NEWNET), 0);
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
    describe(builder, interface, &plug);
    stage->instances[stage->instance_count] = fd;
    assert_ok(stage, net_plug(stage->net, &plug, fd, &stage->err));
    return stage->instance_count++;
}

int socket_in(struct stage *stage, int instance, int type)
{
    int fd;
    if (instance != HOST)
        assert_int_equal(setns(stage->instances[instance], CLONE_NEWNET), 0);
    fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
    assert_true(fd >= 0);
    return fd;
}

int listen_in(struct stage *stage, int instance, uint16_t port)
{
    int fd = socket_in(stage, instance, SOCK_STREAM), one = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, 16), 0);
    stage->listeners[stage->listener_count++] = fd;
    return fd;
}

int try_connect(int fd, uint32_t address, uint16_t port, int wait_ms)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    int failure = 0;
    socklen_t size = sizeof(failure);

    if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 && errno != EINPROGRESS)
        return -1;
    if (poll(&pollfd, 1, wait_ms) == 0)
        return 0;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    return failure ? -1 : 1;
}

void assert_reaches(struct stage *stage, int from, const char *address, uint16_t port)
{
    auto_fd int fd = socket_in(stage, from, SOCK_STREAM);
    assert_int_equal(try_connect(fd, quad(address), port, ALLOWED_MS), 1);
}

void assert_silence(struct stage *stage, int from, const char *address, uint16_t port)
{
    auto_fd int fd = socket_in(stage, from, SOCK_STREAM);
    assert_int_equal(try_connect(fd, quad(address), port, DROPPED_MS), 0);
}

void build_two_subnets(struct fabric_builder *builder)
{
    build_vpc(builder, VPC_A);
    build_subnet(builder, "10.0.1.0/24", 0);
    build_subnet(builder, "10.0.2.0/24", 0);
    build_route(builder, 0, "0.0.0.0/0", ROUTE_INTERNET_GATEWAY);
    int group = build_group(builder);
    build_egress(builder, group);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 80, 80, "0.0.0.0/0", 0);
    build_rule(builder, group, DIRECTION_INGRESS, IPPROTO_TCP, 81, 82, NULL, group);
}

uint32_t peer_of(int listener)
{
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1);
    auto_fd int fd = accept(listener, (struct sockaddr *)&peer, &size);
    assert_true(fd >= 0);
    return ntohl(peer.sin_addr.s_addr);
}

/* Of the namespace that the thread is in: whether each link that is up passes packets by now. */
static bool links_run(void)
{
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct if_nameindex *links = if_nameindex();
    bool run = true;

    assert_true(fd >= 0 && links);
    for (const struct if_nameindex *link = links; link->if_name; link++) {
        struct ifreq request = {0};
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link->if_name);
        assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
        run = run && (!(request.ifr_flags & IFF_UP) || request.ifr_flags & IFF_RUNNING);
    }
    if_freenameindex(links);
    return run;
}

/*
 * A thread of the kernel notices that a link's other end came up. Until then packets vanish, and
 * nobody sends a datagram again.
 */
static void wait_for_links(struct stage *stage)
{
    map_each (entry, &stage->net->vpcs) {
        const struct vpc *vpc = entry->value;
        int left_ms = ALLOWED_MS;
        assert_int_equal(setns(vpc->namespace_fd, CLONE_NEWNET), 0);
        while (!links_run() && left_ms-- > 0)
            poll(NULL, 0, 1);
        assert_int_equal(setns(stage->home_fd, CLONE_NEWNET), 0);
        assert_true(left_ms > 0);
    }
}

void send_as(struct stage *stage, int instance, const char *source, uint16_t source_port,
             const char *target, uint16_t port)
{
    wait_for_links(stage);
    auto_fd int fd = socket_in(stage, instance, SOCK_DGRAM);
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_port = htons(source_port),
                               .sin_addr.s_addr = htonl(quad(source))};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(quad(target))};
    setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), 1);
}

void assert_passes_a_byte(int from, int to)
{
    char byte;
    struct pollfd pollfd = {.fd = to, .events = POLLIN};
    assert_int_equal(send(from, "x", 1, 0), 1);
    assert_int_equal(poll(&pollfd, 1, ALLOWED_MS), 1);
    assert_int_equal(recv(to, &byte, 1, 0), 1);
}

bool may_run(const struct CMUnitTest *tests, size_t count)
{
    bool may = geteuid() == 0;
    for (size_t i = 0; i < count && !may; i++)
        printf("skipped: %s: needs root\n", tests[i].name);
    return may;
}
