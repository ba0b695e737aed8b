#include "daemon/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char daemon_options_help[] =
    "Usage: pileus start [OPTION]...\n"
    "\n"
    "Runs the cloud in the foreground, and prints `Ready.` when it accepts calls. Ctrl-C or "
    "SIGTERM\n"
    "ends it and its instances. Needs root.\n"
    "\n"
    "  -d, --detach           detach from the terminal after `Ready.`\n"
    "      --data DIR         where all state lives (default /var/lib/pileus)\n"
    "      --listen ADDR:PORT the endpoint of every service (default 127.0.0.1:4566)\n"
    "      --dns ADDR:PORT    a resolver for this machine, for systems that do not know names "
    "below\n"
    "                         localhost themselves (default none)\n"
    "      --account ID       the account's 12 digits (default 000000000000)\n"
    "      --clock-speed X    cloud time runs X times faster than real time (default 1)\n"
    "      --vcpu-share F     how much of a CPU one vCPU is (default 0.5)\n"
    "      --auth on|off      off accepts any signature (default on)\n"
    "\n"
    "Each option is also a variable: PILEUS_DATA, PILEUS_LISTEN, PILEUS_DNS, PILEUS_ACCOUNT, "
    "PILEUS_CLOCK_SPEED,\n"
    "PILEUS_VCPU_SHARE, PILEUS_AUTH. An option wins over its variable.\n";

static int set_data(struct daemon_options *options, const char *value)
{
    static char resolved[PATH_MAX];
    char cwd[PATH_MAX] = "";
    if (!*value || strlen(value) > PATH_MAX / 4)
        return -1;
    if (*value != '/' && !getcwd(cwd, sizeof cwd / 2))
        return -1;
    snprintf(resolved, sizeof resolved, "%s%s%s", cwd, *value == '/' ? "" : "/", value);
    options->data_dir = resolved;
    return 0;
}

static int parse_endpoint(const char *value, char address[INET_ADDRSTRLEN], uint16_t *ret_port)
{
    const char *colon = strrchr(value, ':');
    char *end;
    struct in_addr parsed;
    if (!colon || colon - value >= INET_ADDRSTRLEN)
        return -1;
    snprintf(address, INET_ADDRSTRLEN, "%.*s", (int)(colon - value), value);
    long port = strtol(colon + 1, &end, 10);
    if (*end || port < 1 || port > 65535 || inet_pton(AF_INET, address, &parsed) != 1)
        return -1;
    *ret_port = (uint16_t)port;
    return 0;
}

static int set_listen(struct daemon_options *options, const char *value)
{
    static char address[INET_ADDRSTRLEN];
    options->listen_address = address;
    return parse_endpoint(value, address, &options->listen_port);
}

/* On loopback only: it is no resolver for other machines. */
static int set_dns(struct daemon_options *options, const char *value)
{
    static char address[INET_ADDRSTRLEN];
    options->dns_address = address;
    return parse_endpoint(value, address, &options->dns_port) < 0 || strncmp(address, "127.", 4)
               ? -1
               : 0;
}

static int set_account(struct daemon_options *options, const char *value)
{
    options->account = value;
    return strlen(value) == 12 && strspn(value, "0123456789") == 12 ? 0 : -1;
}

static int parse_number(const char *value, double least, double most, double *ret)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !(number >= least) || !(number <= most))
        return -1;
    *ret = number;
    return 0;
}

static int set_clock_speed(struct daemon_options *options, const char *value)
{
    return parse_number(value, 0.1, 100000, &options->clock_speed);
}

static int set_vcpu_share(struct daemon_options *options, const char *value)
{
    return parse_number(value, 0.01, 1, &options->vcpu_share);
}

static int set_auth(struct daemon_options *options, const char *value)
{
    options->auth = strcmp(value, "on") == 0;
    return options->auth || strcmp(value, "off") == 0 ? 0 : -1;
}

static const struct option_row {
    const char *name, *variable, *takes;
    int (*set)(struct daemon_options *options, const char *value);
} rows[] = {
    {"--data", "PILEUS_DATA", "a folder", set_data},
    {"--listen", "PILEUS_LISTEN", "ADDR:PORT, such as 127.0.0.1:4566", set_listen},
    {"--dns", "PILEUS_DNS", "ADDR:PORT on loopback, such as 127.0.0.1:53", set_dns},
    {"--account", "PILEUS_ACCOUNT", "12 digits", set_account},
    {"--clock-speed", "PILEUS_CLOCK_SPEED", "a number from 0.1 to 100000", set_clock_speed},
    {"--vcpu-share", "PILEUS_VCPU_SHARE", "a number from 0.01 to 1", set_vcpu_share},
    {"--auth", "PILEUS_AUTH", "on or off", set_auth},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static int apply(struct daemon_options *options, const struct option_row *row, const char *name,
                 const char *value, struct err *err)
{
    if (!value || row->set(options, value) < 0)
        return err_set(err, "%s takes %s%s%s", name, row->takes, value ? ", not " : "",
                       value ? value : "");
    return 0;
}

static int apply_argument(struct daemon_options *options, const char *argument, const char *next,
                          struct err *err)
{
    if (strcmp(argument, "-d") == 0 || strcmp(argument, "--detach") == 0) {
        options->detach = true;
        return 1;
    }
    for (int i = 0; i < ROW_COUNT; i++) {
        size_t size = strlen(rows[i].name);
        if (strcmp(argument, rows[i].name) == 0)
            return apply(options, &rows[i], rows[i].name, next, err) < 0 ? -1 : 2;
        if (strncmp(argument, rows[i].name, size) == 0 && argument[size] == '=')
            return apply(options, &rows[i], rows[i].name, argument + size + 1, err) < 0 ? -1 : 1;
    }
    return err_set(err, "unknown option %s; see `pileus start --help`", argument);
}

int daemon_options_parse(struct daemon_options *options, int argc, char **argv, struct err *err)
{
    *options = (struct daemon_options){.data_dir = "/var/lib/pileus",
                                       .listen_address = "127.0.0.1",
                                       .listen_port = 4566,
                                       .account = "000000000000",
                                       .clock_speed = 1,
                                       .vcpu_share = 0.5,
                                       .auth = true};
    for (int i = 0; i < ROW_COUNT; i++) {
        const char *value = getenv(rows[i].variable);
        if (value && *value && apply(options, &rows[i], rows[i].variable, value, err) < 0)
            return -1;
    }
    for (int i = 0; i < argc;) {
        int used = apply_argument(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err);
        if (used < 0)
            return -1;
        i += used;
    }
    if (strncmp(options->listen_address, "127.", 4) != 0)
        return err_set(err,
                       "will not listen on %s: the key `test` is valid, so anyone who reaches that "
                       "address would be root of the account. Listen on a loopback address",
                       options->listen_address);
    return 0;
}
