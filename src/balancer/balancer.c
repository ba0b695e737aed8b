#include "balancer/balancer.h"

#include "balancer/draining.h"
#include "balancer/health.h"
#include "balancer/points.h"
#include "balancer/worker.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REPORT_MS = 1000,
    HOLD_MAX_MS = 15000,    /* for a successor's first health checks */
    RETIRE_MAX_MS = 300000, /* for clients of a balancer that was replaced */
    HANDOVER_POLL_MS = 20,
};

struct thread {
    struct balancer *balancer;
    struct worker *worker;
    struct loop *loop;
    pthread_t id;
    bool started; /* a thread of its own; the last worker runs on the process's loop */
};

/* Sockets that were asked for, in the order of asking. */
struct pending_sockets {
    struct list link;
    struct source source;
    int thread;
};

struct balancer {
    struct loop *loop;
    struct balancer_options options;
    struct inbox inbox;
    /* The threads of the data path, and the main one: its worker has no clients, only checks. */
    struct thread *threads;
    int thread_count;
    struct traffic_table traffic;
    struct target_table targets;
    struct tls_store tls;
    struct snapshot *snapshot;
    struct draining *draining; /* NULL in the cloud */
    int64_t advanced_ms;       /* alone: how far cloud time was advanced */
    struct group_health *groups;
    struct health *health;
    struct points points;
    struct channel *host;
    struct list pending; /* of struct pending_sockets */
    struct log_budget log_budget;
    atomic_size_t log_untaken; /* bytes that report_log() was given */
    int speaking;              /* threads that have not said their last yet */
    void (*on_said)(void *owner);
    struct loop_timer report, handover, follow;
    char *next_text; /* the newest configuration; NULL: it is followed */
    size_t next_size;
    int64_t followed_ms;       /* when the last one was */
    bool holding;              /* a successor that does not listen yet */
    bool retiring;             /* replaced by a successor */
    int64_t handover_until_ms; /* the end of patience with either */
    uint64_t generation;
    bool applying; /* a configuration: the health of all targets is reported after it */
};

/* ---- tasks between the threads ---- */

struct snapshot_task {
    struct task task;
    struct snapshot *snapshot;
};

struct listen_task {
    struct task task;
    struct endpoint endpoint; /* its address only */
    int fd;
};

struct sockets_task {
    struct task task;
    struct source source;
    int thread, count;
    int fds[MESSAGE_DESCRIPTORS_MAX];
};

static void *new_task(size_t size, void (*run)(struct task *, void *))
{
    struct task *task = calloc(1, size);
    if (!task)
        abort();
    task->run = run;
    return task;
}

static void set_snapshot(struct task *task, void *owner)
{
    worker_set_snapshot(owner, ((struct snapshot_task *)(void *)task)->snapshot);
    free(task);
}

static void listen_on(struct task *task, void *owner)
{
    struct listen_task *listen_task = (struct listen_task *)(void *)task;
    worker_listen(owner, &listen_task->endpoint, listen_task->fd);
    free(task);
}

static void put_sockets(struct task *task, void *owner)
{
    struct sockets_task *put = (struct sockets_task *)(void *)task;
    struct worker *worker = owner;
    sockets_put(worker->sockets, &put->source, put->fds, put->count);
    free(task);
}

static void ask_again(struct task *task, void *owner)
{
    struct worker *worker = owner;
    sockets_ask_again(worker->sockets);
    free(task);
}

static void drain(struct task *task, void *owner)
{
    worker_drain(owner);
    free(task);
}

static void retire(struct task *task, void *owner)
{
    worker_retire(owner);
    free(task);
}

static void stop(struct task *task, void *owner)
{
    struct worker *worker = owner;
    loop_stop(worker->loop);
    free(task);
}

static void on_last_said(struct task *task, void *owner);

static void say_last(struct task *task, void *owner)
{
    struct worker *worker = owner;
    struct balancer *balancer = worker->owner;
    log_buffer_flush(&worker->log);
    task->run = on_last_said;
    inbox_post(&balancer->inbox, task);
}

struct clock_task {
    struct task task;
    struct cloud_clock clock;
};

static void set_clock(struct task *task, void *owner)
{
    struct worker *worker = owner;
    loop_set_cloud_clock(worker->loop, &((struct clock_task *)(void *)task)->clock);
    free(task);
}

static void post_all(struct balancer *balancer, void (*run)(struct task *, void *))
{
    for (int i = 0; i < balancer->thread_count; i++)
        inbox_post(&balancer->threads[i].worker->inbox, new_task(sizeof(struct task), run));
}

/* ---- snapshots ---- */

static void release_snapshot(struct task *task, void *owner)
{
    (void)owner;
    struct snapshot *snapshot = ((struct snapshot_task *)(void *)task)->snapshot;
    if (--snapshot->holders == 0)
        snapshot_destroy(snapshot);
    free(task);
}

/* On the worker's thread: it does not read this snapshot any more. */
static void on_view_end(struct worker *worker, struct snapshot *snapshot)
{
    struct balancer *balancer = worker->owner;
    struct snapshot_task *task = new_task(sizeof *task, release_snapshot);
    task->snapshot = snapshot;
    inbox_post(&balancer->inbox, &task->task);
}

static void mark_targets(struct snapshot *snapshot)
{
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            __atomic_store_n(&snapshot->groups[i].members[m].target->generation,
                             snapshot->generation, __ATOMIC_RELAXED);
}

static struct target_health health_row(const struct target *target)
{
    struct target_health row = {.port = target->port,
                                .state = (uint32_t)atomic_load(&target->state),
                                .reason = (uint32_t)target->reason,
                                .detail = (uint32_t)target->detail,
                                .anomalous = target->anomaly.anomalous,
                                .mitigated = target->anomaly.mitigated};
    memcpy(row.target_group, target->group, sizeof row.target_group);
    memcpy(row.target, target->id, sizeof row.target);
    return row;
}

static void on_health_change(const struct target *target, void *owner)
{
    struct balancer *balancer = owner;
    struct target_health row = health_row(target);
    if (balancer->options.report_health && !balancer->applying && !balancer->holding &&
        !balancer->retiring)
        balancer->options.report_health(&row, 1, balancer->options.owner);
}

static void report_all_health(struct balancer *balancer)
{
    const struct snapshot *snapshot = balancer->snapshot;
    int capacity = 0, count = 0;
    for (int i = 0; i < snapshot->group_count; i++)
        capacity += snapshot->groups[i].member_count;
    struct target_health *rows = calloc((size_t)capacity + 1, sizeof *rows);
    if (!rows)
        abort();
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            rows[count++] = health_row(snapshot->groups[i].members[m].target);
    if (balancer->options.report_health)
        balancer->options.report_health(rows, count, balancer->options.owner);
    free(rows);
}

/* ---- taking over, and being replaced ---- */

static bool is_checked(const struct snapshot *snapshot)
{
    for (int i = 0; i < snapshot->group_count; i++)
        for (int m = 0; m < snapshot->groups[i].member_count; m++)
            if (atomic_load(&snapshot->groups[i].members[m].target->state) == TARGET_INITIAL)
                return false;
    return true;
}

/* A successor waits for its first checks, listens, and waits until it listens everywhere. */
static void on_take_over(struct loop_timer *timer)
{
    struct balancer *balancer = timer->owner;
    bool patient = loop_now_ms(balancer->loop) < balancer->handover_until_ms;
    if (balancer->holding && (is_checked(balancer->snapshot) || !patient)) {
        balancer->holding = false;
        points_follow(&balancer->points);
        report_all_health(balancer);
    }
    if (!balancer->holding && points_are_open(&balancer->points))
        balancer->options.on_taken_over(balancer->options.owner);
    else
        loop_timer_set(balancer->loop, timer, HANDOVER_POLL_MS);
}

static void begin_hold(struct balancer *balancer)
{
    if (balancer->handover.heap_index >= 0)
        return;
    balancer->handover_until_ms = loop_now_ms(balancer->loop) + HOLD_MAX_MS;
    loop_timer_init(&balancer->handover, on_take_over, balancer);
    loop_timer_set(balancer->loop, &balancer->handover, HANDOVER_POLL_MS);
}

static void report_traffic(struct balancer *balancer)
{
    struct traffic *rows;
    int count = traffic_collect(&balancer->traffic, &rows);
    if (count > 0 && balancer->options.report_traffic)
        balancer->options.report_traffic(rows, count, balancer->options.owner);
    free(rows);
}

static void on_retirement(struct loop_timer *timer)
{
    struct balancer *balancer = timer->owner;
    bool patient = loop_now_ms(balancer->loop) < balancer->handover_until_ms;
    if (patient && !balancer_is_idle(balancer)) {
        loop_timer_set(balancer->loop, timer, HANDOVER_POLL_MS);
        return;
    }
    balancer_report_last(balancer, balancer->options.on_retired);
}

void balancer_retire(struct balancer *balancer)
{
    if (balancer->retiring)
        return;
    balancer->retiring = true;
    health_destroy(balancer->health);
    balancer->health = NULL;
    points_finish(&balancer->points);
    post_all(balancer, retire);
    balancer->handover_until_ms = loop_now_ms(balancer->loop) + RETIRE_MAX_MS;
    loop_timer_init(&balancer->handover, on_retirement, balancer);
    loop_timer_set(balancer->loop, &balancer->handover, HANDOVER_POLL_MS);
}

/* ---- configurations ---- */

/* Alone, the document says how cloud time runs, and how far it is ahead. */
static void follow_clock(struct balancer *balancer, const struct snapshot *snapshot)
{
    struct cloud_clock clock = *loop_cloud_clock(balancer->loop);
    clock.base_mono_ms = clock_mono_ms();
    clock.base_cloud_ms = cloud_clock_now(loop_cloud_clock(balancer->loop));
    clock.speed = snapshot->clock_speed;
    if (snapshot->clock_advance_ms > balancer->advanced_ms) {
        cloud_clock_advance(&clock, snapshot->clock_advance_ms - balancer->advanced_ms);
        balancer->advanced_ms = snapshot->clock_advance_ms;
    }
    balancer_set_cloud_clock(balancer, &clock);
}

int balancer_configure(struct balancer *balancer, const char *text, size_t size, struct err *err)
{
    if (balancer->retiring)
        return 0;
    struct snapshot *snapshot =
        snapshot_load(text, size, &balancer->traffic, &balancer->targets, &balancer->tls, err);
    if (!snapshot)
        return -1;
    if (snapshot->cloud != balancer->options.cloud) {
        err_set(err, "the configuration is not of the expected form");
    } else if (points_prepare(&balancer->points, snapshot, err) == 0) {
        if (!snapshot->cloud)
            follow_clock(balancer, snapshot); /* first: shares of targets are of this time */
        snapshot->generation = ++balancer->generation;
        snapshot->holders = balancer->thread_count + 1;
        mark_targets(snapshot);
        balancer->applying = true;
        health_apply(balancer->health, snapshot);
        balancer->applying = false;
        for (int i = 0; i < balancer->thread_count; i++) {
            struct snapshot_task *task = new_task(sizeof *task, set_snapshot);
            task->snapshot = snapshot;
            inbox_post(&balancer->threads[i].worker->inbox, &task->task);
        }
        if (!balancer->holding)
            points_follow(&balancer->points);
        struct snapshot *old = balancer->snapshot;
        if (balancer->draining)
            draining_apply(balancer->draining, old, snapshot);
        balancer->snapshot = snapshot;
        if (old && --old->holders == 0)
            snapshot_destroy(old);
        if (balancer->holding)
            begin_hold(balancer);
        else
            report_all_health(balancer);
        return 0;
    }
    snapshot_destroy(snapshot);
    return -1;
}

static void on_follow(struct loop_timer *timer)
{
    struct balancer *balancer = timer->owner;
    struct err err;
    auto_free char *text = balancer->next_text;
    balancer->next_text = NULL;
    if (balancer_configure(balancer, text, balancer->next_size, &err) < 0)
        balancer->options.on_refused(&err, balancer->options.owner);
    balancer->followed_ms = loop_now_ms(balancer->loop);
}

void balancer_follow(struct balancer *balancer, const char *text, size_t size)
{
    int64_t wait_ms = balancer->followed_ms + BALANCER_CHANGE_MS - loop_now_ms(balancer->loop);
    bool waits = balancer->next_text;
    free(balancer->next_text);
    balancer->next_text = malloc(size + 1);
    if (!balancer->next_text)
        abort();
    memcpy(balancer->next_text, text, size);
    balancer->next_size = size;
    if (!waits)
        loop_timer_set(balancer->loop, &balancer->follow, wait_ms > 0 ? wait_ms : 0);
}

void balancer_set_cloud_clock(struct balancer *balancer, const struct cloud_clock *clock)
{
    for (int i = 0; i < balancer->thread_count; i++) {
        struct clock_task *task = new_task(sizeof *task, set_clock);
        task->clock = *clock;
        inbox_post(&balancer->threads[i].worker->inbox, &task->task);
    }
    loop_set_cloud_clock(balancer->loop, clock);
}

/* ---- targets whose time is over ---- */

struct cut_task {
    struct task task;
    struct balancer *balancer;
    struct target *target;
};

static void release_target(struct task *task, void *owner)
{
    struct balancer *balancer = owner;
    target_release(&balancer->targets, ((struct cut_task *)(void *)task)->target);
    free(task);
}

/* On a worker's thread; the target goes back to the main thread. */
static void cut(struct task *task, void *owner)
{
    struct cut_task *cut_task = (struct cut_task *)(void *)task;
    worker_cut(owner, cut_task->target);
    task->run = release_target;
    inbox_post(&cut_task->balancer->inbox, task);
}

static void cut_everywhere(struct target *target, void *owner)
{
    struct balancer *balancer = owner;
    for (int i = 0; i < balancer->thread_count; i++) {
        struct cut_task *task = new_task(sizeof *task, cut);
        task->balancer = balancer;
        task->target = target;
        target_hold(target);
        inbox_post(&balancer->threads[i].worker->inbox, &task->task);
    }
}

/* ---- logs ---- */

static void on_log(struct task *task, void *owner)
{
    struct balancer *balancer = owner;
    struct log_chunk *chunk = (struct log_chunk *)(void *)task;
    const struct buf *lines = &chunk->lines;
    atomic_fetch_add(&balancer->log_untaken, lines->size);
    if (balancer->options.report_log)
        balancer->options.report_log(&chunk->head, lines->data, lines->size,
                                     balancer->options.owner);
    else
        balancer_log_taken(balancer, lines->size);
    log_chunk_free(chunk);
}

/* On a worker's thread. */
static void hand_over_log(void *owner, struct log_chunk *chunk)
{
    struct balancer *balancer = owner;
    chunk->task.run = on_log;
    inbox_post(&balancer->inbox, &chunk->task);
}

void balancer_log_taken(struct balancer *balancer, size_t size)
{
    atomic_fetch_sub(&balancer->log_untaken, size);
    atomic_fetch_sub(&balancer->log_budget.waiting, size);
}

void balancer_log_lost(struct balancer *balancer)
{
    balancer_log_taken(balancer, atomic_load(&balancer->log_untaken));
}

static void on_last_said(struct task *task, void *owner)
{
    struct balancer *balancer = owner;
    free(task);
    if (--balancer->speaking)
        return;
    report_traffic(balancer);
    balancer->on_said(balancer->options.owner);
}

void balancer_report_last(struct balancer *balancer, void (*on_said)(void *owner))
{
    if (balancer->speaking)
        return;
    balancer->speaking = balancer->thread_count;
    balancer->on_said = on_said;
    post_all(balancer, say_last);
}

/* ---- sockets from the host ---- */

static void give_listener(void *owner, const struct endpoint *endpoint, int thread, int fd)
{
    struct balancer *balancer = owner;
    struct listen_task *task = new_task(sizeof *task, listen_on);
    memcpy(task->endpoint.vpc, endpoint->vpc, sizeof task->endpoint.vpc);
    task->endpoint.address = endpoint->address;
    task->endpoint.port = endpoint->port;
    task->fd = fd;
    inbox_post(&balancer->threads[thread].worker->inbox, &task->task);
}

static void send_ask(struct balancer *balancer, const struct source *source, int count)
{
    struct message_sockets message = {.address = source->address, .count = (uint32_t)count};
    memcpy(message.vpc, source->vpc, sizeof message.vpc);
    if (balancer->host)
        channel_send(balancer->host, MESSAGE_OPEN_SOCKETS, &message, sizeof message, NULL, 0, NULL,
                     0);
}

static void ask_host(struct task *task, void *owner)
{
    struct balancer *balancer = owner;
    struct sockets_task *ask = (struct sockets_task *)(void *)task;
    struct pending_sockets *pending = calloc(1, sizeof *pending);
    if (!pending)
        abort();
    pending->source = ask->source;
    pending->thread = ask->thread;
    list_append(&balancer->pending, &pending->link);
    send_ask(balancer, &ask->source, ask->count);
    free(task);
}

/* On a worker's thread: the main thread asks on. */
static void ask(void *owner, const struct source *source, int count)
{
    struct thread *thread = owner;
    struct balancer *balancer = thread->balancer;
    struct sockets_task *task = new_task(sizeof *task, ask_host);
    task->source = *source;
    task->thread = (int)(thread - balancer->threads);
    task->count = count;
    inbox_post(&balancer->inbox, &task->task);
}

static struct pending_sockets *find_pending(struct balancer *balancer,
                                            const struct message_sockets *message)
{
    list_each (pending, &balancer->pending, struct pending_sockets, link)
        if (pending->source.address == message->address &&
            strncmp(pending->source.vpc, message->vpc, ID_SIZE) == 0)
            return pending;
    return NULL;
}

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static void on_sockets(struct balancer *balancer, const struct message_sockets *message,
                       const int *fds, int count)
{
    struct pending_sockets *pending = find_pending(balancer, message);
    if (!pending) {
        close_all(fds, count);
        return;
    }
    struct sockets_task *task = new_task(sizeof *task, put_sockets);
    task->source = pending->source;
    task->count = count;
    memcpy(task->fds, fds, (size_t)count * sizeof *fds);
    inbox_post(&balancer->threads[pending->thread].worker->inbox, &task->task);
    list_remove(&pending->link);
    free(pending);
}

static void forget_pending(struct balancer *balancer)
{
    list_each_safe (pending, &balancer->pending, struct pending_sockets, link) {
        list_remove(&pending->link);
        free(pending);
    }
}

void balancer_set_host(struct balancer *balancer, struct channel *host)
{
    balancer->host = host;
    forget_pending(balancer);
    points_set_host(&balancer->points, host);
    if (host)
        post_all(balancer, ask_again);
}

void balancer_receive(struct balancer *balancer, enum message_type type, const void *payload,
                      size_t size, const int *descriptors, int descriptor_count)
{
    if (type == MESSAGE_SOCKETS && size >= sizeof(struct message_sockets))
        on_sockets(balancer, payload, descriptors, descriptor_count);
    else if (type == MESSAGE_LISTENER && size >= sizeof(struct message_listener))
        points_receive(&balancer->points, payload, descriptors, descriptor_count);
    else
        close_all(descriptors, descriptor_count);
}

/* ---- life ---- */

static void on_report(struct loop_timer *timer)
{
    struct balancer *balancer = timer->owner;
    report_traffic(balancer);
    loop_timer_set(balancer->loop, timer, REPORT_MS);
}

static void *run_thread(void *argument)
{
    struct thread *thread = argument;
    struct err err;
    if (loop_run(thread->loop, &err) < 0)
        abort();
    return NULL;
}

static int start_thread(struct balancer *balancer, int index, struct err *err)
{
    struct thread *thread = &balancer->threads[index];
    struct sockets_ops ops = {.ask = ask, .owner = thread};
    thread->balancer = balancer;
    bool is_main = index == balancer->options.workers;
    thread->loop = is_main ? balancer->loop : loop_create(err);
    if (!thread->loop)
        return -1;
    thread->worker = worker_create(thread->loop, index, balancer->options.cloud ? &ops : NULL,
                                   &balancer->tls, err);
    if (!thread->worker)
        return -1;
    thread->worker->owner = balancer;
    thread->worker->on_view_end = on_view_end;
    thread->worker->log.budget = &balancer->log_budget;
    thread->worker->log.hand_over = hand_over_log;
    thread->worker->log.owner = balancer;
    if (is_main)
        return 0;
    int number = pthread_create(&thread->id, NULL, run_thread, thread);
    if (number)
        return err_sys(err, number, "pthread_create");
    thread->started = true;
    return 0;
}

struct balancer *balancer_create(struct loop *loop, const struct balancer_options *options,
                                 struct err *err)
{
    struct balancer *balancer = calloc(1, sizeof *balancer);
    if (!balancer ||
        !(balancer->threads = calloc((size_t)options->workers + 1, sizeof(struct thread)))) {
        free(balancer);
        err_set(err, "out of memory");
        return NULL;
    }
    balancer->loop = loop;
    balancer->options = *options;
    balancer->thread_count = options->workers + 1;
    list_init(&balancer->pending);
    traffic_table_init(&balancer->traffic, balancer->thread_count);
    target_table_init(&balancer->targets, balancer->thread_count);
    tls_store_init(&balancer->tls, balancer->thread_count);
    if (options->tickets)
        balancer->tls.tickets = *options->tickets;
    loop_timer_init(&balancer->report, on_report, balancer);
    loop_timer_init(&balancer->handover, on_take_over, balancer);
    loop_timer_init(&balancer->follow, on_follow, balancer);
    balancer->followed_ms = -BALANCER_CHANGE_MS;
    balancer->holding = options->successor;
    points_init(&balancer->points, loop, options->cloud, options->workers, give_listener, balancer);
    if (inbox_open(&balancer->inbox, loop, balancer, err) < 0) {
        free(balancer->threads);
        free(balancer);
        return NULL;
    }
    for (int i = 0; i < balancer->thread_count; i++) {
        if (start_thread(balancer, i, err) < 0) {
            balancer_destroy(balancer);
            return NULL;
        }
    }
    balancer->groups =
        group_health_create(loop, balancer->thread_count, on_health_change, balancer);
    balancer->health = health_create(balancer->threads[options->workers].worker, balancer->groups,
                                     on_health_change, balancer);
    if (!options->cloud)
        balancer->draining = draining_create(loop, &balancer->targets, cut_everywhere, balancer);
    if (!balancer->groups || !balancer->health || (!options->cloud && !balancer->draining))
        abort();
    loop_timer_set(loop, &balancer->report, REPORT_MS);
    return balancer;
}

static void end_thread(struct thread *thread, struct loop *main_loop)
{
    if (thread->started) {
        inbox_post(&thread->worker->inbox, new_task(sizeof(struct task), stop));
        pthread_join(thread->id, NULL);
    }
    worker_destroy(thread->worker);
    if (thread->loop != main_loop)
        loop_destroy(thread->loop);
}

/* Runs what the ended threads have said last, without waiting. */
static void settle(struct balancer *balancer)
{
    struct err err;
    while (balancer->inbox.first && loop_turn(balancer->loop, 0, &err) >= 0)
        ;
}

void balancer_destroy(struct balancer *balancer)
{
    if (!balancer)
        return;
    loop_timer_clear(balancer->loop, &balancer->report);
    loop_timer_clear(balancer->loop, &balancer->handover);
    loop_timer_clear(balancer->loop, &balancer->follow);
    free(balancer->next_text);
    health_destroy(balancer->health);
    group_health_destroy(balancer->groups);
    draining_destroy(balancer->draining);
    points_finish(&balancer->points);
    for (int i = 0; i < balancer->thread_count; i++)
        end_thread(&balancer->threads[i], balancer->loop);
    settle(balancer);
    if (balancer->snapshot)
        snapshot_destroy(balancer->snapshot);
    inbox_close(&balancer->inbox);
    forget_pending(balancer);
    traffic_table_finish(&balancer->traffic);
    target_table_finish(&balancer->targets);
    tls_store_finish(&balancer->tls);
    free(balancer->threads);
    free(balancer);
}

void balancer_drain(struct balancer *balancer)
{
    points_finish(&balancer->points);
    post_all(balancer, drain);
}

bool balancer_is_idle(const struct balancer *balancer)
{
    for (int i = 0; i < balancer->thread_count; i++)
        if (!worker_is_idle(balancer->threads[i].worker))
            return false;
    return true;
}
