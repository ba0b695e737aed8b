#include "host/run/worker.h"

#include "base/cleanup.h"
#include "host/run/clone.h"
#include "os/title.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct worker {
    struct loop *loop;
    struct loop_watch watch; /* of the pipe by which the child tells the result */
    pid_t pid;
    void (*on_done)(void *owner, const struct err *failure);
    void *owner;
};

struct worker_result {
    int result;
    struct err err;
};

static _Noreturn void run_child(const struct worker_job *job, int pipe_fd)
{
    enum { RESULT_FD = 3 };
    struct worker_result result = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    title_set("pileus: disk");
    if (pipe_fd != RESULT_FD)
        dup3(pipe_fd, RESULT_FD, O_CLOEXEC);
    close_range(RESULT_FD + 1, ~0U, 0); /* a peer of the host must see when the host is gone */
    result.result = job->work(job->argument, &result.err);
    if (write(RESULT_FD, &result, sizeof result) < 0)
        _exit(1);
    _exit(0);
}

static void on_result(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct worker *worker = watch->owner;
    struct worker_result result;
    if (read(watch->fd, &result, sizeof result) != sizeof result) {
        result.result = -1;
        err_set(&result.err, "the process that did the work was killed");
    }
    int fd = watch->fd;
    loop_unwatch(worker->loop, watch);
    close(fd);
    waitpid(worker->pid, NULL, 0);
    worker->on_done(worker->owner, result.result < 0 ? &result.err : NULL);
    free(worker);
}

int worker_start(struct loop *loop, const struct worker_job *job, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    auto_fd int read_end = ends[0], write_end = ends[1];
    auto_free struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return err_sys(err, ENOMEM, "start a worker");
    *worker = (struct worker){.loop = loop, .on_done = job->on_done, .owner = job->owner};
    worker->watch = (struct loop_watch){.fd = -1, .on_event = on_result, .owner = worker};
    if (loop_watch(loop, &worker->watch, read_end, EPOLLIN, err) < 0)
        return -1;
    worker->pid = clone_process(0, -1);
    if (worker->pid < 0) {
        loop_unwatch(loop, &worker->watch);
        return err_sys(err, errno, "fork");
    }
    if (!worker->pid)
        run_child(job, write_end);
    fd_take(&read_end);
    ptr_take(&worker);
    return 0;
}
