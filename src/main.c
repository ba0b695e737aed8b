/* `pileus`: finds the command and runs it. */
#include "balancer/balancer.h"
#include "cli/cli.h"
#include "daemon/daemon.h"
#include "front/coverage.h"
#include "http/tls_memory.h"
#include "os/title.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifndef PILEUS_VERSION
#error "the build gives the version"
#endif

static int coverage_main(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "Usage: pileus coverage [SERVICE]\n");
        return 2;
    }
    if (coverage_print(stdout, argc ? argv[0] : NULL) > 0)
        return 0;
    fprintf(stderr, "pileus: there is no service %s\n", argv[0]);
    return 1;
}

static const struct command own_commands[] = {
    {"start", "[OPTION]...", "run the cloud (start --help lists the options)", daemon_start_main},
    {"stop", "[--keep]", "end the daemon and its instances; --keep leaves those running",
     daemon_stop_main},
    {"upgrade", "", "replace the balancer by the program on disk, without losing a request",
     daemon_upgrade_main},
    {"balance", "--config FILE", "run the load balancer alone, without root or cloud",
     balance_main},
    {"coverage", "[SERVICE]", "print which operations of each service work", coverage_main},
    {0},
};

static const struct command *const tables[] = {own_commands, cli_commands};
enum { TABLE_COUNT = sizeof tables / sizeof *tables };

static void print_help(FILE *out)
{
    fprintf(out, "Usage: pileus COMMAND [ARGUMENT]...\n\n"
                 "Runs an AWS auto-scaling stack for real, on this machine.\n\n");
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const struct command *command = tables[i]; command->name; command++)
            fprintf(out, "  %-8s %-34s %s\n", command->name, command->arguments, command->summary);
    fprintf(out,
            "\n"
            "Every command but balance and coverage takes --data DIR (or PILEUS_DATA): the data\n"
            "folder, which tells one daemon from another (default /var/lib/pileus).\n");
}

static bool asks_for_help(int argc, char **argv)
{
    return argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
}

/* The commands of the daemon and of the balancer have a longer help of their own. */
static int run_command(const struct command *command, int argc, char **argv)
{
    bool has_help = command->main == daemon_start_main || command->main == daemon_stop_main ||
                    command->main == daemon_upgrade_main || command->main == balance_main;
    if (has_help || !asks_for_help(argc, argv))
        return command->main(argc - 2, argv + 2);
    if (command->usage)
        return printf("Usage: pileus %s\n", command->usage) < 0;
    return printf("Usage: pileus %s %s\n\n%s\n", command->name, command->arguments,
                  command->summary) < 0;
}

int main(int argc, char **argv)
{
    title_start(argc, argv);
    tls_memory_start(); /* later, others may have used OpenSSL */
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("pileus %s\n", PILEUS_VERSION);
        return 0;
    }
    if (strcmp(argv[1], DAEMON_BALANCER_COMMAND) == 0)
        return daemon_balancer_main(argc - 2, argv + 2);
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const struct command *command = tables[i]; command->name; command++)
            if (strcmp(argv[1], command->name) == 0)
                return run_command(command, argc, argv);
    fprintf(stderr, "pileus: no command %s; see `pileus help`\n", argv[1]);
    return 2;
}
