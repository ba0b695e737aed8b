#include "daemon/program.h"

#include "daemon/daemon.h"
#include "ipc/message.h"
#include "os/log.h"
#include "os/title.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARENT_FD = 3, TICKETS_FD = 4, ARGUMENTS = 6 };

void program_find(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = 0;
}

/* Not as an argument: those can be seen by everybody. */
static void hand_over(const struct tls_tickets *tickets)
{
    int ends[2];
    if (pipe(ends) < 0)
        return;
    if (write(ends[1], tickets, sizeof *tickets) < 0)
        log_error("the keys of session tickets: %s", strerror(errno));
    close(ends[1]);
    if (ends[0] != TICKETS_FD) {
        dup2(ends[0], TICKETS_FD);
        close(ends[0]);
    }
}

/* A daemon that is older may have none, or others: then sessions begin anew. */
static void take_over(struct tls_tickets *tickets)
{
    if (read(TICKETS_FD, tickets, sizeof *tickets) != (ssize_t)sizeof *tickets)
        tls_tickets_begin(tickets);
    close(TICKETS_FD);
}

_Noreturn void program_exec(const char *path, const struct process_setup *setup)
{
    char layout[16], successor[4], cloud[24], mono[24], speed[40];
    char *data_dir = (char *)(uintptr_t)setup->options->data_dir;
    char name[] = "pileus", command[] = DAEMON_BALANCER_COMMAND;
    char *argv[] = {name, command, layout, successor, cloud, mono, speed, data_dir, NULL};
    snprintf(layout, sizeof layout, "%" PRIu32, message_layout());
    snprintf(successor, sizeof successor, "%d", setup->successor);
    snprintf(cloud, sizeof cloud, "%" PRId64, setup->clock.base_cloud_ms);
    snprintf(mono, sizeof mono, "%" PRId64, setup->clock.base_mono_ms);
    snprintf(speed, sizeof speed, "%a", setup->clock.speed);
    hand_over(&setup->tickets);
    execv(path, argv);
    log_error("%s: %s", path, strerror(errno));
    _exit(1);
}

int daemon_balancer_main(int argc, char **argv)
{
    log_start("balancer", LOG_LEVEL_INFO);
    if (argc < 1 || strtoul(argv[0], NULL, 10) != message_layout()) {
        log_error("pileus %s does not understand the daemon that runs", PILEUS_VERSION);
        return PROGRAM_OTHER_LAYOUT;
    }
    if (argc != ARGUMENTS)
        return 2;
    struct daemon_options options = {.data_dir = strdup(argv[5])}; /* the title overwrites argv */
    if (!options.data_dir)
        return 1;
    struct process_setup setup = {.options = &options,
                                  .listen_fd = -1,
                                  .successor = argv[1][0] == '1',
                                  .clock = {.base_cloud_ms = strtoll(argv[2], NULL, 10),
                                            .base_mono_ms = strtoll(argv[3], NULL, 10),
                                            .speed = strtod(argv[4], NULL)}};
    take_over(&setup.tickets);
    title_set("pileus: balancer");
    return proc_balancer_main(&setup, PARENT_FD);
}
