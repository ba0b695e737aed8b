#include "base/cleanup.h"
#include "daemon/daemon.h"
#include "daemon/leftovers.h"
#include "daemon/options.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { UPGRADE_WAIT_MS = 60000, POLL_MS = 20 };

static const char upgrade_help[] =
    "Usage: pileus upgrade [--data DIR]\n"
    "\n"
    "Begins a new balancer from the program that lies on disk now, and returns when it has taken\n"
    "over every listener. The former one answers what it has begun, WebSockets for up to five\n"
    "minutes, and ends: no request is lost. If the new one does not come up, the former one goes\n"
    "on as before.\n"
    "\n"
    "The other processes stay as they are. When a newer program needs them to change too, upgrade\n"
    "says so: `pileus stop --keep` and `pileus start` then keep the instances running.\n"
    "\n"
    "      --data DIR  the daemon's data folder (default $PILEUS_DATA or /var/lib/pileus)\n";

/* Waits for the daemon to say how the upgrade ended. `exited` is readable when the daemon ends. */
static int await_end(const char *data_dir, uint32_t upgrades, int exited, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + UPGRADE_WAIT_MS;
    struct pollfd poll_fd = {.fd = exited, .events = POLLIN};
    struct record record;
    while (clock_mono_ms() < until_ms) {
        if (poll(&poll_fd, 1, POLL_MS) > 0)
            return err_set(err, "the daemon has ended");
        if (record_read(data_dir, &record, err) < 0)
            return -1;
        if (record.upgrades == upgrades)
            continue;
        return *record.upgrade_failure ? err_set(err, "%s", record.upgrade_failure) : 0;
    }
    return err_set(err, "the daemon does not answer; see `pileus logs`");
}

static int upgrade(const struct daemon_options *options, struct err *err)
{
    struct record record;
    if (record_read(options->data_dir, &record, err) < 0)
        return -1;
    pid_t parent = leftovers_parent(&record);
    auto_fd int fd = parent ? process_open(parent, process_start_time(parent)) : -1;
    if (fd < 0)
        return err_set(err, "no daemon runs on %s", options->data_dir);
    if (syscall(SYS_pidfd_send_signal, fd, SIGUSR2, NULL, 0) < 0)
        return err_sys(err, errno, "process %d", (int)parent);
    return await_end(options->data_dir, record.upgrades, fd, err);
}

int daemon_upgrade_main(int argc, char **argv)
{
    struct daemon_options options;
    struct err err;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(upgrade_help, stdout) < 0;
    if (daemon_options_parse(&options, argc, argv, &err) < 0) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "pileus: upgrade needs root: run `sudo pileus upgrade`\n");
        return 1;
    }
    if (upgrade(&options, &err) < 0) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return 1;
    }
    return 0;
}
