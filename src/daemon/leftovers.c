#include "daemon/leftovers.h"

#include "base/cleanup.h"
#include "os/file.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

enum { WAIT_MS = 10000 };

pid_t leftovers_parent(const struct record *record)
{
    for (int i = 0; i < RECORD_PROCESSES; i++) {
        const struct record_process *process = &record->processes[i];
        auto_fd int fd = strcmp(process->name, "parent") == 0
                             ? process_open(process->pid, process->start_time)
                             : -1;
        if (fd >= 0)
            return process->pid;
    }
    return 0;
}

void leftovers_kill(const struct record *record)
{
    for (int i = 0; i < RECORD_PROCESSES; i++) {
        const struct record_process *process = &record->processes[i];
        auto_fd int fd = process_open(process->pid, process->start_time);
        struct pollfd exited = {.fd = fd, .events = POLLIN};
        if (fd < 0)
            continue;
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
        poll(&exited, 1, WAIT_MS);
    }
}
