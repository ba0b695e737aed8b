#include "host/run/plain_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int plain_file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    const char *at = data;
    if (fd < 0 || fchmod(fd, mode) < 0)
        return err_sys(err, errno, "create %s", path);
    while (size) {
        ssize_t put = write(fd, at, size);
        if (put < 0)
            return err_sys(err, errno, "write %s", path);
        at += put;
        size -= (size_t)put;
    }
    return 0;
}
