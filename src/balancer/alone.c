/* `pileus balance --config FILE`: the balancer without root, cloud or other processes. */
#include "balancer/alone_files.h"
#include "balancer/alone_health.h"
#include "balancer/balancer.h"
#include "balancer/log_files.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "os/log.h"
#include "os/random.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { CONFIG_SIZE_MAX = 64 * 1024 * 1024, DRAIN_POLL_MS = 20, DRAIN_MAX_MS = 30000 };

static const char usage[] =
    "usage: pileus balance --config FILE\n"
    "\n"
    "Balances HTTP as an Application Load Balancer does, without the rest of the cloud.\n"
    "FILE is JSON in the words of the API (docs/balance.md). SIGHUP loads it again without\n"
    "losing a request; SIGTERM ends after the requests in flight.\n";

struct alone {
    struct loop *loop;
    struct balancer *balancer;
    const char *path;
    struct loop_watch signals;
    struct loop_timer drain, reload;
    int64_t loaded_ms;
    struct log_files *logs;
    struct alone_health health;
    int64_t drain_until_ms;
};

/* Most configurations name no files: they are not parsed twice. */
static int fill_in_files(const char *path, struct buf *text, struct err *err)
{
    json_auto_t *root = NULL;
    if (text->data && strstr(text->data, "File\""))
        root = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, NULL);
    if (!root) /* or there is an error, of which balancer_configure() tells */
        return 0;
    if (alone_read_certificates(root, path, err) < 0)
        return -1;
    auto_free char *filled = json_dumps(root, JSON_COMPACT);
    if (!filled)
        return err_set(err, "out of memory");
    buf_clear(text);
    buf_append_string(text, filled);
    return text->failed ? err_set(err, "it is too large with its certificates") : 0;
}

/* The files are opened anew each time, so that whoever rotates them only sends SIGHUP. */
static int open_logs(struct alone *alone, const struct buf *text, struct err *err)
{
    static const char *const members[LOG_KINDS] = {[LOG_ACCESS] = "AccessLog",
                                                   [LOG_CONNECTION] = "ConnectionLog",
                                                   [LOG_HEALTH_CHECK] = "HealthCheckLog"};
    json_auto_t *root = NULL;
    if (text->data && strstr(text->data, "Log\"")) /* most name none: not parsed twice */
        root = json_loadb(text->data, text->size, 0, NULL);
    for (enum log_kind kind = 0; kind < LOG_KINDS; kind++) {
        const char *path = json_string_value(json_object_get(root, members[kind]));
        if (log_files_open(alone->logs, kind, path, err) < 0)
            return err_wrap(err, "%s", members[kind]);
    }
    return 0;
}

static int configure(struct alone *alone, struct err *err)
{
    auto_buf text = {0};
    if (alone_read_file(alone->path, CONFIG_SIZE_MAX, &text, err) < 0 ||
        open_logs(alone, &text, err) < 0)
        return -1;
    alone_health_load(&alone->health);
    bool refused =
        fill_in_files(alone->path, &text, err) < 0 ||
        balancer_configure(alone->balancer, text.data ? text.data : "", text.size, err) < 0;
    alone_health_loaded(&alone->health, refused);
    return refused ? err_wrap(err, "%s", alone->path) : 0;
}

static void report_health(const struct target_health *rows, int count, void *owner)
{
    struct alone *alone = owner;
    alone_health_report(&alone->health, rows, count);
}

static void report_log(const struct message_log *head, const char *lines, size_t size, void *owner)
{
    struct alone *alone = owner;
    if (head->dropped)
        log_warn("%u lines of a log were dropped: the disk is too slow", head->dropped);
    if (alone->logs)
        log_files_write(alone->logs, head->kind, lines, size);
    else
        balancer_log_taken(alone->balancer, size);
}

/* On the thread that writes the files. */
static void log_taken(void *owner, size_t size)
{
    struct alone *alone = owner;
    if (size)
        balancer_log_taken(alone->balancer, size);
}

static void on_said(void *owner)
{
    struct alone *alone = owner;
    loop_stop(alone->loop);
}

static void on_drain(struct loop_timer *timer)
{
    struct alone *alone = timer->owner;
    if (balancer_is_idle(alone->balancer) || loop_now_ms(alone->loop) >= alone->drain_until_ms)
        balancer_report_last(alone->balancer, on_said);
    else
        loop_timer_set(alone->loop, timer, DRAIN_POLL_MS);
}

static void on_reload(struct loop_timer *timer)
{
    struct alone *alone = timer->owner;
    struct err err;
    if (configure(alone, &err) < 0)
        log_error("%s; the old configuration stays", err.text);
    else
        log_info("%s loaded", alone->path);
    alone->loaded_ms = loop_now_ms(alone->loop);
}

/* At once, if the last time is not too near: then all that asks meanwhile is one. */
static void ask_for_reload(struct alone *alone)
{
    int64_t wait_ms = alone->loaded_ms + BALANCER_CHANGE_MS - loop_now_ms(alone->loop);
    if (alone->reload.heap_index < 0)
        loop_timer_set(alone->loop, &alone->reload, wait_ms > 0 ? wait_ms : 0);
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    struct alone *alone = watch->owner;
    struct signalfd_siginfo info;
    (void)events;
    if (read(watch->fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        ask_for_reload(alone);
        return;
    }
    if (alone->drain_until_ms) { /* asked twice */
        balancer_report_last(alone->balancer, on_said);
        return;
    }
    balancer_drain(alone->balancer);
    alone->drain_until_ms = loop_now_ms(alone->loop) + DRAIN_MAX_MS;
    loop_timer_set(alone->loop, &alone->drain, DRAIN_POLL_MS);
}

static int watch_signals(struct alone *alone, struct err *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* the threads inherit it */
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "signalfd");
    alone->signals = (struct loop_watch){.fd = -1, .on_event = on_signal, .owner = alone};
    return loop_watch(alone->loop, &alone->signals, fd, EPOLLIN, err);
}

/* "Workers" is needed before anything else of the file. */
static int read_workers(const char *path, struct err *err)
{
    auto_buf text = {0};
    if (alone_read_file(path, CONFIG_SIZE_MAX, &text, err) < 0)
        return -1;
    json_auto_t *root = json_loadb(text.data ? text.data : "", text.size, 0, NULL);
    json_int_t workers = json_integer_value(json_object_get(root, "Workers"));
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers < 1 || workers > 64)
        workers = processors < 1 ? 1 : processors > 64 ? 64 : processors;
    return (int)workers;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A crash must not write private keys to a file: nothing fits into a core dump of one byte. */
static void forbid_core_dumps(void)
{
    struct rlimit limit = {1, 1};
    setrlimit(RLIMIT_CORE, &limit);
}

static int run(struct alone *alone, struct err *err)
{
    struct balancer_options options = {
        .report_health = report_health, .report_log = report_log, .owner = alone};
    options.workers = read_workers(alone->path, err);
    if (options.workers < 0)
        return -1;
    alone->balancer = balancer_create(alone->loop, &options, err);
    if (!alone->balancer || !(alone->logs = log_files_create(log_taken, alone, err)) ||
        configure(alone, err) < 0)
        return -1;
    puts("Ready.");
    fflush(stdout);
    return loop_run(alone->loop, err);
}

/* The loop turns while the balancer ends: nobody may ask it for anything then. */
static void stop_asking(struct alone *alone)
{
    if (!alone->loop)
        return;
    loop_timer_clear(alone->loop, &alone->drain);
    loop_timer_clear(alone->loop, &alone->reload);
    if (alone->signals.on_event && alone->signals.fd >= 0)
        loop_unwatch(alone->loop, &alone->signals);
}

int balance_main(int argc, char **argv)
{
    struct alone alone = {0};
    struct err err;
    uint8_t seed[16];
    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[0], "--config") == 0)
        alone.path = argv[1];
    else if (argc == 1 && strncmp(argv[0], "--config=", 9) == 0)
        alone.path = argv[0] + 9;
    if (!alone.path) {
        fputs(usage, stderr);
        return 2;
    }
    random_bytes(seed, sizeof seed);
    map_seed(seed);
    log_start("balancer", LOG_LEVEL_INFO);
    raise_descriptor_limit();
    forbid_core_dumps();
    alone.loop = loop_create(&err);
    loop_timer_init(&alone.drain, on_drain, &alone);
    loop_timer_init(&alone.reload, on_reload, &alone);
    int result = alone.loop ? watch_signals(&alone, &err) : -1;
    if (result >= 0)
        result = run(&alone, &err);
    if (result < 0)
        log_error("%s", err.text);
    stop_asking(&alone);
    log_files_destroy(alone.logs);
    alone.logs = NULL;
    if (alone.loop)
        loop_timer_clear(alone.loop, &alone.drain); /* it asks the balancer */
    balancer_destroy(alone.balancer);
    alone_health_finish(&alone.health);
    loop_destroy(alone.loop);
    return result < 0;
}
