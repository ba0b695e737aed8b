#include "store/series_disk.h"

#include "base/cleanup.h"
#include "store/database_file.h"

#include <stdlib.h>
#include <string.h>

/* Names the row of STATEMENTS with the same index. */
enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    ADD,
    REMOVE_MINUTES,
    REMOVE_SERIES,
    EXPIRE,
    PUT,
    READ,
    EACH,
    STATEMENT_COUNT
};

static const char *const STATEMENTS[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD] = "INSERT INTO series (name, unit) VALUES (?1, ?2)",
    [REMOVE_MINUTES] = "DELETE FROM minute WHERE series = ?1",
    [REMOVE_SERIES] = "DELETE FROM series WHERE id = ?1",
    [EXPIRE] = "DELETE FROM minute WHERE start_ms < ?1",
    [PUT] = "INSERT OR REPLACE INTO minute (series, start_ms, count, sum, minimum, maximum, sketch)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [READ] = "SELECT start_ms, count, sum, minimum, maximum, sketch FROM minute"
             " WHERE series = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms",
    [EACH] = "SELECT id, name, unit,"
             " (SELECT max(start_ms) FROM minute WHERE series = series.id) AS last_ms"
             " FROM series WHERE last_ms IS NOT NULL ORDER BY id",
};

static const char TABLES[] =
    "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " unit TEXT NOT NULL);"
    "CREATE TABLE minute (series INTEGER NOT NULL, start_ms INTEGER NOT NULL,"
    " count REAL NOT NULL, sum REAL NOT NULL, minimum REAL NOT NULL, maximum REAL NOT NULL,"
    " sketch BLOB, PRIMARY KEY (series, start_ms)) WITHOUT ROWID;";

struct series_disk {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

static int fail(const struct series_disk *disk, struct err *err)
{
    return err_set(err, "metrics database: %s", sqlite3_errmsg(disk->database));
}

struct series_disk *series_disk_open(const char *path, struct err *err)
{
    struct series_disk *disk = calloc(1, sizeof *disk);
    if (!disk) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (database_file_open(path, TABLES, &disk->database, err) < 0) {
        series_disk_close(disk);
        return NULL;
    }
    bool ok =
        sqlite3_exec(disk->database, "PRAGMA cache_size = -512", NULL, NULL, NULL) == SQLITE_OK;
    for (int i = 0; ok && i < STATEMENT_COUNT; i++)
        ok = sqlite3_prepare_v3(disk->database, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &disk->statements[i], NULL) == SQLITE_OK;
    if (ok)
        return disk;
    fail(disk, err);
    series_disk_close(disk);
    return NULL;
}

void series_disk_close(struct series_disk *disk)
{
    if (!disk)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(disk->statements[i]);
    sqlite3_close(disk->database);
    free(disk);
}

/* Runs a statement that returns no rows, and forgets what was bound to it. */
static int run(struct series_disk *disk, enum statement which, struct err *err)
{
    sqlite3_stmt *statement = disk->statements[which];
    int result = sqlite3_step(statement);
    int status = result == SQLITE_DONE ? 0 : fail(disk, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

int series_disk_begin(struct series_disk *disk, struct err *err)
{
    return run(disk, BEGIN, err);
}

int series_disk_commit(struct series_disk *disk, struct err *err)
{
    if (run(disk, COMMIT, err) == 0)
        return 0;
    struct err ignored;
    run(disk, ROLLBACK, &ignored);
    return -1;
}

int series_disk_add(struct series_disk *disk, const char *name, const char *unit, int64_t *ret_id,
                    struct err *err)
{
    sqlite3_bind_text(disk->statements[ADD], 1, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(disk->statements[ADD], 2, unit, -1, SQLITE_TRANSIENT);
    if (run(disk, ADD, err) < 0)
        return -1;
    *ret_id = sqlite3_last_insert_rowid(disk->database);
    return 0;
}

int series_disk_remove(struct series_disk *disk, int64_t id, struct err *err)
{
    sqlite3_bind_int64(disk->statements[REMOVE_MINUTES], 1, id);
    sqlite3_bind_int64(disk->statements[REMOVE_SERIES], 1, id);
    return run(disk, REMOVE_MINUTES, err) < 0 ? -1 : run(disk, REMOVE_SERIES, err);
}

int series_disk_expire(struct series_disk *disk, int64_t before_ms, struct err *err)
{
    sqlite3_bind_int64(disk->statements[EXPIRE], 1, before_ms);
    return run(disk, EXPIRE, err);
}

int series_disk_put(struct series_disk *disk, int64_t id, const struct minute *minute,
                    struct err *err)
{
    sqlite3_stmt *put = disk->statements[PUT];
    sqlite3_bind_int64(put, 1, id);
    sqlite3_bind_int64(put, 2, minute->total.start_ms);
    sqlite3_bind_double(put, 3, minute->total.count);
    sqlite3_bind_double(put, 4, minute->total.sum);
    sqlite3_bind_double(put, 5, minute->total.minimum);
    sqlite3_bind_double(put, 6, minute->total.maximum);
    sqlite3_bind_blob(put, 7, minute->values.buckets,
                      (int)(minute->values.count * sizeof(struct sketch_bucket)), SQLITE_TRANSIENT);
    return run(disk, PUT, err);
}

/* The sketch is copied: SQLite does not promise the blob's alignment. */
static struct minute minute_of_row(sqlite3_stmt *row, struct sketch_bucket *buckets)
{
    size_t size = (size_t)sqlite3_column_bytes(row, 5);
    if (size > SERIES_BUCKETS * sizeof *buckets)
        size = SERIES_BUCKETS * sizeof *buckets;
    if (size > 0)
        memcpy(buckets, sqlite3_column_blob(row, 5), size);
    uint32_t count = (uint32_t)(size / sizeof *buckets);
    return (struct minute){
        .total = {.start_ms = sqlite3_column_int64(row, 0),
                  .count = sqlite3_column_double(row, 1),
                  .sum = sqlite3_column_double(row, 2),
                  .minimum = sqlite3_column_double(row, 3),
                  .maximum = sqlite3_column_double(row, 4)},
        .values = {.buckets = buckets, .count = count, .capacity = count},
    };
}

int series_disk_read(const struct series_disk *disk, int64_t id, int64_t from_ms, int64_t to_ms,
                     minute_visitor *visit, void *arg, struct err *err)
{
    sqlite3_stmt *read = disk->statements[READ];
    sqlite3_bind_int64(read, 1, id);
    sqlite3_bind_int64(read, 2, from_ms);
    sqlite3_bind_int64(read, 3, to_ms);
    int result;
    bool more = true;
    while ((result = sqlite3_step(read)) == SQLITE_ROW && more) {
        struct sketch_bucket buckets[SERIES_BUCKETS];
        struct minute minute = minute_of_row(read, buckets);
        more = visit(arg, &minute);
    }
    int status = result == SQLITE_DONE || !more ? 0 : fail(disk, err);
    sqlite3_reset(read);
    return status;
}

int series_disk_each(const struct series_disk *disk, series_disk_visitor *visit, void *arg,
                     struct err *err)
{
    sqlite3_stmt *each = disk->statements[EACH];
    int result;
    int status = 0;
    while (status == 0 && (result = sqlite3_step(each)) == SQLITE_ROW)
        status =
            visit(arg, sqlite3_column_int64(each, 0), (const char *)sqlite3_column_text(each, 1),
                  (const char *)sqlite3_column_text(each, 2), sqlite3_column_int64(each, 3), err);
    if (status == 0 && result != SQLITE_DONE)
        status = fail(disk, err);
    sqlite3_reset(each);
    return status;
}
