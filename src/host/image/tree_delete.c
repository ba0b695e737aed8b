#include "host/image/tree.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

struct deletion {
    int top_fd;
    unsigned moved; /* folders that were taken up to the top, because they lay too deep */
    bool again;     /* the top must be looked at once more */
};

static int delete_below(struct deletion *deletion, int fd, int depth);

/* An instance may nest folders deeper than we have descriptors: those are taken up to the top. */
static int delete_subdir(struct deletion *deletion, int parent, const char *name, int depth)
{
    if (depth >= DEPTH_MAX) {
        char top_name[32];
        snprintf(top_name, sizeof top_name, ".deep-%u", deletion->moved++);
        deletion->again = true;
        return renameat(parent, name, deletion->top_fd, top_name);
    }
    auto_fd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || delete_below(deletion, fd, depth + 1) < 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR);
}

static int delete_below(struct deletion *deletion, int fd, int depth)
{
    DIR *dir = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    int result = dir ? 0 : -1;
    if (dir)
        rewinddir(dir); /* the top is read more than once */
    for (struct dirent *entry; result >= 0 && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        result = unlinkat(fd, entry->d_name, 0);
        if (result < 0 && (errno == EISDIR || errno == EPERM))
            result = delete_subdir(deletion, fd, entry->d_name, depth);
    }
    int number = errno;
    if (dir)
        closedir(dir);
    errno = number;
    return result;
}

int tree_delete(const char *path, struct err *err)
{
    auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", path);
    struct deletion deletion = {.top_fd = fd, .again = true};
    while (deletion.again) {
        deletion.again = false;
        if (delete_below(&deletion, fd, 0) < 0)
            return err_sys(err, errno, "delete %s", path);
    }
    return rmdir(path) < 0 ? err_sys(err, errno, "delete %s", path) : 0;
}
