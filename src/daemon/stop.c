#include "base/cleanup.h"
#include "daemon/daemon.h"
#include "daemon/host_options.h"
#include "daemon/leftovers.h"
#include "daemon/options.h"
#include "daemon/world.h"
#include "os/file.h"
#include "os/record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum { STOP_WAIT_MS = 90000, GRACE_MS = 5000 };

static const char stop_help[] =
    "Usage: pileus stop [--keep] [--data DIR]\n"
    "\n"
    "Ends the daemon and its instances, and removes every namespace, mount, cgroup, link and rule "
    "it\n"
    "made. Cleans up also after a daemon that was killed. What was created stays on disk: the "
    "next\n"
    "`pileus start` brings instances that were running up again.\n"
    "\n"
    "      --keep      leave the instances running; the next `pileus start` adopts them\n"
    "      --data DIR  the daemon's data folder (default $PILEUS_DATA or /var/lib/pileus)\n";

/* Signals a living parent and waits for its end. */
static int stop_running(pid_t pid, bool keep, struct err *err)
{
    uint64_t start_time = process_start_time(pid);
    auto_fd int fd = process_open(pid, start_time);
    struct pollfd exited = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return 0;
    if (syscall(SYS_pidfd_send_signal, fd, keep ? SIGUSR1 : SIGTERM, NULL, 0) < 0)
        return err_sys(err, errno, "process %d", (int)pid);
    if (poll(&exited, 1, STOP_WAIT_MS) <= 0)
        return err_set(err, "process %d does not end; see `pileus logs`", (int)pid);
    return 0;
}

/* The daemon is dead: ends what it left, as it would have done itself. */
static int clean_up(const struct daemon_options *options, const struct record *record, bool keep,
                    struct err *err)
{
    struct world world;
    struct host_options host_options;
    struct host_paths paths;
    leftovers_kill(record);
    if (keep)
        return 0;
    if (world_claim(&world, options->data_dir, err) < 0)
        return -1;
    struct loop *loop = loop_create(err);
    if (!loop)
        return -1;
    host_options_fill(&host_options, &paths, options->data_dir, world.number, world.run_dir);
    struct host *host = host_create(loop, &host_options, err);
    int result = host ? host_remove_all(host, GRACE_MS, err) : -1;
    host_destroy(host);
    loop_destroy(loop);
    if (result == 0) {
        record_remove(options->data_dir);
        world_vacate(&world);
    }
    return result;
}

static int stop(const struct daemon_options *options, bool keep, struct err *err)
{
    struct record record;
    int found = record_read(options->data_dir, &record, err);
    if (found < 0)
        return -1;
    pid_t running = leftovers_parent(&record);
    if (running)
        return stop_running(running, keep, err);
    if (!found)
        return err_set(err, "no daemon runs on %s", options->data_dir);
    return clean_up(options, &record, keep, err);
}

int daemon_stop_main(int argc, char **argv)
{
    struct daemon_options options;
    struct err err;
    bool keep = false;
    int rest = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(stop_help, stdout) < 0;
        if (strcmp(argv[i], "--keep") == 0)
            keep = true;
        else
            argv[rest++] = argv[i];
    }
    if (daemon_options_parse(&options, rest, argv, &err) < 0) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "pileus: stop needs root: run `sudo pileus stop`\n");
        return 1;
    }
    if (stop(&options, keep, &err) < 0) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return 1;
    }
    return 0;
}
