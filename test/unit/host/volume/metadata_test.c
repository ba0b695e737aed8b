/* A volume whose own blocks find no room below would break: they have theirs from the start, or are
 * counted. */
#include "base/cleanup.h"
#include "host/image/tree.h"
#include "host/volume/disk.h"
#include "host/volume/metadata.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOURNAL_BYTES = 16 << 20, PAGE_BYTES = 4096 };

static int setup(void **state)
{
    char template[PATH_MAX];
    /* In the build folder: it is on a disk, and not in memory. */
    auto_free char *build_dir = getcwd(NULL, 0);
    snprintf(template, sizeof template, "%s/volumes-test-XXXXXX", build_dir);
    if (!mkdtemp(template))
        return -1;
    *state = strdup(template);
    return 0;
}

static int teardown(void **state)
{
    struct err err;
    int result = tree_delete(*state, &err);
    free(*state);
    return result;
}

static uint64_t taken_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (uint64_t)info.st_blocks * 512;
}

static void a_new_volume_has_the_room_of_its_journal(void **state)
{
    const char *volumes_dir = *state;
    struct err err = {0};
    char template[PATH_MAX], image[PATH_MAX];
    snprintf(template, sizeof template, "%s/.template-8", volumes_dir);
    snprintf(image, sizeof image, "%s/vol-1/image", volumes_dir);
    assert_true(disk_make(volumes_dir, "vol-1", 8, &err) >= 0);
    assert_true(taken_of(image) >= JOURNAL_BYTES);
    assert_true(taken_of(template) < JOURNAL_BYTES);
}

static void what_its_own_blocks_take_is_counted_apart_from_data(void **state)
{
    enum { OWN_BYTES = 64 * PAGE_BYTES };
    char path[PATH_MAX];
    static const char block[PAGE_BYTES] = {1};
    snprintf(path, sizeof path, "%s/sparse", (const char *)*state);
    auto_fd int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(file, 1 << 30), 0);
    assert_int_equal(metadata_taken_bytes(file, OWN_BYTES), 0);
    for (int at = 1; at < 80; at += 2) /* the last eight are not the file system's own */
        assert_int_equal(pwrite(file, block, PAGE_BYTES, (off_t)at * PAGE_BYTES), PAGE_BYTES);
    assert_int_equal(fsync(file), 0);
    assert_int_equal(metadata_taken_bytes(file, OWN_BYTES), 32 * PAGE_BYTES);
}

static void a_file_without_a_journal_is_no_volume(void **state)
{
    struct err err = {0};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/empty", (const char *)*state);
    auto_fd int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(metadata_reserve_journal(file, &err), -1);
    assert_int_equal(ftruncate(file, 1 << 20), 0);
    assert_int_equal(metadata_reserve_journal(file, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_volume_has_the_room_of_its_journal),
        cmocka_unit_test(what_its_own_blocks_take_is_counted_apart_from_data),
        cmocka_unit_test(a_file_without_a_journal_is_no_volume),
    };
    return cmocka_run_group_tests_name("metadata", tests, setup, teardown);
}
