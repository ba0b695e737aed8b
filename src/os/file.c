#include "os/file.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

char *file_read(const char *path, size_t size_max, size_t *ret_size, struct err *err)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    auto_buf contents = {.size_limit = size_max + 1};
    if (fd < 0) {
        err_sys(err, errno, "%s", path);
        return NULL;
    }
    for (ssize_t got = 1; got != 0;) {
        if (!buf_reserve(&contents, 1)) {
            err_set(err, "%s: larger than %zu bytes", path, size_max);
            return NULL;
        }
        got = read(fd, contents.data + contents.size, contents.capacity - contents.size - 1);
        if (got < 0) {
            err_sys(err, errno, "%s", path);
            return NULL;
        }
        contents.size += (size_t)got;
    }
    *ret_size = contents.size;
    return buf_take(&contents);
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0)
            return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

static int replace(const char *path, const void *data, size_t size, mode_t mode, bool sync,
                   struct err *err)
{
    char temporary[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    auto_fd int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return err_sys(err, errno, "%s", temporary);
    if (write_all(fd, data, size) < 0 || (sync && fsync(fd) < 0) || rename(temporary, path) < 0) {
        int number = errno;
        unlink(temporary);
        return err_sys(err, number, "%s", path);
    }
    return 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
    return replace(path, data, size, mode, true, err);
}

int file_write_passing(const char *path, const void *data, size_t size, mode_t mode,
                       struct err *err)
{
    return replace(path, data, size, mode, false, err);
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part)
        return err_sys(err, ENAMETOOLONG, "%s", path);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return err_sys(err, errno, "%s", part);
    }
    return 0;
}

uint64_t process_start_time(pid_t pid)
{
    char path[64];
    size_t size;
    struct err ignored;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    auto_free char *stat = file_read(path, 4096, &size, &ignored);
    /* Field 22; the name in field 2 may hold anything, but ends at the last parenthesis. */
    char *at = stat ? strrchr(stat, ')') : NULL;
    for (int field = 2; at && field < 22; field++)
        if ((at = strchr(at, ' ')))
            at++;
    return at ? strtoull(at, NULL, 10) : 0;
}

int process_open(pid_t pid, uint64_t start_time)
{
    if (pid <= 0 || start_time == 0)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0 && process_start_time(pid) != start_time) {
        close(fd);
        return -1;
    }
    return fd;
}
