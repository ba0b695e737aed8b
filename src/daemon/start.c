#include "base/cleanup.h"
#include "daemon/daemon.h"
#include "daemon/dns_sockets.h"
#include "daemon/host_options.h"
#include "daemon/leftovers.h"
#include "daemon/options.h"
#include "daemon/parent.h"
#include "daemon/privilege.h"
#include "daemon/world.h"
#include "os/file.h"
#include "os/log.h"
#include "os/record.h"
#include "os/title.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const struct err *err)
{
    fprintf(stderr, "pileus: %s\n", err->text);
    return 1;
}

static int open_endpoint(const struct daemon_options *options, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->listen_port)};
    int on = 1;
    inet_pton(AF_INET, options->listen_address, &address.sin_addr);
    auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, errno, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1024) < 0)
        return err_sys(err, errno, "cannot listen on %s:%u (choose another with --listen)",
                       options->listen_address, options->listen_port);
    return fd_take(&fd);
}

/* guest opens them, each time it starts; that it can is found out before anything runs. */
static int check_resolver(const struct daemon_options *options, struct err *err)
{
    int sockets[GUEST_SOCKETS];
    if (!options->dns_address)
        return 0;
    if (dns_sockets_open(options, sockets, err) < 0)
        return -1;
    close(sockets[GUEST_SOCKET_DNS]);
    close(sockets[GUEST_SOCKET_DNS_STREAM]);
    return 0;
}

static int make_folder(const char *path, gid_t gid, mode_t mode, struct err *err)
{
    if (file_make_dirs(path, 0700, err) < 0)
        return -1;
    return lchown(path, 0, gid) < 0 || chmod(path, mode) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

/* A folder that api writes to, and that users find in the data folder itself. */
static int make_shown_folder(const char *data_dir, const char *name, struct err *err)
{
    char path[PATH_MAX], target[64];
    snprintf(path, sizeof path, "%s/state/%s", data_dir, name);
    if (make_folder(path, PRIVILEGE_UID_API, 0770, err) < 0)
        return -1;
    snprintf(target, sizeof target, "state/%s", name);
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    return symlink(target, path) < 0 && errno != EEXIST ? err_sys(err, errno, "%s", path) : 0;
}

/*
 * The folders whose rights matter: api may write its state, and may read consoles. The state is
 * root's and sticky, so that api cannot put a link in place of the folder where root writes.
 */
static int make_folders(const struct daemon_options *options, struct err *err)
{
    char path[PATH_MAX];
    if (file_make_dirs(options->data_dir, 0755, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/state", options->data_dir);
    if (make_folder(path, PRIVILEGE_UID_API, S_ISVTX | 0770, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/state/console", options->data_dir);
    if (make_folder(path, PRIVILEGE_UID_API, 0750, err) < 0)
        return -1;
    if (make_shown_folder(options->data_dir, "elb-logs", err) < 0 ||
        make_shown_folder(options->data_dir, "flow-logs", err) < 0 ||
        make_shown_folder(options->data_dir, "mail", err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/empty", options->data_dir);
    return file_make_dirs(path, 0555, err);
}

/* A daemon that was killed is ended for good; one that lives is an error. */
static int replace_previous(const struct daemon_options *options, struct err *err)
{
    struct record record;
    if (record_read(options->data_dir, &record, err) < 0)
        return -1;
    pid_t running = leftovers_parent(&record);
    if (running)
        return err_set(err, "already running on %s (process %d); `pileus stop` ends it",
                       options->data_dir, (int)running);
    leftovers_kill(&record);
    return 0;
}

/* From here on, stderr is the log; `ready` (if >= 0) still reaches the terminal. */
static int open_log(const char *data_dir, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/pileus.log", data_dir);
    auto_fd int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    auto_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || null < 0)
        return err_sys(err, errno, "%s", path);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        return err_sys(err, errno, "%s", path);
    return 0;
}

struct announcement {
    const struct daemon_options *options;
    int terminal_fd; /* where `Ready.` goes: the terminal, or the process that waits for it */
};

static void announce(void *arg)
{
    struct announcement *announcement = arg;
    dprintf(announcement->terminal_fd, "Ready.\n");
    if (announcement->options->detach) {
        close(announcement->terminal_fd);
        announcement->terminal_fd = -1;
    }
}

/* The last error in the log, for the terminal. */
static void print_last_error(const char *data_dir, int fd)
{
    char path[PATH_MAX];
    struct err ignored;
    size_t size;
    snprintf(path, sizeof path, "%s/pileus.log", data_dir);
    auto_free char *text = file_read(path, 64 * 1024 * 1024, &size, &ignored);
    if (!text || size < 2)
        return;
    const char *line = text;
    for (const char *at = text; (at = strstr(at, " error: ")); at++) {
        line = at;
        while (line > text && line[-1] != '\n')
            line--;
    }
    dprintf(fd, "pileus: did not start: %.*s\n", (int)strcspn(line, "\n"), line);
}

/* Runs the daemon in this process. */
static int run(const struct daemon_options *options, int terminal_fd)
{
    struct err err;
    struct world world;
    struct announcement announcement = {options, terminal_fd};
    struct host_options host;
    struct host_paths paths;
    if (make_folders(options, &err) < 0 || replace_previous(options, &err) < 0 ||
        world_claim(&world, options->data_dir, &err) < 0) {
        dprintf(terminal_fd, "pileus: %s\n", err.text);
        return 1;
    }
    host_options_fill(&host, &paths, options->data_dir, world.number, world.run_dir);
    int listen_fd = -1;
    if (host_check(&host, &err) < 0 || (listen_fd = open_endpoint(options, &err)) < 0 ||
        check_resolver(options, &err) < 0 || open_log(options->data_dir, &err) < 0 ||
        world_occupy(&world, options->data_dir, &err) < 0) {
        dprintf(terminal_fd, "pileus: %s\n", err.text);
        return 1;
    }
    title_set("pileus: parent");
    log_start("parent", LOG_LEVEL_INFO);
    int result = parent_run(options, &world, listen_fd, announce, &announcement);
    if (result && announcement.terminal_fd >= 0)
        print_last_error(options->data_dir, announcement.terminal_fd);
    return result;
}

/* Waits for what the detached daemon says until `Ready.` or its end, and shows it. */
static int await_ready(int fd, pid_t pid)
{
    char text[1024];
    size_t size = 0;
    for (ssize_t got;
         size < sizeof text - 1 && (got = read(fd, text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)got;
    text[size] = 0;
    if (strstr(text, "Ready.")) {
        fputs(text, stdout);
        return 0;
    }
    fputs(text, stderr);
    waitpid(pid, NULL, 0);
    return 1;
}

static int run_detached(const struct daemon_options *options)
{
    struct err err;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        err_sys(&err, errno, "pipe");
        return fail(&err);
    }
    pid_t pid = fork();
    if (pid < 0) {
        err_sys(&err, errno, "fork");
        return fail(&err);
    }
    if (pid > 0) {
        close(ends[1]);
        return await_ready(ends[0], pid);
    }
    close(ends[0]);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDOUT_FILENO);
    _exit(run(options, ends[1]));
}

int daemon_start_main(int argc, char **argv)
{
    struct daemon_options options;
    struct err err;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return fputs(daemon_options_help, stdout) < 0;
    if (daemon_options_parse(&options, argc, argv, &err) < 0)
        return fail(&err), 2;
    if (geteuid() != 0) {
        err_set(&err, "start needs root, for namespaces and network links: run `sudo pileus start`"
                      " (`pileus balance` runs without)");
        return fail(&err);
    }
    return options.detach ? run_detached(&options) : run(&options, STDOUT_FILENO);
}
