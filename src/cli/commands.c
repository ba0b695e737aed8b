#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/cost.h"
#include "cli/duration.h"
#include "cli/image.h"
#include "cli/target.h"
#include "cli/why.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static int fail(const struct err *err)
{
    fprintf(stderr, "pileus: %s\n", err->text);
    return 1;
}

static int usage(const char *text)
{
    fprintf(stderr, "Usage: pileus %s\n", text);
    return 2;
}

/* Finds the daemon that --data names; returns -1 after printing why not. */
static int find(int *argc, char **argv, struct record *record)
{
    struct err err;
    const char *data_dir = target_data_dir(argc, argv, &err);
    if (data_dir && target_find(data_dir, record, &err) == 0)
        return 0;
    fail(&err);
    return -1;
}

static void print_time(const char *label, int64_t ms)
{
    char text[32];
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%-16s %s\n", label, text);
}

static void print_clock(const json_t *clock)
{
    print_time("cloud time", json_integer_value(json_object_get(clock, "NowMs")));
    printf("%-16s %g\n", "clock speed", json_number_value(json_object_get(clock, "Speed")));
}

static int status_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    const char *name;
    json_t *count;
    if (find(&argc, argv, &record) < 0)
        return 1;
    json_auto_t *status = target_ask(&record, "/_pileus/status", NULL, &err);
    if (!status)
        return fail(&err);
    printf("%-16s http://%s\n%-16s %s\n", "endpoint", record.listen, "account", record.account);
    print_clock(json_object_get(status, "Clock"));
    for (int i = 0; i < RECORD_PROCESSES; i++)
        if (record.processes[i].pid)
            printf("%-16s %d\n", record.processes[i].name, (int)record.processes[i].pid);
    json_object_foreach (json_object_get(status, "Counts"), name, count) {
        printf("%-16s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(count));
    }
    return 0;
}

/* Copies what the log holds from `fd`'s position to its end. */
static void copy_rest(int fd)
{
    char block[16384];
    for (ssize_t got; (got = read(fd, block, sizeof block)) > 0;)
        if (write(STDOUT_FILENO, block, (size_t)got) != got)
            return;
}

static int logs_main(int argc, char **argv)
{
    struct err err;
    char path[PATH_MAX];
    const char *data_dir = target_data_dir(&argc, argv, &err);
    if (!data_dir)
        return fail(&err);
    bool follow = argc == 1 && strcmp(argv[0], "-f") == 0;
    if (argc > follow)
        return usage("logs [-f]");
    snprintf(path, sizeof path, "%s/pileus.log", data_dir);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_sys(&err, errno, "%s", path);
        return fail(&err);
    }
    copy_rest(fd);
    auto_fd int changes = inotify_init1(IN_CLOEXEC);
    if (!follow || inotify_add_watch(changes, path, IN_MODIFY) < 0)
        return 0;
    char events[4096];
    while (read(changes, events, sizeof events) > 0)
        copy_rest(fd);
    return 0;
}

/* The variables that make an AWS client talk to this daemon; `give` gets each. */
static void each_variable(const struct record *record, void (*give)(const char *, const char *))
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://%s", record->listen);
    give("AWS_ENDPOINT_URL", endpoint);
    give("AWS_ACCESS_KEY_ID", "test");
    give("AWS_SECRET_ACCESS_KEY", "test");
    if (!getenv("AWS_REGION") && !getenv("AWS_DEFAULT_REGION"))
        give("AWS_DEFAULT_REGION", "us-east-1");
}

static void print_export(const char *name, const char *value)
{
    printf("export %s=%s\n", name, value);
}

static void set_variable(const char *name, const char *value)
{
    setenv(name, value, 1);
}

static int env_main(int argc, char **argv)
{
    struct record record;
    if (find(&argc, argv, &record) < 0)
        return 1;
    each_variable(&record, print_export);
    return 0;
}

/* Replaces this process by a program; returns only if that fails. */
static int become(char **arguments)
{
    struct err err;
    execvp(arguments[0], arguments);
    err_sys(&err, errno, "%s (is it installed?)", arguments[0]);
    return fail(&err);
}

static int aws_main(int argc, char **argv)
{
    struct record record;
    char endpoint[64];
    /* --data is ours only in front: behind it could be an argument of aws. */
    int own = argc > 1 && strcmp(argv[0], "--data") == 0 ? 2 : 0;
    int own_count = own;
    if (find(&own_count, argv, &record) < 0)
        return 1;
    auto_free char **arguments = calloc((size_t)argc + 4, sizeof *arguments);
    if (!arguments)
        return 1;
    each_variable(&record, set_variable);
    /* Debian's aws knows no AWS_ENDPOINT_URL; every version knows the option. */
    snprintf(endpoint, sizeof endpoint, "http://%s", record.listen);
    arguments[0] = "aws";
    arguments[1] = "--endpoint-url";
    arguments[2] = endpoint;
    for (int i = own; i < argc; i++)
        arguments[3 + i - own] = argv[i];
    return become(arguments);
}

static const char ssh_usage[] = "ssh [-i KEY] INSTANCE [COMMAND]...";

static int ssh_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    char path[128], destination[64], *key = NULL;
    if (find(&argc, argv, &record) < 0)
        return 1;
    if (argc >= 2 && strcmp(argv[0], "-i") == 0) {
        key = argv[1];
        argc -= 2;
        argv += 2;
    }
    if (argc < 1 || strlen(argv[0]) > 64)
        return usage(ssh_usage);
    snprintf(path, sizeof path, "/_pileus/instances/%s", argv[0]);
    json_auto_t *instance = target_ask(&record, path, NULL, &err);
    if (!instance)
        return fail(&err);
    const char *address = json_string_value(json_object_get(instance, "PublicIpAddress"));
    if (!address) {
        err_set(&err, "%s has no public address", argv[0]);
        return fail(&err);
    }
    snprintf(destination, sizeof destination, "ec2-user@%s", address);
    auto_free char **arguments = calloc((size_t)argc + 11, sizeof *arguments);
    if (!arguments)
        return 1;
    int count = 0;
    arguments[count++] = "ssh";
    /* Addresses are given out again, so yesterday's host key says nothing. */
    arguments[count++] = "-oStrictHostKeyChecking=no";
    arguments[count++] = "-oUserKnownHostsFile=/dev/null";
    arguments[count++] = "-oLogLevel=ERROR";
    /* The instance is near: silence means that no rule lets us in. */
    arguments[count++] = "-oConnectTimeout=5";
    if (key) {
        arguments[count++] = "-i";
        arguments[count++] = key;
    }
    arguments[count++] = destination;
    for (int i = 1; i < argc; i++)
        arguments[count++] = argv[i];
    return become(arguments);
}

static int clock_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    int64_t advance_ms;
    if (find(&argc, argv, &record) < 0)
        return 1;
    json_auto_t *body = NULL;
    if (argc == 2 && strcmp(argv[0], "advance") == 0) {
        if (duration_parse(argv[1], &advance_ms) < 0) {
            err_set(&err, "clock advance takes a duration such as 90s, 15m or 1h30m, not %s",
                    argv[1]);
            return fail(&err);
        }
        body = json_pack("{s:I}", "AdvanceMs", (json_int_t)advance_ms);
    } else if (argc != 0) {
        return usage("clock [advance DURATION]");
    }
    json_auto_t *clock = target_ask(&record, "/_pileus/clock", body, &err);
    if (!clock)
        return fail(&err);
    print_clock(clock);
    return 0;
}

static int image_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    const char *data_dir = target_data_dir(&argc, argv, &err);
    if (!data_dir || target_find(data_dir, &record, &err) < 0)
        return fail(&err);
    int result = image_run(data_dir, &record, argc, argv, &err);
    if (result < 0)
        return fail(&err);
    return result ? usage(image_usage) : 0;
}

static int ca_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    if (find(&argc, argv, &record) < 0)
        return 1;
    if (argc != 0)
        return usage("ca");
    json_auto_t *answer = target_ask(&record, "/_pileus/ca", NULL, &err);
    if (!answer)
        return fail(&err);
    fputs(json_string_value(json_object_get(answer, "Certificate")), stdout);
    return 0;
}

const struct command cli_commands[] = {
    {"status", "", "show the daemon's processes, its clock, and what it runs", status_main},
    {"logs", "[-f]", "print the daemon's log; -f follows it", logs_main},
    {"env", "", "print shell exports: eval \"$(pileus env)\" and use aws, boto3, terraform",
     env_main},
    {"aws", "ARGS...", "run the aws command against the daemon", aws_main},
    {"ssh", "[-i KEY] INSTANCE [COMMAND]...", "log in to an instance as ec2-user", ssh_main},
    {"clock", "[advance DURATION]", "show cloud time, or jump ahead (15m, 1h30m)", clock_main},
    {"image", "list | import | build | alias [ARGUMENT]...",
     "list images, take in a root file system or OCI image, point a public image at it", image_main,
     image_usage},
    {"why", "SOURCE DESTINATION PORT [OPTION]...",
     "say which route, network ACL entry or rule lets a packet through or stops it", why_main,
     why_usage},
    {"cost", "[--region REGION] [--json]",
     "say what AWS would have charged for what really ran, and for a month of it", cost_main,
     cost_usage},
    {"ca", "", "print the certificate of the authority behind ACM, for trust stores", ca_main},
    {0},
};
