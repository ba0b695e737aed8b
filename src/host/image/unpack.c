#include "host/image/unpack.h"

#include "host/image/tree.h"

#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_MAX = 65535, CAPABILITY_SIZE_MAX = 24 };

static const char whiteout_prefix[] = ".wh.", opaque_name[] = ".wh..wh..opq";
static const char capability_name[] = "security.capability";

/* ---- archives ---- */

struct archive *unpack_reader(void)
{
    struct archive *in = archive_read_new();
    archive_read_support_format_tar(in);
    archive_read_support_filter_gzip(in);
    archive_read_support_filter_bzip2(in);
    archive_read_support_filter_xz(in);
    archive_read_support_filter_zstd(in);
    return in;
}

void unpack_close(struct archive **archive)
{
    archive_free(*archive);
}

static struct archive *open_disk(void)
{
    struct archive *disk = archive_write_disk_new();
    archive_write_disk_set_options(
        disk, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                  ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                  ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
    return disk;
}

static int archive_failure(struct archive *archive, const char *name, struct err *err)
{
    const char *text = archive_error_string(archive);
    return err_set(err, "%s: %s", name, text ? text : "it cannot be unpacked");
}

/* ---- names ---- */

const char *unpack_clean_name(const char *name)
{
    for (;;) {
        if (name[0] == '/')
            name++;
        else if (name[0] == '.' && (name[1] == '/' || !name[1]))
            name++;
        else
            return name;
    }
}

static bool has_dot_dot(const char *name)
{
    for (const char *part = name; *part; part += strspn(part, "/")) {
        size_t size = strcspn(part, "/");
        if (size == 2 && part[0] == '.' && part[1] == '.')
            return true;
        part += size;
    }
    return false;
}

/* No folder on the way to `name` may be a symbolic link: it could lead anywhere. */
static int check_name(const char *name, struct err *err)
{
    char path[PATH_MAX];
    struct stat info;
    if (has_dot_dot(name) || strlen(name) >= sizeof path)
        return err_set(err, "%.200s: the name leads out of the archive, or is too long", name);
    snprintf(path, sizeof path, "%s", name);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!lstat(path, &info) && S_ISLNK(info.st_mode))
            return err_set(err, "%.200s: the name leads through the link %.200s", name, path);
        *slash = '/';
    }
    return 0;
}

/* ---- whiteouts ---- */

/* Deletes whatever is there; the name was checked. */
static int delete_any(const char *path, struct err *err)
{
    if (!unlink(path) || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return tree_delete(path, err);
}

static int delete_contents(const char *dir, struct err *err)
{
    DIR *entries = opendir(dir);
    int result = 0;
    if (!entries)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "open %s", dir);
    for (struct dirent *entry; result >= 0 && (entry = readdir(entries));) {
        char path[PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= (int)sizeof path)
            result = err_set(err, "%.200s: the name is too long", dir);
        else
            result = delete_any(path, err);
    }
    closedir(entries);
    return result;
}

static const char *base_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static bool is_whiteout(const char *name)
{
    return !strncmp(base_name(name), whiteout_prefix, strlen(whiteout_prefix));
}

static int apply_whiteout(const char *name, struct err *err)
{
    char path[PATH_MAX];
    const char *base = base_name(name), *hidden = base + strlen(whiteout_prefix);
    int dir_size = (int)(base - name); /* with its slash */
    if (check_name(name, err) < 0)
        return -1;
    if (!strcmp(base, opaque_name)) {
        snprintf(path, sizeof path, "./%.*s", dir_size, name);
        return delete_contents(path, err);
    }
    if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
        return err_set(err, "%.200s: it deletes nothing that can be named", name);
    snprintf(path, sizeof path, "%.*s%s", dir_size, name, hidden);
    return delete_any(path, err);
}

/* ---- entries ---- */

static bool is_wanted(struct archive_entry *entry)
{
    mode_t type = archive_entry_filetype(entry);
    return archive_entry_hardlink(entry) || type == AE_IFREG || type == AE_IFDIR ||
           type == AE_IFLNK || type == AE_IFIFO;
}

/* Overlays keep notes of their own in attributes ("trusted.overlay.*"): none may come from here. */
static void keep_capabilities_only(struct archive_entry *entry)
{
    char kept[CAPABILITY_SIZE_MAX];
    size_t kept_size = 0, size;
    const char *name;
    const void *value;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        if (!strcmp(name, capability_name) && size <= sizeof kept)
            memcpy(kept, value, kept_size = size);
    archive_entry_xattr_clear(entry);
    if (kept_size)
        archive_entry_xattr_add_entry(entry, capability_name, kept, kept_size);
}

static int prepare_entry(struct archive_entry *entry, const char *name, struct err *err)
{
    const char *target = archive_entry_hardlink(entry);
    int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid < 0 || uid > ID_MAX || gid < 0 || gid > ID_MAX)
        return err_set(err, "%.200s: its owner is %lld:%lld; an instance has only ids up to %d",
                       name, (long long)uid, (long long)gid, ID_MAX);
    if (target) {
        char clean[PATH_MAX];
        snprintf(clean, sizeof clean, "%s", unpack_clean_name(target));
        if (check_name(clean, err) < 0)
            return -1;
        archive_entry_set_hardlink(entry, clean);
    }
    keep_capabilities_only(entry);
    return 0;
}

/* A file may take the place of a whole folder of a lower layer. */
static int make_room(struct archive_entry *entry, const char *name, struct err *err)
{
    struct stat info;
    if (archive_entry_filetype(entry) == AE_IFDIR || lstat(name, &info) < 0 ||
        !S_ISDIR(info.st_mode))
        return 0;
    return tree_delete(name, err);
}

static int copy_data(struct unpack *unpack, struct archive *in, struct archive *disk,
                     const char *name, struct err *err)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    int status;
    while ((status = archive_read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK) {
        unpack->bytes += (int64_t)size;
        if (unpack->bytes > unpack->bytes_max)
            return err_set(err, "there is more than %lld GiB in it",
                           (long long)(unpack->bytes_max >> 30));
        if (archive_write_data_block(disk, block, size, offset) < ARCHIVE_OK)
            return archive_failure(disk, name, err);
    }
    return status == ARCHIVE_EOF ? 0 : archive_failure(in, name, err);
}

static int unpack_entry(struct unpack *unpack, struct archive *in, struct archive *disk,
                        struct archive_entry *entry, const char *name, struct err *err)
{
    if (!is_wanted(entry))
        return 0;
    if (prepare_entry(entry, name, err) < 0 || make_room(entry, name, err) < 0)
        return -1;
    archive_entry_set_pathname(entry, name);
    if (archive_write_header(disk, entry) < ARCHIVE_OK)
        return archive_failure(disk, name, err);
    if (archive_entry_size(entry) > 0 && copy_data(unpack, in, disk, name, err) < 0)
        return -1;
    return archive_write_finish_entry(disk) < ARCHIVE_OK ? archive_failure(disk, name, err) : 0;
}

/* The next entry's name, as unpack_clean_name() gives it. 1; 0 at the end; < 0 on failure. */
static int next_entry(struct archive *in, struct archive_entry **entry, char name[PATH_MAX],
                      struct err *err)
{
    int status = archive_read_next_header(in, entry);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status < ARCHIVE_WARN)
        return archive_failure(in, "the archive", err);
    const char *given = archive_entry_pathname(*entry);
    if (!given || snprintf(name, PATH_MAX, "%s", unpack_clean_name(given)) >= PATH_MAX)
        return err_set(err, "it holds a name that is not UTF-8, or too long");
    for (size_t size = strlen(name); size && name[size - 1] == '/'; size--)
        name[size - 1] = '\0';
    return 1;
}

static int count_entry(struct unpack *unpack, struct err *err)
{
    if (++unpack->entries > unpack->entries_max)
        return err_set(err, "there are more than %lld files in it", (long long)unpack->entries_max);
    if (unpack->progress)
        unpack->progress(unpack);
    return 0;
}

int unpack_whiteouts(struct archive *in, struct err *err)
{
    struct archive_entry *entry;
    char name[PATH_MAX];
    int found;
    while ((found = next_entry(in, &entry, name, err)) > 0)
        if (is_whiteout(name) && apply_whiteout(name, err) < 0)
            return -1;
    return found;
}

int unpack_stream(struct unpack *unpack, struct archive *in, bool is_layer, struct err *err)
{
    auto_archive *disk = open_disk();
    struct archive_entry *entry;
    char name[PATH_MAX];
    int found;
    while ((found = next_entry(in, &entry, name, err)) > 0) {
        if (!name[0] || (is_layer && is_whiteout(name)))
            continue;
        if (count_entry(unpack, err) < 0 || check_name(name, err) < 0 ||
            unpack_entry(unpack, in, disk, entry, name, err) < 0)
            return -1;
    }
    if (found < 0)
        return -1;
    /* Only now do folders get their modes and times. */
    return archive_write_close(disk) < ARCHIVE_OK ? archive_failure(disk, "a folder", err) : 0;
}
