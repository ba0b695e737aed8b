#include "balancer/points.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RETRY_MS = 500, BACKLOG = 4096, THREADS_MAX = 64 };

struct point {
    struct list link;
    struct endpoint endpoint; /* its address only */
    bool wanted;              /* by the snapshot that is being followed */
    bool open;                /* the threads have its sockets */
    int fds[THREADS_MAX];     /* opened, not given yet */
    int kept;                 /* in the cloud, open: for a host that starts anew; else -1 */
};

static void tell_host(struct points *points, const struct point *point, enum message_type type)
{
    struct message_endpoint message = {.address = point->endpoint.address,
                                       .port = point->endpoint.port};
    memcpy(message.vpc, point->endpoint.vpc, sizeof message.vpc);
    if (points->host)
        channel_send(points->host, type, &message, sizeof message, NULL, 0, &point->kept,
                     type == MESSAGE_KEEP_LISTENER ? 1 : 0);
}

static void on_retry(struct loop_timer *timer)
{
    struct points *points = timer->owner;
    list_each (point, &points->points, struct point, link)
        if (points->following && !point->open)
            tell_host(points, point, MESSAGE_OPEN_LISTENER);
}

void points_init(struct points *points, struct loop *loop, bool cloud, int thread_count,
                 void (*give)(void *owner, const struct endpoint *endpoint, int thread, int fd),
                 void *owner)
{
    *points = (struct points){
        .loop = loop, .cloud = cloud, .thread_count = thread_count, .give = give, .owner = owner};
    list_init(&points->points);
    loop_timer_init(&points->retry, on_retry, points);
}

static void close_fds(struct point *point, int count)
{
    for (int i = 0; i < count; i++)
        if (point->fds[i] >= 0)
            close(point->fds[i]);
}

static void remove_point(struct points *points, struct point *point)
{
    if (!point->open)
        close_fds(point, points->thread_count);
    if (point->kept >= 0)
        close(point->kept);
    list_remove(&point->link);
    free(point);
}

void points_finish(struct points *points)
{
    loop_timer_clear(points->loop, &points->retry);
    list_each_safe (point, &points->points, struct point, link)
        remove_point(points, point);
}

static struct point *find_point(struct points *points, const char *vpc, uint32_t address,
                                uint32_t port)
{
    list_each (point, &points->points, struct point, link)
        if (point->endpoint.address == address && point->endpoint.port == port &&
            strncmp(point->endpoint.vpc, vpc, ID_SIZE) == 0)
            return point;
    return NULL;
}

/* Each thread has a socket of its own; the kernel spreads connections over them. */
static int open_socket(const struct endpoint *endpoint, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(endpoint->port),
                                  .sin_addr.s_addr = htonl(endpoint->address)};
    char text[INET_ADDRSTRLEN];
    int on = 1;
    auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, BACKLOG) == 0)
        return fd_take(&fd);
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    return err_sys(err, errno, "listen on %s:%u", text, endpoint->port);
}

static struct point *add_point(struct points *points, const struct endpoint *endpoint)
{
    struct point *point = calloc(1, sizeof *point);
    if (!point)
        abort();
    memcpy(point->endpoint.vpc, endpoint->vpc, sizeof point->endpoint.vpc);
    point->endpoint.address = endpoint->address;
    point->endpoint.port = endpoint->port;
    memset(point->fds, 0xff, sizeof point->fds);
    point->kept = -1;
    list_append(&points->points, &point->link);
    return point;
}

/* Takes back what points_prepare() added. */
static int give_up(struct points *points)
{
    list_each_safe (point, &points->points, struct point, link)
        if (!points->cloud && !point->open)
            remove_point(points, point);
    return -1;
}

int points_prepare(struct points *points, const struct snapshot *snapshot, struct err *err)
{
    list_each (point, &points->points, struct point, link)
        point->wanted = false;
    for (int i = 0; i < snapshot->endpoint_count; i++) {
        const struct endpoint *endpoint = &snapshot->endpoints[i];
        struct point *point = find_point(points, endpoint->vpc, endpoint->address, endpoint->port);
        bool is_new = !point;
        if (is_new)
            point = add_point(points, endpoint);
        point->wanted = true;
        for (int thread = 0; is_new && !points->cloud && thread < points->thread_count; thread++) {
            point->fds[thread] = open_socket(endpoint, err);
            if (point->fds[thread] < 0)
                return give_up(points);
        }
    }
    return 0;
}

static void give_all(struct points *points, struct point *point)
{
    for (int thread = 0; thread < points->thread_count; thread++)
        points->give(points->owner, &point->endpoint, thread, point->fds[thread]);
    point->open = true;
}

void points_follow(struct points *points)
{
    points->following = true;
    list_each_safe (point, &points->points, struct point, link) {
        if (!point->wanted) {
            if (points->cloud)
                tell_host(points, point, MESSAGE_CLOSE_LISTENER);
            remove_point(points, point);
        } else if (!point->open && points->cloud) {
            tell_host(points, point, MESSAGE_OPEN_LISTENER);
        } else if (!point->open) {
            give_all(points, point);
        }
    }
}

bool points_are_open(const struct points *points)
{
    list_each (point, &points->points, struct point, link)
        if (!point->open)
            return false;
    return true;
}

void points_set_host(struct points *points, struct channel *host)
{
    points->host = host;
    list_each (point, &points->points, struct point, link)
        if (point->open)
            tell_host(points, point, MESSAGE_KEEP_LISTENER);
    on_retry(&points->retry);
}

void points_receive(struct points *points, const struct message_listener *message,
                    const int *descriptors, int descriptor_count)
{
    const struct message_endpoint *endpoint = &message->endpoint;
    struct point *point = find_point(points, endpoint->vpc, endpoint->address, endpoint->port);
    auto_fd int fd = descriptor_count > 0 ? descriptors[0] : -1;
    if (!point || point->open || !points->following)
        return;
    if (fd < 0) { /* its address may not be there yet */
        loop_timer_set(points->loop, &points->retry, RETRY_MS);
        return;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    for (int thread = 0; thread < points->thread_count; thread++)
        point->fds[thread] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    for (int thread = 0; thread < points->thread_count; thread++)
        if (point->fds[thread] < 0) {
            close_fds(point, points->thread_count);
            memset(point->fds, 0xff, sizeof point->fds);
            loop_timer_set(points->loop, &points->retry, RETRY_MS);
            return;
        }
    point->kept = fd_take(&fd);
    give_all(points, point);
}
