#include "host/volume/metadata.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * The superblock keeps a copy of where the journal is: the root of its inode's extent tree.
 * https://www.kernel.org/doc/html/latest/filesystems/ext4/globals.html#super-block
 */
enum {
    SUPERBLOCK_OFFSET = 1024,
    JOURNAL_OFFSET = 0x10c,
    EXTENT_MAGIC = 0xf30a,
    ROOT_EXTENTS = 4,
    EXT4_BLOCK_SIZE = 4096,
};

struct journal_map {
    uint16_t magic, extent_count, extent_max, depth;
    uint32_t generation;
    struct {
        uint32_t first;
        uint16_t block_count, start_high;
        uint32_t start;
    } extents[ROOT_EXTENTS];
};
_Static_assert(sizeof(struct journal_map) == 60, "an inode's i_block");

int metadata_reserve_journal(int image, struct err *err)
{
    struct journal_map map;
    ssize_t size = pread(image, &map, sizeof map, SUPERBLOCK_OFFSET + JOURNAL_OFFSET);
    uint16_t count = le16toh(map.extent_count);
    if (size != sizeof map || le16toh(map.magic) != EXTENT_MAGIC || map.depth ||
        count > ROOT_EXTENTS)
        return err_set(err, "the new file system has no journal where one is expected");
    for (uint16_t i = 0; i < count; i++) {
        uint64_t start =
            (uint64_t)le16toh(map.extents[i].start_high) << 32 | le32toh(map.extents[i].start);
        off_t length = (off_t)le16toh(map.extents[i].block_count) * EXT4_BLOCK_SIZE;
        if (fallocate(image, FALLOC_FL_KEEP_SIZE, (off_t)start * EXT4_BLOCK_SIZE, length) < 0 &&
            errno != EOPNOTSUPP)
            return err_sys(err, errno, "reserve room for a journal");
    }
    return 0;
}

uint64_t metadata_taken_bytes(int image, uint64_t size_bytes)
{
    enum { EXTENTS = 64 };
    union {
        struct fiemap map;
        char space[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)];
    } request;
    uint64_t taken = 0;
    for (uint64_t at = 0; at < size_bytes;) {
        memset(&request.map, 0, sizeof request.map);
        request.map.fm_start = at;
        request.map.fm_length = size_bytes - at;
        request.map.fm_extent_count = EXTENTS;
        if (ioctl(image, FS_IOC_FIEMAP, &request.map) < 0)
            return 0;
        if (!request.map.fm_mapped_extents)
            break;
        for (uint32_t i = 0; i < request.map.fm_mapped_extents; i++) {
            const struct fiemap_extent *extent = &request.map.fm_extents[i];
            uint64_t end = extent->fe_logical + extent->fe_length;
            uint64_t start = extent->fe_logical > at ? extent->fe_logical : at;
            at = end < size_bytes ? end : size_bytes;
            taken += at > start ? at - start : 0;
        }
    }
    return taken;
}
