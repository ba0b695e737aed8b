#include "host/run/console.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATH_SIZE = 512, KEPT_SIZE = 64 * 1024, SIZE_MAX_OF_FILE = 256 * 1024 };

static const char *console_path(char path[PATH_SIZE], const char *dir, const char *instance)
{
    snprintf(path, PATH_SIZE, "%s/%s.log", dir, instance);
    return path;
}

int console_open(const char *dir, const char *instance, gid_t gid, struct err *err)
{
    char path[PATH_SIZE];
    console_path(path, dir, instance);
    auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0 || fchown(fd, 0, gid) < 0 || fchmod(fd, 0640) < 0)
        return err_sys(err, errno, "open the console %s", path);
    return fd_take(&fd);
}

/* What PID 1 writes between the reading and the cutting is lost: a line or two. */
void console_trim(const char *dir, const char *instance)
{
    char path[PATH_SIZE];
    struct stat info;
    auto_fd int fd = open(console_path(path, dir, instance), O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || info.st_size <= SIZE_MAX_OF_FILE)
        return;
    auto_free char *kept = malloc(KEPT_SIZE);
    ssize_t got = kept ? pread(fd, kept, KEPT_SIZE, info.st_size - KEPT_SIZE) : -1;
    if (got > 0 && !ftruncate(fd, 0) && write(fd, kept, (size_t)got) < 0)
        return; /* the disk is full: the console starts empty */
}

void console_remove(const char *dir, const char *instance)
{
    char path[PATH_SIZE];
    unlink(console_path(path, dir, instance));
}
