#include "os/file.h"
#include "os/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_record_reads_back_as_written(void **state)
{
    (void)state;
    char dir[] = "/tmp/record-test-XXXXXX";
    struct err err;
    struct record record = {.listen = "127.0.0.1:4566", .account = "000000000000", .world = 7};
    struct record found;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(record_read(dir, &found, &err), 0);
    record.processes[0] = (struct record_process){"parent", 12, 3456};
    record.processes[2] = (struct record_process){"host", 13, 7890};
    record.upgrades = 2;
    snprintf(record.upgrade_failure, sizeof record.upgrade_failure, "not ready in time");
    assert_int_equal(record_write(dir, &record, &err), 0);
    assert_int_equal(record_read(dir, &found, &err), 1);
    assert_string_equal(found.listen, record.listen);
    assert_int_equal(found.world, 7);
    assert_string_equal(found.processes[1].name, "host");
    assert_int_equal(found.processes[1].start_time, 7890);
    assert_int_equal(found.upgrades, 2);
    assert_string_equal(found.upgrade_failure, "not ready in time");
    record_remove(dir);
    assert_int_equal(record_read(dir, &found, &err), 0);
    rmdir(dir);
}

static void a_process_is_told_from_a_later_one_with_its_number(void **state)
{
    (void)state;
    uint64_t start_time = process_start_time(getpid());
    assert_true(start_time > 0);
    int fd = process_open(getpid(), start_time);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(process_open(getpid(), start_time + 1), -1);
    assert_int_equal(process_open(0, start_time), -1);
}

static void files_are_read_whole_or_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/file-test-XXXXXX";
    struct err err;
    size_t size;
    close(mkstemp(path));
    assert_int_equal(file_write(path, "0123456789", 10, 0600, &err), 0);
    char *text = file_read(path, 10, &size, &err);
    assert_string_equal(text, "0123456789");
    assert_int_equal(size, 10);
    free(text);
    assert_null(file_read(path, 9, &size, &err));
    unlink(path);
    assert_null(file_read(path, 9, &size, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_written),
        cmocka_unit_test(a_process_is_told_from_a_later_one_with_its_number),
        cmocka_unit_test(files_are_read_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
