#include "balancer/worker.h"

#include "balancer/client.h"
#include "balancer/exchange.h"
#include "os/clock.h"
#include "os/random.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    NO_DESCRIPTOR_RETRY_MS = 100,
    SWEEP_MS = 1000,
    UPSTREAM_IDLE_MS = 60000, /* an idle connection to a target is closed after it */
    TRIM_CLIENTS_MIN = 256,
    RESTS_PER_TURN = 16,
    REST_PAUSE_MS = 1,
};

/* ---- the end of a turn ---- */

static void reap(struct loop_timer *timer)
{
    struct worker *worker = timer->owner;
    while (!list_empty(&worker->dead)) {
        struct corpse *corpse = container_of(worker->dead.next, struct corpse, link);
        list_remove(&corpse->link);
        corpse->release(corpse);
    }
}

void worker_bury(struct worker *worker, struct corpse *corpse)
{
    if (list_empty(&worker->dead))
        loop_timer_set(worker->loop, &worker->reaper, 0);
    list_append(&worker->dead, &corpse->link);
}

/* ---- time and chance ---- */

int64_t worker_seconds(struct worker *worker)
{
    int64_t now_ms = loop_now_ms(worker->loop);
    if (now_ms >= worker->date_due_ms) {
        int64_t wall_ms = clock_wall_ms();
        worker->date_second = wall_ms / 1000;
        worker->date_due_ms = now_ms + 1000 - wall_ms % 1000;
        http1_date(worker->date_second, worker->date);
    }
    return worker->date_second;
}

const char *worker_date(struct worker *worker)
{
    worker_seconds(worker);
    return worker->date;
}

/* xorshift128+: for trace ids and weights, not for secrets. */
uint64_t worker_random(struct worker *worker)
{
    uint64_t a = worker->random[0], b = worker->random[1];
    worker->random[0] = b;
    a ^= a << 23;
    worker->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return worker->random[1] + b;
}

/* ---- views ---- */

struct view *worker_hold_view(struct worker *worker)
{
    worker->view->users++;
    return worker->view;
}

void worker_drop_view(struct worker *worker, struct view *view)
{
    if (--view->users)
        return;
    worker->on_view_end(worker, view->snapshot);
    free(view);
}

static void each_target(struct snapshot *snapshot, struct worker *worker,
                        void (*visit)(struct worker *, struct snapshot *, struct member *))
{
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            visit(worker, snapshot, &snapshot->groups[i].members[m]);
}

static void welcome(struct worker *worker, struct snapshot *snapshot, struct member *member)
{
    (void)snapshot;
    member->target->threads[worker->index].gone = member->draining || member->invalid;
    if (member->draining || member->invalid)
        upstream_close_idle(worker, member->target, INT64_MAX);
}

void worker_cut(struct worker *worker, struct target *target)
{
    struct target_thread *thread = &target->threads[worker->index];
    while (!list_empty(&thread->active)) {
        struct upstream *upstream = container_of(thread->active.next, struct upstream, link);
        exchange_cut(upstream->exchange);
    }
}

/* A target of the old snapshot that the new one does not name. */
static void dismiss(struct worker *worker, struct snapshot *snapshot, struct member *member)
{
    struct target *target = member->target;
    struct target_thread *thread = &target->threads[worker->index];
    uint64_t generation = worker->view->snapshot->generation;
    if (__atomic_load_n(&target->generation, __ATOMIC_RELAXED) >= generation)
        return;
    thread->gone = true;
    upstream_close_idle(worker, target, INT64_MAX);
    if (snapshot->cloud)
        worker_cut(worker, target);
}

static bool source_is_used(const struct source *source, const void *context)
{
    const struct snapshot *snapshot = context;
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++) {
            const struct source *other = &snapshot->groups[i].members[m].target->source;
            if (other->address == source->address && strcmp(other->vpc, source->vpc) == 0)
                return true;
        }
    return false;
}

/* ---- listeners ---- */

static void free_acceptor(struct acceptor *acceptor)
{
    loop_timer_clear(acceptor->worker->loop, &acceptor->retry);
    list_remove(&acceptor->link);
    free(acceptor);
}

static void stop_accepting(struct acceptor *acceptor)
{
    int fd = acceptor->watch.fd;
    loop_timer_clear(acceptor->worker->loop, &acceptor->retry);
    if (fd >= 0) {
        loop_unwatch(acceptor->worker->loop, &acceptor->watch);
        close(fd);
    }
}

static void close_acceptor(struct acceptor *acceptor)
{
    stop_accepting(acceptor);
    acceptor->endpoint = NULL;
}

/* Clients that wait for nothing are closed; the others after what they wait for. */
static void dismiss_clients(struct worker *worker, const struct acceptor *acceptor)
{
    list_each_safe (client, &worker->clients, struct client, link) {
        if (acceptor && client->acceptor != acceptor)
            continue;
        client->protocol->dismiss(client);
    }
}

static const struct endpoint *find_endpoint(const struct snapshot *snapshot, const char *vpc,
                                            uint32_t address, uint16_t port)
{
    for (int i = 0; i < snapshot->endpoint_count; i++) {
        const struct endpoint *endpoint = &snapshot->endpoints[i];
        if (endpoint->address == address && endpoint->port == port &&
            strcmp(endpoint->vpc, vpc) == 0)
            return endpoint;
    }
    return NULL;
}

static void follow_endpoints(struct worker *worker)
{
    list_each_safe (acceptor, &worker->acceptors, struct acceptor, link) {
        if (acceptor->watch.fd >= 0 && acceptor->endpoint)
            acceptor->endpoint = find_endpoint(worker->view->snapshot, acceptor->vpc,
                                               acceptor->address, acceptor->port);
        if (!acceptor->endpoint && acceptor->watch.fd >= 0) {
            close_acceptor(acceptor);
            dismiss_clients(worker, acceptor);
        }
    }
}

void worker_set_snapshot(struct worker *worker, struct snapshot *snapshot)
{
    struct view *old = worker->view, *view = calloc(1, sizeof *view);
    if (!view)
        abort();
    *view = (struct view){snapshot, 1};
    worker->view = view;
    follow_endpoints(worker);
    each_target(snapshot, worker, welcome);
    if (old)
        each_target(old->snapshot, worker, dismiss);
    sockets_trim(worker->sockets, source_is_used, snapshot);
    if (old)
        worker_drop_view(worker, old);
}

static void watch_acceptor(struct acceptor *acceptor, int fd)
{
    struct err err;
    if (loop_watch(acceptor->worker->loop, &acceptor->watch, fd, EPOLLIN | EPOLLEXCLUSIVE, &err) <
        0)
        abort();
}

/* Out of descriptors: leave the queue alone for a moment instead of spinning on it. */
static void pause_acceptor(struct acceptor *acceptor)
{
    int fd = acceptor->watch.fd;
    loop_unwatch(acceptor->worker->loop, &acceptor->watch);
    acceptor->watch.fd = fd;
    loop_timer_set(acceptor->worker->loop, &acceptor->retry, NO_DESCRIPTOR_RETRY_MS);
}

static void on_retry(struct loop_timer *timer)
{
    struct acceptor *acceptor = timer->owner;
    watch_acceptor(acceptor, acceptor->watch.fd);
}

static uint32_t source_of(const struct acceptor *acceptor, const struct sockaddr_in *peer)
{
    bool on_host = acceptor->endpoint->node < 0;
    return on_host ? acceptor->worker->view->snapshot->host_address : ntohl(peer->sin_addr.s_addr);
}

static void on_connection(struct loop_watch *watch, uint32_t events)
{
    struct acceptor *acceptor = watch->owner;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && acceptor->endpoint; i++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(watch->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            client_accept(acceptor, fd, source_of(acceptor, &peer), ntohs(peer.sin_port));
        else if (errno == EAGAIN)
            return;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_acceptor(acceptor);
            return;
        }
    }
}

void worker_listen(struct worker *worker, const struct endpoint *endpoint, int fd)
{
    const struct endpoint *current =
        find_endpoint(worker->view->snapshot, endpoint->vpc, endpoint->address, endpoint->port);
    struct acceptor *acceptor = current ? calloc(1, sizeof *acceptor) : NULL;
    int on = 1;
    if (!acceptor) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    acceptor->watch = (struct loop_watch){.fd = -1, .on_event = on_connection, .owner = acceptor};
    loop_timer_init(&acceptor->retry, on_retry, acceptor);
    acceptor->worker = worker;
    memcpy(acceptor->vpc, current->vpc, sizeof acceptor->vpc);
    acceptor->address = current->address;
    acceptor->port = current->port;
    acceptor->endpoint = current;
    list_append(&worker->acceptors, &acceptor->link);
    watch_acceptor(acceptor, fd);
}

/* ---- the worker ---- */

static void sweep_target(struct worker *worker, struct snapshot *snapshot, struct member *member)
{
    (void)snapshot;
    upstream_close_idle(worker, member->target, loop_now_ms(worker->loop) - UPSTREAM_IDLE_MS);
}

static void free_spare_exchanges(struct worker *worker)
{
    list_each_safe (corpse, &worker->spare_exchanges, struct corpse, link)
        free(container_of(corpse, struct exchange, corpse));
    list_init(&worker->spare_exchanges);
    worker->spare_exchange_count = 0;
}

/*
 * malloc() keeps what was freed below memory that is still used: after many clients all of it. It
 * takes milliseconds to give it back, so this waits until half of them, and many, are gone.
 */
static void give_memory_back(struct worker *worker)
{
    int count = atomic_load_explicit(&worker->client_count, memory_order_relaxed);
    if (count > worker->most_clients)
        worker->most_clients = count;
    int ended = worker->most_clients - count;
    if (ended < TRIM_CLIENTS_MIN || ended < count)
        return;
    free_spare_exchanges(worker);
    malloc_trim(0);
    worker->most_clients = count;
}

static void on_rest(struct loop_timer *timer)
{
    struct worker *worker = timer->owner;
    if (rest_quiet(&worker->resting, RESTS_PER_TURN))
        loop_timer_set(worker->loop, timer, REST_PAUSE_MS);
}

static void on_sweep(struct loop_timer *timer)
{
    struct worker *worker = timer->owner;
    give_memory_back(worker);
    rest_tick(&worker->resting);
    on_rest(&worker->rest);
    if (worker->view)
        each_target(worker->view->snapshot, worker, sweep_target);
    list_each_safe (acceptor, &worker->acceptors, struct acceptor, link)
        if (!acceptor->endpoint && !acceptor->clients)
            free_acceptor(acceptor);
    loop_timer_set(worker->loop, timer, SWEEP_MS);
}

struct worker *worker_create(struct loop *loop, int index, const struct sockets_ops *ops,
                             const struct tls_store *tls, struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct sockets *sockets = sockets_create(ops);
    struct tls_thread *tls_thread =
        worker ? tls_thread_create(tls, index, &worker->resting, err) : NULL;
    if (!worker || !sockets || !tls_thread || inbox_open(&worker->inbox, loop, worker, err) < 0) {
        if (!worker || !sockets)
            err_set(err, "out of memory");
        tls_thread_destroy(tls_thread);
        sockets_destroy(sockets);
        free(worker);
        return NULL;
    }
    rest_set_init(&worker->resting);
    worker->tls = tls_thread;
    list_init(&worker->handshakes);
    turns_init(&worker->handshake_turns, loop, 0);
    worker->loop = loop;
    worker->index = index;
    worker->sockets = sockets;
    random_bytes(worker->random, sizeof worker->random);
    list_init(&worker->acceptors);
    list_init(&worker->clients);
    list_init(&worker->dead);
    list_init(&worker->spare_exchanges);
    log_buffer_init(&worker->log, loop);
    loop_timer_init(&worker->reaper, reap, worker);
    loop_timer_init(&worker->rest, on_rest, worker);
    loop_timer_init(&worker->sweep, on_sweep, worker);
    loop_timer_set(loop, &worker->sweep, SWEEP_MS);
    return worker;
}

void worker_drain(struct worker *worker)
{
    worker->stopping = true;
    list_each (acceptor, &worker->acceptors, struct acceptor, link) {
        if (acceptor->watch.fd >= 0)
            on_connection(&acceptor->watch, EPOLLIN);
        close_acceptor(acceptor);
    }
    dismiss_clients(worker, NULL);
}

void worker_retire(struct worker *worker)
{
    worker->stopping = true;
    list_each (acceptor, &worker->acceptors, struct acceptor, link)
        stop_accepting(acceptor);
}

bool worker_is_idle(const struct worker *worker)
{
    return atomic_load(&worker->client_count) == 0;
}

static void close_target(struct worker *worker, struct snapshot *snapshot, struct member *member)
{
    (void)snapshot;
    upstream_close_idle(worker, member->target, INT64_MAX);
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    list_each_safe (client, &worker->clients, struct client, link)
        client_destroy(client);
    if (worker->view) {
        each_target(worker->view->snapshot, worker, close_target);
        worker_drop_view(worker, worker->view);
    }
    list_each_safe (acceptor, &worker->acceptors, struct acceptor, link) {
        close_acceptor(acceptor);
        free_acceptor(acceptor);
    }
    loop_timer_clear(worker->loop, &worker->reaper);
    loop_timer_clear(worker->loop, &worker->rest);
    loop_timer_clear(worker->loop, &worker->sweep);
    turns_finish(&worker->handshake_turns);
    reap(&worker->reaper);
    log_buffer_flush(&worker->log);
    free_spare_exchanges(worker);
    cookie_sealer_finish(&worker->sealer);
    tls_thread_destroy(worker->tls);
    sockets_destroy(worker->sockets);
    inbox_close(&worker->inbox);
    free(worker);
}
