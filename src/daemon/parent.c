#include "daemon/parent.h"

#include "base/cleanup.h"
#include "daemon/clock_file.h"
#include "daemon/privilege.h"
#include "daemon/process.h"
#include "daemon/program.h"
#include "host/host.h"
#include "ipc/channel.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/record.h"
#include "os/title.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
    RESTART_FIRST_MS = 50,
    RESTART_MAX_MS = 5000,
    STEADY_MS = 10000, /* a process that lived this long restarts at once again */
    STOP_MS = 5000,
    STOP_HOST_MS = 60000, /* instances get their time to end */
    TAKE_OVER_MS = 40000, /* for a successor to listen */
    RETIRE_MS = 310000,   /* for what it replaced to end; it ends by itself before */
    RETIRED_MAX = 16,
    SLOT_COUNT = PROCESS_COUNT + RETIRED_MAX,
    CLOCK_SAVE_MS = 2000,
    CHILD_FD = 3, /* a child's first descriptor: the channel to the parent */
};

static_assert((int)SLOT_COUNT <= (int)RECORD_PROCESSES, "the record has a row for each");

struct parent;

struct child {
    struct parent *parent;
    enum process process;
    pid_t pid;                    /* 0: not running */
    struct loop_watch exit_watch; /* of its pidfd */
    struct channel *channel;
    struct loop_timer restart_timer, stop_timer;
    int64_t started_ms, restart_delay_ms;
    bool ready, stop_sent;
    bool from_disk; /* it is the program on disk now, not the one that this daemon began with */
};

struct parent {
    struct process_setup setup;
    const struct world *world;
    struct loop *loop;
    struct loop_watch signal_watch;
    struct loop_timer clock_timer;
    struct child slots[SLOT_COUNT];
    struct child *children[PROCESS_COUNT]; /* the slots of those who do the work */
    struct child *successor;               /* of the balancer; NULL: no upgrade goes on */
    struct record record;
    void (*on_ready)(void *arg);
    void *on_ready_arg;
    bool announced, stopping, keep_instances, failed;
    bool leftovers;         /* host has not removed what it made */
    char program[PATH_MAX]; /* where it was when the daemon started; an upgrade may lie there now */
};

/*
 * The main function of each process, and the order in which they end: api after the balancer, whose
 * last lines of logs it writes, and host last, for it cleans.
 */
static const struct {
    enum process process;
    int (*main)(const struct process_setup *setup, int parent_fd);
} programs[] = {
    {PROCESS_BALANCER, proc_balancer_main},
    {PROCESS_API, proc_api_main},
    {PROCESS_GUEST, proc_guest_main},
    {PROCESS_HOST, proc_host_main},
};
enum { PROGRAM_COUNT = sizeof programs / sizeof *programs };

/* Who talks to whom; the message table says what. */
static const enum process links[][2] = {
    {PROCESS_HOST, PROCESS_GUEST},   {PROCESS_HOST, PROCESS_BALANCER}, {PROCESS_API, PROCESS_GUEST},
    {PROCESS_API, PROCESS_BALANCER}, {PROCESS_API, PROCESS_HOST},
};

/* The parent keeps what host needs, because it restarts host. */
static const int parent_capabilities[] = {
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_FOWNER,
    CAP_FSETID,
    CAP_KILL,
    CAP_SETGID,
    CAP_SETUID,
    CAP_SETPCAP,
    CAP_NET_BIND_SERVICE,
    CAP_NET_ADMIN,
    CAP_NET_RAW,
    CAP_SYS_CHROOT,
    CAP_SYS_ADMIN,
    CAP_SYS_RESOURCE,
    CAP_SYS_PTRACE,
    CAP_MKNOD,
    CAP_SETFCAP,
    -1,
};

static void start_child(struct child *child);
static void stop_next(struct parent *parent);
static void on_taken_over(struct child *child);
static void end_upgrade(struct parent *parent, const char *failure);

static const char *role_of(const struct child *child)
{
    if (child == child->parent->children[child->process])
        return process_name(child->process);
    return child == child->parent->successor ? "new-balancer" : "former-balancer";
}

/* Everyone who must end when the parent is killed and the next daemon starts. */
static void write_record(struct parent *parent)
{
    struct err err;
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct child *child = &parent->slots[i];
        struct record_process *row = &parent->record.processes[i];
        row->pid = i == PROCESS_PARENT ? getpid() : child->pid;
        row->start_time = row->pid ? process_start_time(row->pid) : 0;
        snprintf(row->name, sizeof row->name, "%s", role_of(child));
    }
    if (record_write(parent->setup.options->data_dir, &parent->record, &err) < 0)
        log_error("%s", err.text);
}

/* ---- children: messages ---- */

static void check_ready(struct parent *parent)
{
    for (int i = 0; i < PROGRAM_COUNT; i++)
        if (!parent->children[programs[i].process]->ready)
            return;
    if (parent->announced)
        return;
    parent->announced = true;
    parent->on_ready(parent->on_ready_arg);
}

static void on_child_message(struct channel *channel, enum message_type type, const void *payload,
                             size_t size, const int *descriptors, int descriptor_count)
{
    struct child *child = channel_owner(channel);
    (void)size;
    (void)descriptors;
    (void)descriptor_count; /* no message to the parent carries any: the table says so */
    if (type == MESSAGE_READY) {
        child->ready = true;
        check_ready(child->parent);
    } else if (type == MESSAGE_TAKEN_OVER) {
        on_taken_over(child);
    } else if (type == MESSAGE_CLOCK) {
        memcpy(&child->parent->setup.clock, payload, sizeof child->parent->setup.clock);
        clock_file_save(child->parent->setup.options->data_dir, &child->parent->setup.clock);
    }
}

static void on_child_close(struct channel *channel)
{
    struct child *child = channel_owner(channel);
    channel_destroy(channel);
    child->channel = NULL;
}

static const struct channel_handler child_handler = {on_child_message, on_child_close};

static void send_peer(struct child *child, enum process peer, int fd)
{
    struct message_peer message = {peer};
    if (child->channel)
        channel_send(child->channel, MESSAGE_PEER, &message, sizeof message, NULL, 0, &fd, 1);
}

static void connect_pair(struct child *one, struct child *other)
{
    int pair[2];
    if (!one->pid || !other->pid)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        return;
    }
    send_peer(one, other->process, pair[0]);
    send_peer(other, one->process, pair[1]);
    close(pair[0]);
    close(pair[1]);
}

/*
 * Gives a process that has just started a channel to each of its peers that runs. While a balancer
 * takes over there are two, and the new one comes last, as it did when it began.
 */
static void connect_peers(struct child *child)
{
    struct parent *parent = child->parent;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        enum process process = links[i][0] == child->process   ? links[i][1]
                               : links[i][1] == child->process ? links[i][0]
                                                               : PROCESS_PARENT;
        if (process == PROCESS_PARENT)
            continue;
        connect_pair(child, parent->children[process]);
        if (process == PROCESS_BALANCER && parent->successor)
            connect_pair(child, parent->successor);
    }
}

/* ---- children: life and death ---- */

static void schedule_restart(struct child *child)
{
    if (child == child->parent->successor) {
        end_upgrade(child->parent, "the new balancer cannot be started; see `pileus logs`");
        return;
    }
    if (loop_now_ms(child->parent->loop) - child->started_ms > STEADY_MS)
        child->restart_delay_ms = 0;
    loop_timer_set(child->parent->loop, &child->restart_timer, child->restart_delay_ms);
    child->restart_delay_ms =
        child->restart_delay_ms ? child->restart_delay_ms * 2 : RESTART_FIRST_MS;
    if (child->restart_delay_ms > RESTART_MAX_MS)
        child->restart_delay_ms = RESTART_MAX_MS;
}

static void on_restart(struct loop_timer *timer)
{
    start_child(timer->owner);
}

static void describe_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
}

static void on_child_exit(struct loop_watch *watch, uint32_t events)
{
    struct child *child = watch->owner;
    struct parent *parent = child->parent;
    int status = 0, fd = watch->fd;
    char end[64];
    (void)events;
    waitpid(child->pid, &status, 0);
    loop_unwatch(parent->loop, watch);
    close(fd);
    channel_destroy(child->channel);
    child->channel = NULL;
    child->pid = 0;
    child->ready = false;
    loop_timer_clear(parent->loop, &child->stop_timer);
    describe_end(status, end, sizeof end);
    if (parent->stopping) {
        if (status)
            log_warn("%s %s while stopping", process_name(child->process), end);
        parent->leftovers |= status && child->process == PROCESS_HOST;
        stop_next(parent);
    } else if (child == parent->successor) {
        end_upgrade(parent, WIFEXITED(status) && WEXITSTATUS(status) == PROGRAM_OTHER_LAYOUT
                                ? "this program needs `pileus stop --keep`, then `pileus start`"
                                : "the new balancer ended; see `pileus logs`");
    } else if (child != parent->children[child->process]) {
        log_info("the former %s %s", process_name(child->process), end);
        write_record(parent);
    } else if (!parent->announced) {
        log_error("%s %s before it was ready", process_name(child->process), end);
        parent->failed = parent->stopping = true;
        stop_next(parent);
    } else {
        log_error("%s %s; starting it again", process_name(child->process), end);
        if (WIFEXITED(status) && WEXITSTATUS(status) == PROGRAM_OTHER_LAYOUT)
            child->from_disk = false;
        write_record(parent);
        schedule_restart(child);
    }
}

/*
 * Nothing of the parent's leaks but the channel, the API's port and the locks of the world, moved
 * to the lowest numbers. Host holds the locks too: what it has made outlives the parent.
 */
static int keep_descriptors(const struct child *child, int parent_fd)
{
    const struct parent *parent = child->parent;
    int kept[] = {parent_fd, -1, -1}, count = 1;
    if (child->process == PROCESS_API)
        kept[count++] = parent->setup.listen_fd;
    if (child->process == PROCESS_HOST) {
        kept[count++] = parent->world->locks[0];
        kept[count++] = parent->world->locks[1];
    }
    for (int i = 0; i < count; i++)
        if ((kept[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, CHILD_FD + count)) < 0)
            return -1;
    for (int i = 0; i < count; i++)
        if (dup2(kept[i], CHILD_FD + i) < 0)
            return -1;
    return close_range((unsigned)(CHILD_FD + count), ~0u, 0);
}

static _Noreturn void run_child(const struct child *child, int parent_fd)
{
    const struct parent *parent = child->parent;
    enum process process = child->process;
    char title[32];
    sigset_t none;
    snprintf(title, sizeof title, "pileus: %s", process_name(process));
    title_set(title);
    log_start(process_name(process), LOG_LEVEL_INFO);
    setsid(); /* Ctrl-C is for the parent, which ends everyone in order */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (keep_descriptors(child, parent_fd) < 0)
        _exit(1);
    if (process != PROCESS_BALANCER)
        explicit_bzero(&child->parent->setup.tickets, sizeof parent->setup.tickets);
    struct process_setup setup = parent->setup;
    setup.successor = child == parent->successor;
    if (child->from_disk)
        program_exec(parent->program, &setup);
    setup.listen_fd = process == PROCESS_API ? CHILD_FD + 1 : -1;
    for (int i = 0; i < PROGRAM_COUNT; i++)
        if (programs[i].process == process)
            _exit(programs[i].main(&setup, CHILD_FD));
    _exit(1);
}

/* Takes over `parent_fd`. */
static int watch_child(struct child *child, int parent_fd, struct err *err)
{
    struct loop *loop = child->parent->loop;
    child->channel =
        channel_create(loop, parent_fd, PROCESS_PARENT, child->process, &child_handler, child, err);
    if (!child->channel)
        return -1;
    auto_fd int fd = process_open(child->pid, process_start_time(child->pid));
    if (fd < 0)
        return err_sys(err, errno, "pidfd");
    if (loop_watch(loop, &child->exit_watch, fd, EPOLLIN, err) < 0)
        return -1;
    fd_take(&fd);
    return 0;
}

/* Nobody would hear of its end: it ends now, and is started again. */
static void give_up_child(struct child *child)
{
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    child->pid = 0;
    channel_destroy(child->channel);
    child->channel = NULL;
    schedule_restart(child);
}

static void start_child(struct child *child)
{
    struct parent *parent = child->parent;
    struct err err;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        schedule_restart(child);
        return;
    }
    tls_tickets_current(&parent->setup.tickets, clock_mono_ms()); /* older ones are forgotten */
    pid_t pid = fork();
    if (pid == 0)
        run_child(child, pair[1]);
    close(pair[1]);
    if (pid < 0) {
        log_error("fork: %s", strerror(errno));
        close(pair[0]);
        schedule_restart(child);
        return;
    }
    child->pid = pid;
    child->started_ms = loop_now_ms(parent->loop);
    if (watch_child(child, pair[0], &err) < 0) {
        log_error("%s: %s", process_name(child->process), err.text);
        give_up_child(child);
        return;
    }
    connect_peers(child);
    write_record(parent);
}

/* ---- a new balancer takes over from the one that runs ---- */

static struct child *find_free_slot(struct parent *parent)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct child *child = &parent->slots[i];
        if (!child->pid && child != parent->children[child->process])
            return child;
    }
    return NULL;
}

static void begin_upgrade(struct parent *parent)
{
    struct child *current = parent->children[PROCESS_BALANCER];
    struct child *child = find_free_slot(parent);
    if (parent->successor || !parent->announced)
        return;
    if (!child || !current->pid) {
        end_upgrade(parent, child ? "the balancer is being restarted"
                                  : "former balancers still finish their requests");
        return;
    }
    log_info("a new balancer from %s takes over", parent->program);
    child->from_disk = true;
    child->stop_sent = child->ready = false;
    parent->successor = child;
    start_child(child);
    loop_timer_set(parent->loop, &child->stop_timer, TAKE_OVER_MS);
}

/* If it failed, the balancer that runs goes on as if nothing had been. */
static void end_upgrade(struct parent *parent, const char *failure)
{
    struct child *current = parent->children[PROCESS_BALANCER];
    parent->successor = NULL;
    parent->record.upgrades++;
    snprintf(parent->record.upgrade_failure, sizeof parent->record.upgrade_failure, "%s", failure);
    write_record(parent);
    if (!*failure)
        return;
    log_error("upgrade: %s", failure);
    if (current->pid)
        connect_peers(current);
}

static void on_taken_over(struct child *child)
{
    struct parent *parent = child->parent;
    struct child *former = parent->children[PROCESS_BALANCER];
    struct message_empty empty = {0};
    if (child != parent->successor)
        return;
    loop_timer_clear(parent->loop, &child->stop_timer);
    loop_timer_clear(parent->loop, &former->restart_timer);
    parent->children[PROCESS_BALANCER] = child;
    child->restart_delay_ms = 0;
    if (former->channel)
        channel_send(former->channel, MESSAGE_RETIRE, &empty, sizeof empty, NULL, 0, NULL, 0);
    if (former->pid)
        loop_timer_set(parent->loop, &former->stop_timer, RETIRE_MS);
    end_upgrade(parent, "");
}

/* ---- stopping, one process after the other ---- */

static void on_stop_timeout(struct loop_timer *timer)
{
    struct child *child = timer->owner;
    if (child == child->parent->successor)
        log_error("the new balancer did not take over in time; killing it");
    else
        log_error("%s does not stop; killing it", process_name(child->process));
    kill(child->pid, SIGKILL);
}

/* Sends STOP once; whether the process still runs. */
static bool stop_child(struct child *child)
{
    struct parent *parent = child->parent;
    struct message_stop stop = {parent->keep_instances};
    loop_timer_clear(parent->loop, &child->restart_timer);
    if (!child->pid)
        return false;
    if (!child->stop_sent && child->channel)
        channel_send(child->channel, MESSAGE_STOP, &stop, sizeof stop, NULL, 0, NULL, 0);
    if (!child->stop_sent)
        loop_timer_set(parent->loop, &child->stop_timer,
                       child->process == PROCESS_HOST ? STOP_HOST_MS : STOP_MS);
    child->stop_sent = true;
    return true;
}

static void stop_next(struct parent *parent)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct child *child = &parent->slots[i];
        if (child != parent->children[child->process] && stop_child(child))
            return;
    }
    for (int i = 0; i < PROGRAM_COUNT; i++)
        if (stop_child(parent->children[programs[i].process]))
            return;
    loop_stop(parent->loop);
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    struct parent *parent = watch->owner;
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof info) != sizeof info || parent->stopping)
        return;
    if (info.ssi_signo == SIGUSR2) {
        begin_upgrade(parent);
        return;
    }
    parent->stopping = true;
    parent->keep_instances = info.ssi_signo == SIGUSR1;
    stop_next(parent);
}

static int watch_signals(struct parent *parent, struct err *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_sys(err, errno, "signalfd");
    return loop_watch(parent->loop, &parent->signal_watch, fd, EPOLLIN, err);
}

/* Cloud time must not run backwards when the machine stops: how far it is goes to disk. */
static void on_clock_timer(struct loop_timer *timer)
{
    struct parent *parent = timer->owner;
    if (cloud_clock_now(&parent->setup.clock) - clock_wall_ms() > CLOCK_SAVE_MS)
        clock_file_save(parent->setup.options->data_dir, &parent->setup.clock);
    loop_timer_set(parent->loop, timer, CLOCK_SAVE_MS);
}

static void children_init(struct parent *parent)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct child *child = &parent->slots[i];
        *child = (struct child){.parent = parent,
                                .process = i < PROCESS_COUNT ? (enum process)i : PROCESS_BALANCER};
        if (i < PROCESS_COUNT)
            parent->children[i] = child;
        child->exit_watch =
            (struct loop_watch){.fd = -1, .on_event = on_child_exit, .owner = child};
        loop_timer_init(&child->restart_timer, on_restart, child);
        loop_timer_init(&child->stop_timer, on_stop_timeout, child);
    }
}

int parent_run(const struct daemon_options *options, const struct world *world, int listen_fd,
               void (*on_ready)(void *arg), void *arg)
{
    struct err err;
    struct privilege privilege = {.capabilities = parent_capabilities};
    struct parent parent = {
        .setup = {.options = options,
                  .world = world->number,
                  .run_dir = world->run_dir,
                  .clock = clock_file_load(options->data_dir, options->clock_speed),
                  .listen_fd = listen_fd},
        .world = world,
        .on_ready = on_ready,
        .on_ready_arg = arg,
    };
    parent.signal_watch = (struct loop_watch){.fd = -1, .on_event = on_signal, .owner = &parent};
    parent.record.world = world->number;
    snprintf(parent.record.listen, sizeof parent.record.listen, "%s:%u", options->listen_address,
             options->listen_port);
    snprintf(parent.record.account, sizeof parent.record.account, "%s", options->account);
    program_find(parent.program, sizeof parent.program);
    parent.setup.packet_log = host_check_packet_log(&err) >= 0;
    if (!parent.setup.packet_log)
        log_warn("VPC flow logs do not work: %s", err.text);
    parent.loop = loop_create(&err);
    if (!parent.loop || watch_signals(&parent, &err) < 0 || privilege_drop(&privilege, &err) < 0) {
        log_error("%s", err.text);
        return 1;
    }
    tls_tickets_begin(&parent.setup.tickets);
    children_init(&parent);
    loop_timer_init(&parent.clock_timer, on_clock_timer, &parent);
    loop_timer_set(parent.loop, &parent.clock_timer, CLOCK_SAVE_MS);
    for (int i = 0; i < PROGRAM_COUNT; i++)
        start_child(parent.children[programs[i].process]);
    int result = loop_run(parent.loop, &err);
    clock_file_save(options->data_dir, &parent.setup.clock);
    record_remove(options->data_dir);
    if (result >= 0 && !parent.keep_instances && !parent.leftovers)
        world_vacate(world);
    close(listen_fd);
    loop_destroy(parent.loop);
    return result < 0 || parent.failed;
}
