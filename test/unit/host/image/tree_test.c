/* Copies of writable layers must be exact, and whatever an instance built can be deleted. */
#include "host/image/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static const struct tree_copy everything;

static int setup(void **state)
{
    /* In the build folder: unlike /tmp, it is on a disk that overlays can be on. */
    static char *build_dir;
    char template[PATH_MAX];
    if (!build_dir)
        build_dir = getcwd(NULL, 0);
    snprintf(template, sizeof template, "%s/tree-test-XXXXXX", build_dir);
    if (!mkdtemp(template) || chdir(template) < 0 || mkdir("from", 0755) < 0)
        return -1;
    *state = strdup(template);
    return 0;
}

static int teardown(void **state)
{
    struct err err;
    int result = chdir("/") < 0 ? -1 : tree_delete(*state, &err);
    free(*state);
    return result;
}

static void write_at(const char *path, const char *text, off_t offset)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
    close(fd);
}

static void copy_all(const struct tree_copy *options)
{
    struct err err = {0};
    if (tree_copy("from", "to", options, &err) < 0)
        fail_msg("%s", err.text);
}

static void hard_links_and_holes_stay_what_they_are(void **state)
{
    struct stat a, b, hole;
    (void)state;
    write_at("from/a", "text", 0);
    assert_int_equal(link("from/a", "from/b"), 0);
    write_at("from/hole", "end", 64 << 20);
    copy_all(&everything);
    assert_int_equal(stat("to/a", &a), 0);
    assert_int_equal(stat("to/b", &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_int_equal(stat("to/hole", &hole), 0);
    assert_int_equal(hole.st_size, (64 << 20) + 3);
    assert_true(hole.st_blocks * 512 < 1 << 20);
}

static void what_overlay_keeps_is_kept_but_not_what_is_about_the_old_place(void **state)
{
    char value[8];
    struct stat info;
    (void)state;
    if (geteuid() != 0)
        skip(); /* needs root: device nodes and trusted attributes */
    mkdir("from/opaque", 0750);
    assert_int_equal(setxattr("from/opaque", "trusted.overlay.opaque", "y", 1, 0), 0);
    assert_int_equal(setxattr("from/opaque", "trusted.overlay.origin", "x", 1, 0), 0);
    assert_int_equal(mknod("from/deleted", S_IFCHR, makedev(0, 0)), 0);
    write_at("from/program", "x", 0);
    assert_int_equal(chown("from/program", 1000, 1000), 0);
    assert_int_equal(chmod("from/program", 04755), 0);
    copy_all(&everything);
    assert_int_equal(getxattr("to/opaque", "trusted.overlay.opaque", value, sizeof value), 1);
    assert_true(getxattr("to/opaque", "trusted.overlay.origin", value, sizeof value) < 0);
    assert_int_equal(lstat("to/deleted", &info), 0);
    assert_true(S_ISCHR(info.st_mode) && info.st_rdev == 0);
    assert_int_equal(stat("to/program", &info), 0);
    assert_int_equal(info.st_mode & 07777, 04755);
    assert_int_equal(info.st_uid, 1000);
}

static void a_public_copy_has_no_secrets(void **state)
{
    static const char *const skipped[] = {"left-out", "docs*", NULL};
    const struct tree_copy options = {.public_only = true, .skipped = skipped};
    (void)state;
    write_at("from/open", "x", 0);
    write_at("from/secret", "x", 0);
    chmod("from/secret", 0640);
    mkdir("from/left-out", 0755);
    mkdir("from/docs-2", 0755);
    copy_all(&options);
    assert_int_equal(access("to/open", F_OK), 0);
    assert_int_equal(access("to/secret", F_OK), -1);
    assert_int_equal(access("to/left-out", F_OK), -1);
    assert_int_equal(access("to/docs-2", F_OK), -1);
}

static void folders_nested_without_end_can_be_deleted(void **state)
{
    struct err err = {0};
    (void)state;
    int at = open("from", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(at, "d", 0755), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    close(at);
    assert_true(tree_copy("from", "to", &everything, &err) < 0);
    if (tree_delete("from", &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(access("from", F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(hard_links_and_holes_stay_what_they_are),
        TEST(what_overlay_keeps_is_kept_but_not_what_is_about_the_old_place),
        TEST(a_public_copy_has_no_secrets),
        TEST(folders_nested_without_end_can_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
