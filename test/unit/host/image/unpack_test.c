/* What a file with an image may do: fill its own folder with files that an instance can have. */
#include "base/buf.h"
#include "host/image/image_file.h"
#include "host/image/tree.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARCHIVE_SIZE = 256 * 1024 };

#if defined(__aarch64__)
#define MACHINE "arm64"
#else
#define MACHINE "amd64"
#endif

/* An archive in memory, while it is written. */
struct tape {
    struct archive *out;
    char data[ARCHIVE_SIZE];
    size_t size;
};

static struct tape tape;

static int setup(void **state)
{
    static char *build_dir;
    char template[PATH_MAX];
    if (!build_dir)
        build_dir = getcwd(NULL, 0);
    snprintf(template, sizeof template, "%s/unpack-test-XXXXXX", build_dir);
    if (!mkdtemp(template) || chdir(template) < 0 || mkdir("root", 0755) < 0 || chdir("root") < 0)
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

/* ---- writing archives ---- */

static void begin(void)
{
    tape.out = archive_write_new();
    archive_write_set_format_pax(tape.out);
    archive_write_add_filter_gzip(tape.out);
    archive_write_open_memory(tape.out, tape.data, sizeof tape.data, &tape.size);
}

static struct archive_entry *entry_of(const char *name, mode_t type)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, type == AE_IFDIR ? 0755 : 0644);
    return entry;
}

static void put(struct archive_entry *entry, const void *data, size_t size)
{
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(tape.out, entry), ARCHIVE_OK);
    if (size)
        assert_int_equal(archive_write_data(tape.out, data, size), size);
    archive_entry_free(entry);
}

static void put_file(const char *name, const char *text)
{
    put(entry_of(name, AE_IFREG), text, strlen(text));
}

static void put_link(const char *name, const char *target)
{
    struct archive_entry *entry = entry_of(name, AE_IFLNK);
    archive_entry_set_symlink(entry, target);
    put(entry, NULL, 0);
}

static void put_hard_link(const char *name, const char *target)
{
    struct archive_entry *entry = entry_of(name, AE_IFREG);
    archive_entry_set_hardlink(entry, target);
    put(entry, NULL, 0);
}

static void end(void)
{
    archive_write_close(tape.out);
    archive_write_free(tape.out);
}

/* ---- reading them ---- */

static struct archive *open_tape(void)
{
    struct archive *in = unpack_reader();
    assert_int_equal(archive_read_open_memory(in, tape.data, tape.size), ARCHIVE_OK);
    return in;
}

static struct unpack generous(void)
{
    return (struct unpack){.entries_max = 1000, .bytes_max = INT64_C(1) << 30};
}

static int unpack(struct unpack *limits, bool is_layer, struct err *err)
{
    if (is_layer) {
        auto_archive *whiteouts = open_tape();
        if (unpack_whiteouts(whiteouts, err) < 0)
            return -1;
    }
    auto_archive *in = open_tape();
    return unpack_stream(limits, in, is_layer, err);
}

static void unpack_ok(bool is_layer)
{
    struct unpack limits = generous();
    struct err err = {0};
    if (unpack(&limits, is_layer, &err) < 0)
        fail_msg("%s", err.text);
}

static void unpack_fails(const char *why)
{
    struct unpack limits = generous();
    struct err err = {0};
    assert_int_equal(unpack(&limits, true, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

static bool there(const char *path)
{
    struct stat info;
    return !lstat(path, &info);
}

/* ---- tests ---- */

static void no_name_leads_out_of_the_folder(void **state)
{
    static const char *const names[] = {"../escaped", "a/../../escaped", "/../escaped"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin();
        put_file(names[i], "x");
        end();
        unpack_fails("leads out");
    }
    begin();
    put_link("link", "..");
    put_file("link/escaped", "x");
    end();
    unpack_fails("leads through the link");
    assert_false(there("../escaped"));
}

static void no_link_and_no_whiteout_reaches_outside(void **state)
{
    (void)state;
    int fd = open("../outside", O_CREAT | O_WRONLY, 0644);
    close(fd);
    begin();
    put_hard_link("inside", "../outside");
    end();
    unpack_fails("leads out");
    begin();
    put_link("link", "..");
    end();
    unpack_ok(false);
    begin();
    put_hard_link("inside", "link/outside");
    end();
    unpack_fails("leads through the link");
    begin();
    put_file("link/.wh.outside", "");
    end();
    unpack_fails("leads through the link");
    begin();
    put_file(".wh...", "");
    end();
    unpack_fails("deletes nothing");
    assert_true(there("../outside"));
}

static void names_from_the_root_are_names_below_it(void **state)
{
    (void)state;
    begin();
    put(entry_of("./", AE_IFDIR), NULL, 0);
    put_file("/etc/one", "1");
    put_file("./etc/two", "2");
    put_hard_link("./three", "/etc/one");
    end();
    unpack_ok(false);
    assert_true(there("etc/one") && there("etc/two") && there("three"));
}

static void whiteouts_hide_only_what_lies_below(void **state)
{
    (void)state;
    begin();
    put_file("gone/deep/file", "x");
    put_file("kept", "x");
    put_file("home/.old", "x");
    put_file("folder/file", "x");
    put_file("was-file", "x");
    end();
    unpack_ok(true);
    begin();
    put_file("home/.new", "x"); /* comes before the whiteout, and stays */
    put_file("home/.wh..wh..opq", "");
    put_file(".wh.gone", "");
    put_file(".wh.never-there", "");
    put_file("folder", "now a file");
    put(entry_of("was-file", AE_IFDIR), NULL, 0);
    end();
    unpack_ok(true);
    assert_false(there("gone") || there("home/.old") || there(".wh.gone"));
    assert_true(there("kept") && there("home/.new") && there("was-file/."));
    assert_false(there("home/.wh..wh..opq") || there("folder/file"));
}

static void devices_foreign_owners_and_overlay_marks_stay_out(void **state)
{
    static const char capability[20] = {1, 0, 0, 2};
    char found[64];
    (void)state;
    begin();
    put(entry_of("null", AE_IFCHR), NULL, 0);
    put(entry_of("disk", AE_IFBLK), NULL, 0);
    struct archive_entry *entry = entry_of("ping", AE_IFREG);
    archive_entry_set_uid(entry, 65535);
    archive_entry_xattr_add_entry(entry, "trusted.overlay.opaque", "y", 1);
    archive_entry_xattr_add_entry(entry, "security.capability", capability, sizeof capability);
    put(entry, "x", 1);
    end();
    unpack_ok(false);
    assert_false(there("null") || there("disk"));
    assert_true(getxattr("ping", "trusted.overlay.opaque", found, sizeof found) < 0);
    assert_int_equal(getxattr("ping", "security.capability", found, sizeof found), 20);
    begin();
    entry = entry_of("foreign", AE_IFREG);
    archive_entry_set_uid(entry, 65536);
    put(entry, "x", 1);
    end();
    unpack_fails("its owner is 65536");
}

static void limits_hold_over_all_layers(void **state)
{
    struct unpack few = {.entries_max = 3, .bytes_max = 1000};
    struct unpack little = {.entries_max = 100, .bytes_max = 15};
    struct err err = {0};
    (void)state;
    begin();
    put_file("a", "0123456789");
    put_file("b", "");
    end();
    assert_int_equal(unpack(&few, true, &err), 0);
    assert_int_equal(unpack(&few, true, &err), -1);
    assert_non_null(strstr(err.text, "more than 3 files"));
    assert_int_equal(unpack(&little, true, &err), 0);
    assert_int_equal(unpack(&little, true, &err), -1);
}

/* ---- container images ---- */

#define DIGEST(digit) "00000000000000000000000000000000000000000000000000000000000000" digit
#define BLOB(digit)   "blobs/sha256/" DIGEST(digit)
#define NAMED(digit)  "{\"digest\": \"sha256:" DIGEST(digit) "\"}"

/* A packed layer with one file, as bytes to put into another archive. */
static char *make_layer(const char *name, size_t *size)
{
    begin();
    put_file(name, "x");
    end();
    char *copy = malloc(tape.size);
    memcpy(copy, tape.data, *size = tape.size);
    return copy;
}

/* An index that names one image for a strange machine and one for `machine`. */
static int make_oci_file(const char *machine)
{
    size_t sizes[2];
    char config[64],
        *layers[] = {make_layer("etc/lower", &sizes[0]), make_layer("etc/.wh.lower", &sizes[1])};
    snprintf(config, sizeof config, "{\"architecture\": \"%s\"}", machine);
    begin();
    put_file("oci-layout", "{}");
    put(entry_of(BLOB("01"), AE_IFREG), layers[0], sizes[0]);
    put(entry_of(BLOB("02"), AE_IFREG), layers[1], sizes[1]);
    put_file(BLOB("03"), config);
    put_file(BLOB("04"),
             "{\"config\": " NAMED("03") ", \"layers\": [" NAMED("01") ", " NAMED("02") "]}");
    put_file("index.json",
             "{\"manifests\": [{\"platform\": {\"os\": \"linux\", \"architecture\": \"vax\"}, "
             "\"digest\": \"sha256:" DIGEST("09") "\"}, " NAMED("04") "]}");
    end();
    free(layers[0]);
    free(layers[1]);
    int fd = open("../image.tar", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, tape.data, tape.size), tape.size);
    return fd;
}

static void an_oci_archive_is_its_layers_one_over_the_other(void **state)
{
    struct unpack limits = generous();
    struct err err = {0};
    (void)state;
    int fd = make_oci_file(MACHINE);
    if (image_file_unpack(fd, &limits, &err) < 0)
        fail_msg("%s", err.text);
    close(fd);
    assert_true(there("etc/.") && there("proc") && there("usr"));
    assert_false(there("etc/lower") || there("index.json"));
}

static void an_image_for_another_processor_is_refused(void **state)
{
    struct unpack limits = generous();
    struct err err = {0};
    (void)state;
    int fd = make_oci_file("vax");
    assert_int_equal(image_file_unpack(fd, &limits, &err), -1);
    close(fd);
    assert_non_null(strstr(err.text, "it is for vax processors"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_name_leads_out_of_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(no_link_and_no_whiteout_reaches_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(names_from_the_root_are_names_below_it, setup, teardown),
        cmocka_unit_test_setup_teardown(whiteouts_hide_only_what_lies_below, setup, teardown),
        cmocka_unit_test_setup_teardown(devices_foreign_owners_and_overlay_marks_stay_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits_hold_over_all_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(an_oci_archive_is_its_layers_one_over_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_image_for_another_processor_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
