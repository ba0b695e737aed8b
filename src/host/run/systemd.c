#include "host/run/systemd.h"

#include "base/cleanup.h"
#include "host/run/announce.h"
#include "host/run/user_data.h"
#include "os/title.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

#define INIT_PATH   "/sbin/init"
#define SOCKET_PATH "/run/systemd/private" /* there when systemd takes orders */

enum { SOCKET_WAIT_MS = 20 };

/* The network is there before systemd is, and comes from outside: nothing in the instance may wait
 * for a DHCP server, or take the addresses away. */
static const struct {
    const char *path, *text;
} settings[] = {
    {"/run/systemd/network/00-pileus.network", "[Match]\nName=eth*\n\n[Link]\nUnmanaged=yes\n"},
};

static const char *const masked_units[] = {"networking.service",
                                           "systemd-networkd-wait-online.service"};

/* systemd takes the first for where it is, and writes plain text on the second. */
static const char *const environment[] = {"container=pileus", "TERM=dumb"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool systemd_is_init(void)
{
    char target[PATH_MAX];
    ssize_t size = readlink(INIT_PATH, target, sizeof target - 1);
    if (size < 0 || access(INIT_PATH, X_OK) < 0)
        return false;
    target[size] = '\0';
    const char *slash = strrchr(target, '/');
    return !strcmp(slash ? slash + 1 : target, "systemd");
}

/* ---- the console ---- */

/* A terminal whose other end is /dev/console; -1 if there is none. */
static int open_terminal(void)
{
    char path[32];
    int number = -1, locked = 0;
    auto_fd int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    auto_fd int file = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (terminal < 0 || file < 0 || ioctl(terminal, TIOCSPTLCK, &locked) < 0 ||
        ioctl(terminal, TIOCGPTN, &number) < 0)
        return -1;
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    if (mount(path, "/dev/console", NULL, MS_BIND, NULL) < 0)
        return -1;
    return fd_take(&terminal);
}

/*
 * Copies to the host's file what is written to the terminal and to the pipe of what runs beside
 * systemd. The '@' keeps systemd from killing it before the end; it ends with PID 1. It holds the
 * other end of the terminal too, which then never looks closed.
 */
static _Noreturn void run_console(int terminal, int pipe_fd, int console_fd)
{
    char text[16384];
    struct pollfd inputs[] = {{terminal, POLLIN, 0}, {pipe_fd, POLLIN, 0}};
    title_set("@pileus: console");
    int other_end = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    while (other_end >= 0 && poll(inputs, COUNT(inputs), -1) > 0)
        for (size_t i = 0; i < COUNT(inputs); i++) {
            ssize_t got = inputs[i].revents ? read(inputs[i].fd, text, sizeof text) : -1;
            if (inputs[i].revents && got <= 0)
                inputs[i].fd = -1;
            if (got > 0 && write(console_fd, text, (size_t)got) < 0)
                continue; /* the host's disk is full: the console is lost, the instance goes on */
        }
    _exit(0);
}

/* ---- what runs beside systemd ---- */

/* As cloud-init does: when everything that shall run at boot runs. */
static void await_systemd(void)
{
    char *arguments[] = {"systemctl", "is-system-running", "--wait", "--quiet", NULL};
    while (access(SOCKET_PATH, F_OK) < 0)
        poll(NULL, 0, SOCKET_WAIT_MS);
    user_data_execute("/bin/systemctl", arguments);
}

static _Noreturn void run_user(const struct boot *boot, int pipe_fd)
{
    dup2(pipe_fd, STDOUT_FILENO);
    dup2(pipe_fd, STDERR_FILENO);
    title_set("pileus: user data");
    close_range(STDERR_FILENO + 1, ~0U, 0);
    announce_host_keys();
    await_systemd();
    _exit(boot_user(boot));
}

/* ---- PID 1 ---- */

static void write_settings(void)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        boot_write_file(settings[i].path, settings[i].text);
    for (size_t i = 0; i < COUNT(masked_units); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "/run/systemd/system/%s", masked_units[i]);
        boot_make_link("/dev/null", path);
    }
}

static void start_beside(const struct boot *boot, int terminal, int console_fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    if (!fork())
        run_console(terminal, ends[0], console_fd);
    if (!boot_has_cloud_init() && !fork())
        run_user(boot, ends[1]);
}

_Noreturn void systemd_run(const struct boot *boot, int console_fd)
{
    char *arguments[] = {INIT_PATH, NULL};
    announce_boot(console_fd, boot);
    boot_prepare(boot);
    write_settings();
    if (!boot_has_cloud_init())
        boot_make_host_keys();
    start_beside(boot, open_terminal(), console_fd);
    for (size_t i = 0; i < COUNT(environment); i++)
        putenv((char *)(uintptr_t)environment[i]);
    int console = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(console, fd);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execv(INIT_PATH, arguments);
    _exit(1);
}
