#include "host/image/folder.h"

#include "base/cleanup.h"
#include "host/image/unpack.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct pack {
    struct archive *disk, *tar;
    struct archive_entry_linkresolver *links; /* files with several names are packed once */
    char root[64];                            /* what names on the disk begin with */
};

static int failure(struct archive *archive, const char *name, struct err *err)
{
    const char *text = archive_error_string(archive);
    return err_set(err, "%.200s: %s", name, text ? text : "it cannot be packed");
}

static int copy_contents(const struct pack *pack, const char *name, struct err *err)
{
    const void *block;
    size_t size;
    la_int64_t offset, end = 0;
    int status;
    static const char zeroes[4096];
    while ((status = archive_read_data_block(pack->disk, &block, &size, &offset)) == ARCHIVE_OK) {
        for (; end < offset; end += (la_int64_t)sizeof zeroes) { /* a hole */
            la_int64_t left = offset - end;
            size_t part = left < (la_int64_t)sizeof zeroes ? (size_t)left : sizeof zeroes;
            if (archive_write_data(pack->tar, zeroes, part) < 0)
                return failure(pack->tar, name, err);
        }
        end = offset;
        if (archive_write_data(pack->tar, block, size) < 0)
            return failure(pack->tar, name, err);
        end += (la_int64_t)size;
    }
    return status == ARCHIVE_EOF ? 0 : failure(pack->disk, name, err);
}

static int pack_entry(const struct pack *pack, struct archive_entry *entry, struct err *err)
{
    struct archive_entry *spare = NULL;
    char name[PATH_MAX];
    snprintf(name, sizeof name, "./%s",
             unpack_clean_name(archive_entry_pathname(entry) + strlen(pack->root)));
    archive_entry_set_pathname(entry, name);
    archive_entry_linkify(pack->links, &entry, &spare);
    if (archive_write_header(pack->tar, entry) < ARCHIVE_WARN)
        return failure(pack->tar, name, err);
    return archive_entry_size(entry) > 0 ? copy_contents(pack, name, err) : 0;
}

static int pack_all(const struct pack *pack, struct err *err)
{
    struct archive_entry *entry;
    int status;
    while ((status = archive_read_next_header(pack->disk, &entry)) != ARCHIVE_EOF) {
        if (status < ARCHIVE_WARN)
            return failure(pack->disk, "the folder", err);
        archive_read_disk_descend(pack->disk);
        bool is_socket = archive_entry_filetype(entry) == AE_IFSOCK;
        if (!is_socket && pack_entry(pack, entry, err) < 0)
            return -1;
    }
    return archive_write_close(pack->tar) < ARCHIVE_OK ? failure(pack->tar, "the folder", err) : 0;
}

static int open_ends(struct pack *pack, int out, struct err *err)
{
    archive_read_disk_set_symlink_physical(pack->disk);
    archive_read_disk_set_behavior(pack->disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS |
                                                   ARCHIVE_READDISK_NO_ACL |
                                                   ARCHIVE_READDISK_NO_FFLAGS);
    archive_write_set_format_pax_restricted(pack->tar);
    archive_entry_linkresolver_set_strategy(pack->links, archive_format(pack->tar));
    if (archive_write_open_fd(pack->tar, out) < ARCHIVE_OK)
        return failure(pack->tar, "the folder", err);
    if (archive_read_disk_open(pack->disk, pack->root) < ARCHIVE_OK)
        return failure(pack->disk, "the folder", err);
    return 0;
}

int folder_pack(int fd, const char *dir, struct err *err)
{
    auto_fd int out = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (out < 0)
        return err_sys(err, errno, "create a file in %s", dir);
    struct pack pack = {archive_read_disk_new(), archive_write_new(),
                        archive_entry_linkresolver_new(), ""};
    snprintf(pack.root, sizeof pack.root, "/proc/self/fd/%d/.", fd);
    int result = open_ends(&pack, out, err) < 0 ? -1 : pack_all(&pack, err);
    archive_entry_linkresolver_free(pack.links);
    archive_read_free(pack.disk);
    archive_write_free(pack.tar);
    return result < 0 ? -1 : fd_take(&out);
}
