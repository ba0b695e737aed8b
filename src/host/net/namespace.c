#include "host/net/namespace.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int path_of(char path[PATH_MAX], const char *directory, const char *name, struct err *err)
{
    int size = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return size < PATH_MAX ? 0 : err_set(err, "the path of namespace %s is too long", name);
}

int namespace_prepare_directory(const char *directory, struct err *err)
{
    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make %s", directory);
    if (mount("", directory, NULL, MS_PRIVATE, NULL) == 0)
        return 0; /* a mount already */
    if (errno != EINVAL || mount(directory, directory, NULL, MS_BIND, NULL) < 0 ||
        mount("", directory, NULL, MS_PRIVATE, NULL) < 0)
        return err_sys(err, errno, "cannot make %s a private mount", directory);
    return 0;
}

int namespace_remove_directory(const char *directory, struct err *err)
{
    if (umount2(directory, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
        return err_sys(err, errno, "cannot unmount %s", directory);
    if (rmdir(directory) < 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot remove %s", directory);
    return 0;
}

int namespace_open(const char *directory, const char *name, struct err *err)
{
    char path[PATH_MAX];
    struct statfs file_system;

    if (path_of(path, directory, name, err) < 0)
        return -1;
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (fstatfs(fd, &file_system) < 0)
        return err_sys(err, errno, "cannot examine %s", path);
    if (file_system.f_type != NSFS_MAGIC) {
        unlink(path);
        return err_sys(err, ENOENT, "%s was never finished", path);
    }
    return fd_take(&fd);
}

int namespace_create(const char *directory, const char *name, int home_fd, struct err *err)
{
    char path[PATH_MAX];

    if (path_of(path, directory, name, err) < 0)
        return -1;
    auto_fd int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0000);
    if (file < 0)
        return err_sys(err, errno, "cannot make %s", path);
    if (unshare(CLONE_NEWNET) < 0) {
        err_sys(err, errno, "cannot make a network namespace");
        unlink(path);
        return -1;
    }
    int mounted = mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL);
    int failure = errno;
    if (namespace_enter(home_fd, err) < 0)
        return -1;
    if (mounted < 0) {
        unlink(path);
        return err_sys(err, failure, "cannot keep a network namespace at %s", path);
    }
    return namespace_open(directory, name, err);
}

int namespace_remove(const char *directory, const char *name, struct err *err)
{
    char path[PATH_MAX];

    if (path_of(path, directory, name, err) < 0)
        return -1;
    if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
        return err_sys(err, errno, "cannot unmount %s", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot remove %s", path);
    return 0;
}

int namespace_enter(int namespace_fd, struct err *err)
{
    if (setns(namespace_fd, CLONE_NEWNET) < 0)
        return err_sys(err, errno, "cannot enter a network namespace");
    return 0;
}

int namespace_set(const char *value, struct err *err, const char *path_format, ...)
{
    char path[PATH_MAX] = "/proc/sys/net/";
    size_t start = strlen(path);
    va_list arguments;

    va_start(arguments, path_format);
    vsnprintf(path + start, sizeof(path) - start, path_format, arguments);
    va_end(arguments);
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return err_sys(err, errno, "cannot write %s to %s", value, path);
    return 0;
}

int namespace_disable_ipv6(const char *link, struct err *err)
{
    struct err failure;
    if (namespace_set("1", &failure, "ipv6/conf/%s/disable_ipv6", link) < 0 &&
        failure.number != ENOENT) { /* ENOENT: the kernel has no IPv6 at all */
        *err = failure;
        return -1;
    }
    return 0;
}

int namespace_make_router(struct err *err)
{
    static const struct {
        const char *path, *value;
    } settings[] = {
        {"ipv4/ip_forward", "1"},
        {"ipv4/conf/all/rp_filter", "0"},
        {"ipv4/conf/default/rp_filter", "0"},
        {"ipv4/conf/all/send_redirects", "0"},
        {"ipv4/conf/default/send_redirects", "0"},
        /* A new namespace has the host's settings, whatever those are. */
        {"ipv4/conf/all/accept_redirects", "0"},
        {"ipv4/conf/default/accept_redirects", "0"},
        {"ipv4/conf/all/accept_source_route", "0"},
        {"ipv4/conf/default/accept_source_route", "0"},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (namespace_set(settings[i].value, err, "%s", settings[i].path) < 0)
            return -1;
    return 0;
}
