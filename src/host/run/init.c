#include "host/run/init.h"

#include "host/run/announce.h"
#include "host/run/command.h"
#include "host/run/kernel_file.h"
#include "host/run/systemd.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 10000, RESTART_MS = 1000 };

/* What is started, and started again when it has ended; unless the image has no such program. */
struct service {
    int (*run)(const struct boot *boot);
    pid_t pid;
    int64_t due_ms; /* when it is to be started; 0: it runs, or there is none */
};

enum { SERVICE_COUNT = 2 };

struct init {
    const struct boot *boot;
    int console_fd; /* the file on the host */
    int output_fd;  /* both ends of the fifo /dev/console */
    int signal_fd;
    struct service services[SERVICE_COUNT];
    int64_t stop_due_ms; /* when whatever still runs is killed; 0: not stopping */
};

static pid_t start_child(struct init *init, int (*run)(const struct boot *))
{
    pid_t pid = fork();
    if (pid)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(init->console_fd);
    close(init->signal_fd);
    close(init->output_fd);
    _exit(run(init->boot));
}

/* The instance's programs write to a fifo, never to the host's file itself. */
static void open_console(struct init *init)
{
    mkfifo("/dev/console", 0600);
    chmod("/dev/console", 0622);
    init->output_fd = open("/dev/console", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int output = open("/dev/console", O_WRONLY | O_CLOEXEC);
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    close(input);
}

/* Version 2 lets no group have both processes and controlled groups within it: container engines
 * find the topmost one empty, as on a machine with systemd. */
static void leave_topmost_group(void)
{
    struct err ignored;
    mkdir("/sys/fs/cgroup/init.scope", 0755);
    kernel_file_write("/sys/fs/cgroup/init.scope/cgroup.procs", "0", &ignored);
}

static void open_signals(struct init *init)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN + 3); /* from the host */
    sigaddset(&signals, SIGTERM);      /* from within */
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    init->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void copy_console(struct init *init)
{
    char text[16384];
    ssize_t got = read(init->output_fd, text, sizeof text);
    if (got > 0 && write(init->console_fd, text, (size_t)got) < 0)
        return; /* the host's disk is full: the console is lost, the instance goes on */
}

static void on_end(struct init *init, struct service *service, int status)
{
    bool absent = WIFEXITED(status) && WEXITSTATUS(status) == BOOT_NOT_INSTALLED;
    service->pid = 0;
    if (!absent && !init->stop_due_ms)
        service->due_ms = clock_mono_ms() + RESTART_MS;
}

static void reap(struct init *init)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < SERVICE_COUNT; i++)
            if (pid == init->services[i].pid)
                on_end(init, &init->services[i], status);
    if (pid < 0 && errno == ECHILD && init->stop_due_ms)
        init->stop_due_ms = clock_mono_ms(); /* nobody is left */
}

static void on_signals(struct init *init)
{
    struct signalfd_siginfo info;
    while (read(init->signal_fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD && !init->stop_due_ms) {
            init->stop_due_ms = clock_mono_ms() + STOP_MS;
            for (int i = 0; i < SERVICE_COUNT; i++)
                init->services[i].due_ms = 0;
            announce_end(init->console_fd);
            kill(-1, SIGTERM);
            kill(-1, SIGCONT);
        }
    reap(init);
}

static int wait_ms(const struct init *init)
{
    int64_t due_ms = init->stop_due_ms;
    int64_t now_ms = clock_mono_ms();
    for (int i = 0; i < SERVICE_COUNT; i++) {
        int64_t service_ms = init->services[i].due_ms;
        if (service_ms && (!due_ms || service_ms < due_ms))
            due_ms = service_ms;
    }
    if (!due_ms)
        return -1;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static void start_due(struct init *init)
{
    for (int i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &init->services[i];
        if (!service->due_ms || clock_mono_ms() < service->due_ms)
            continue;
        service->due_ms = 0;
        service->pid = start_child(init, service->run);
    }
}

static void turn(struct init *init)
{
    struct pollfd polls[] = {{init->signal_fd, POLLIN, 0}, {init->output_fd, POLLIN, 0}};
    if (poll(polls, 2, wait_ms(init)) < 0 && errno != EINTR)
        abort();
    if (polls[1].revents)
        copy_console(init);
    if (polls[0].revents)
        on_signals(init);
    start_due(init);
}

void init_run(const struct boot *boot, int console_fd)
{
    int64_t now_ms = clock_mono_ms();
    struct init init = {.boot = boot,
                        .console_fd = console_fd,
                        .services = {{boot_sshd, 0, now_ms}, {command_run, 0, now_ms}}};
    if (!boot->of_host && systemd_is_init())
        systemd_run(boot, console_fd);
    leave_topmost_group();
    open_console(&init);
    open_signals(&init);
    announce_boot(console_fd, boot);
    boot_prepare(boot);
    start_due(&init);
    start_child(&init, boot_user);
    while (!init.stop_due_ms || clock_mono_ms() < init.stop_due_ms)
        turn(&init);
    kill(-1, SIGKILL);
    copy_console(&init);
    _exit(0);
}
