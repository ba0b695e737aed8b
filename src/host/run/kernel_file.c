#include "host/run/kernel_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int kernel_file_write(const char *path, const char *text, struct err *err)
{
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "open %s", path);
    if (write(fd, text, strlen(text)) < 0)
        return err_sys(err, errno, "write \"%s\" to %s", text, path);
    return 0;
}

static ssize_t read_text(const char *path, char *text, size_t size)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    if (got >= 0)
        text[got] = '\0';
    return got;
}

int64_t kernel_file_number(const char *path)
{
    char text[64];
    if (read_text(path, text, sizeof text) <= 0)
        return -1;
    return strtoll(text, NULL, 10);
}

int64_t kernel_file_value(const char *path, const char *key)
{
    char text[4096];
    if (read_text(path, text, sizeof text) <= 0)
        return -1;
    size_t key_size = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, key, key_size) && line[key_size] == ' ')
            return strtoll(line + key_size + 1, NULL, 10);
    }
    return -1;
}
