#include "store/database_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char tables[] = "CREATE TABLE thing (name TEXT);";

struct folder {
    char path[64], file[96], made[96], log[96];
};

static void make_folder(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/database-file-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/d.db", folder->path);
    snprintf(folder->made, sizeof folder->made, "%s/d.db.new", folder->path);
    snprintf(folder->log, sizeof folder->log, "%s/d.db.new-wal", folder->path);
}

/* Nothing else may be left in it. */
static void remove_folder(const struct folder *folder)
{
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(rmdir(folder->path), 0);
}

static sqlite3 *open_file(const struct folder *folder)
{
    sqlite3 *handle = NULL;
    struct err err;
    assert_int_equal(database_file_open(folder->file, tables, &handle, &err), 0);
    return handle;
}

static int count(sqlite3 *handle)
{
    sqlite3_stmt *select;
    assert_int_equal(sqlite3_prepare_v2(handle, "SELECT count(*) FROM thing", -1, &select, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(select), SQLITE_ROW);
    int rows = sqlite3_column_int(select, 0);
    sqlite3_finalize(select);
    return rows;
}

static void what_was_written_is_there_when_it_is_opened_again(void **state)
{
    (void)state;
    struct folder folder;
    make_folder(&folder);
    sqlite3 *handle = open_file(&folder);
    assert_int_equal(sqlite3_exec(handle, "INSERT INTO thing VALUES ('a')", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(handle);
    handle = open_file(&folder);
    assert_int_equal(count(handle), 1);
    sqlite3_close(handle);
    remove_folder(&folder);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_file_that_was_being_made_when_the_machine_stopped_is_made_anew(void **state)
{
    (void)state;
    struct folder folder;
    make_folder(&folder);
    write_text(folder.made, "half");
    write_text(folder.log, "half");
    sqlite3 *handle = open_file(&folder);
    assert_int_equal(count(handle), 0);
    sqlite3_close(handle);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there_when_it_is_opened_again),
        cmocka_unit_test(a_file_that_was_being_made_when_the_machine_stopped_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
