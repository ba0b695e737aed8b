#include "host/image/tree.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DEPTH_MAX = 200, XATTR_NAMES_MAX = 4096, XATTR_VALUE_MAX = 65536, PART_MAX = 1 << 30 };

/* Attributes that overlay keeps about *this* place of a file; a copy must not have them. */
static const char *const local_xattrs[] = {"trusted.overlay.origin", "trusted.overlay.impure",
                                           "trusted.overlay.nlink", "trusted.overlay.uuid"};

struct copy {
    const struct tree_copy *options;
    int root_fd;      /* of the target */
    struct buf path;  /* of the entry at hand, below the root */
    struct map links; /* inode number of a file with several names -> its path in the copy */
    int depth;
    struct err *err;
};

static int copy_dir(struct copy *copy, int from, int to);

static bool is_skipped(const struct copy *copy)
{
    const char *const *skipped = copy->options->skipped;
    for (; skipped && *skipped; skipped++) {
        size_t size = strlen(*skipped);
        bool prefix = (*skipped)[size - 1] == '*';
        if (prefix ? !strncmp(copy->path.data, *skipped, size - 1)
                   : !strcmp(copy->path.data, *skipped))
            return true;
    }
    return false;
}

static bool is_local(const char *name)
{
    for (size_t i = 0; i < sizeof local_xattrs / sizeof *local_xattrs; i++)
        if (!strcmp(name, local_xattrs[i]))
            return true;
    return false;
}

static int copy_xattrs(struct copy *copy, int from, int to)
{
    char names[XATTR_NAMES_MAX];
    ssize_t size = flistxattr(from, names, sizeof names);
    if (size <= 0)
        return !size || errno == ENOTSUP
                   ? 0
                   : err_sys(copy->err, errno, "list the attributes of %s", copy->path.data);
    auto_free char *value = malloc(XATTR_VALUE_MAX);
    if (!value)
        return err_sys(copy->err, ENOMEM, "copy");
    for (const char *name = names; name < names + size; name += strlen(name) + 1) {
        if (is_local(name))
            continue;
        ssize_t got = fgetxattr(from, name, value, XATTR_VALUE_MAX);
        if (got < 0 || fsetxattr(to, name, value, (size_t)got, 0) < 0)
            return err_sys(copy->err, errno, "copy attribute %s of %s", name, copy->path.data);
    }
    return 0;
}

/* Owner before mode, because a change of owner clears the set-user-id bit. */
static int copy_metadata(struct copy *copy, int from, int to, const struct stat *info)
{
    struct timespec times[] = {info->st_atim, info->st_mtim};
    if (fchown(to, info->st_uid, info->st_gid) < 0 || fchmod(to, info->st_mode & 07777) < 0)
        return err_sys(copy->err, errno, "set owner and mode of %s", copy->path.data);
    if (copy_xattrs(copy, from, to) < 0)
        return -1;
    return futimens(to, times) < 0 ? err_sys(copy->err, errno, "set times") : 0;
}

static int copy_range(int from, int to, off_t start, off_t end)
{
    loff_t in = start, out = start;
    while (in < end) {
        size_t part = end - in < PART_MAX ? (size_t)(end - in) : PART_MAX;
        ssize_t got = copy_file_range(from, &in, to, &out, part, 0);
        if (got < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
            if (lseek(to, in, SEEK_SET) < 0)
                return -1;
            got = sendfile(to, from, &in, part);
            out = in;
        }
        if (got < 0)
            return -1;
        if (!got)
            break; /* it became shorter meanwhile */
    }
    return 0;
}

static int copy_contents(int from, int to, off_t size)
{
    if (ftruncate(to, size) < 0)
        return -1;
    for (off_t end = 0; end < size;) {
        off_t start = lseek(from, end, SEEK_DATA);
        if (start < 0)
            return errno == ENXIO ? 0 : -1; /* a hole to the end */
        end = lseek(from, start, SEEK_HOLE);
        if (end < 0 || copy_range(from, to, start, end) < 0)
            return -1;
    }
    return 0;
}

static int copy_file(struct copy *copy, int from_dir, int to_dir, const char *name,
                     const struct stat *info)
{
    auto_fd int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_fd int to = openat(to_dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (from < 0 || to < 0 || copy_contents(from, to, info->st_size) < 0)
        return err_sys(copy->err, errno, "copy %s", copy->path.data);
    return copy_metadata(copy, from, to, info);
}

static int copy_link(struct copy *copy, int from_dir, int to_dir, const char *name,
                     const struct stat *info)
{
    char target[4096];
    ssize_t size = readlinkat(from_dir, name, target, sizeof target - 1);
    if (size < 0)
        return err_sys(copy->err, errno, "read link %s", copy->path.data);
    target[size] = '\0';
    if (symlinkat(target, to_dir, name) < 0 ||
        fchownat(to_dir, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(copy->err, errno, "create link %s", copy->path.data);
    return 0;
}

/* Overlay marks a deleted file by a device node 0:0, so these must be copied like any other. */
static int copy_node(struct copy *copy, int to_dir, const char *name, const struct stat *info)
{
    if (S_ISSOCK(info->st_mode))
        return 0;
    if (mknodat(to_dir, name, info->st_mode, info->st_rdev) < 0 ||
        fchownat(to_dir, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(copy->err, errno, "create node %s", copy->path.data);
    return 0;
}

static int copy_subdir(struct copy *copy, int from_dir, int to_dir, const char *name,
                       const struct stat *info)
{
    if (copy->depth >= DEPTH_MAX)
        return err_set(copy->err, "folders are nested too deeply at %s", copy->path.data);
    auto_fd int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
        return err_sys(copy->err, errno, "create folder %s", copy->path.data);
    auto_fd int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_sys(copy->err, errno, "open folder %s", copy->path.data);
    copy->depth++;
    int result = copy_dir(copy, from, to);
    copy->depth--;
    return result < 0 ? result : copy_metadata(copy, from, to, info);
}

/* 1: the file has another name that was copied before, and the copy now has both. */
static int link_again(struct copy *copy, int to_dir, const char *name, const struct stat *info)
{
    char key[32];
    if (S_ISDIR(info->st_mode) || info->st_nlink < 2)
        return 0;
    snprintf(key, sizeof key, "%lu", (unsigned long)info->st_ino);
    const char *first = map_get(&copy->links, key);
    if (first)
        return linkat(copy->root_fd, first, to_dir, name, 0) < 0
                   ? err_sys(copy->err, errno, "link %s", copy->path.data)
                   : 1;
    auto_free char *path = strdup(copy->path.data);
    if (!path || map_set(&copy->links, key, path) < 0)
        return err_sys(copy->err, ENOMEM, "copy");
    ptr_take(&path);
    return 0;
}

static int copy_entry(struct copy *copy, int from, int to, const char *name)
{
    struct stat info;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(copy->err, errno, "look at %s", copy->path.data);
    bool link = S_ISLNK(info.st_mode), dir = S_ISDIR(info.st_mode);
    if (copy->options->public_only && !link && !(info.st_mode & S_IROTH))
        return 0;
    int linked = link_again(copy, to, name, &info);
    if (linked)
        return linked;
    if (dir)
        return copy_subdir(copy, from, to, name, &info);
    if (link)
        return copy_link(copy, from, to, name, &info);
    return S_ISREG(info.st_mode) ? copy_file(copy, from, to, name, &info)
                                 : copy_node(copy, to, name, &info);
}

static int copy_dir(struct copy *copy, int from, int to)
{
    size_t parent_size = copy->path.size;
    int result = 0;
    DIR *dir = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 0));
    if (!dir)
        return err_sys(copy->err, errno, "read folder %s", copy->path.data);
    for (struct dirent *entry; result >= 0 && (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        buf_printf(&copy->path, "%s%s", parent_size ? "/" : "", entry->d_name);
        if (copy->path.failed)
            result = err_sys(copy->err, ENOMEM, "copy");
        else if (!is_skipped(copy))
            result = copy_entry(copy, from, to, entry->d_name);
        copy->path.size = parent_size;
        copy->path.data[parent_size] = '\0';
    }
    closedir(dir);
    return result;
}

int tree_copy(const char *from, const char *to, const struct tree_copy *options, struct err *err)
{
    struct stat info;
    auto_fd int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from_fd < 0 || fstat(from_fd, &info) < 0)
        return err_sys(err, errno, "open %s", from);
    if (mkdir(to, 0755) < 0 && errno != EEXIST)
        return err_sys(err, errno, "create %s", to);
    auto_fd int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to_fd < 0)
        return err_sys(err, errno, "open %s", to);
    struct copy copy = {.options = options, .root_fd = to_fd, .err = err};
    buf_append_string(&copy.path, "");
    int result = copy_dir(&copy, from_fd, to_fd);
    if (result >= 0)
        result = copy_metadata(&copy, from_fd, to_fd, &info);
    map_each (entry, &copy.links)
        free(entry->value);
    map_finish(&copy.links);
    buf_reset(&copy.path);
    return result < 0 ? err_wrap(err, "copy %s to %s", from, to) : 0;
}
