#include "store/database.h"

#include "base/cleanup.h"
#include "store/database_file.h"

#include <errno.h>
#include <stdlib.h>

enum {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PUT,
    STATEMENT_DELETE,
    STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_PUT] = "INSERT INTO document (kind, region, id, sequence, json)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)"
                      " ON CONFLICT DO UPDATE SET json = excluded.json",
    [STATEMENT_DELETE] = "DELETE FROM document WHERE kind = ?1 AND region = ?2 AND id = ?3",
};

static const char tables[] = "CREATE TABLE document ("
                             " kind TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL,"
                             " sequence INTEGER NOT NULL, json TEXT NOT NULL,"
                             " PRIMARY KEY (kind, region, id)) WITHOUT ROWID;";

struct database {
    sqlite3 *handle;
    sqlite3_stmt *prepared[STATEMENT_COUNT];
};

static int fail(struct database *database, const char *what, struct err *err)
{
    return err_set(err, "%s: %s", what, sqlite3_errmsg(database->handle));
}

static int open_handle(struct database *database, const char *path, struct err *err)
{
    if (database_file_open(path, tables, &database->handle, err) < 0)
        return -1;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(database->handle, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &database->prepared[i], NULL) != SQLITE_OK)
            return fail(database, statements[i], err);
    return 0;
}

struct database *database_open(const char *path, struct err *err)
{
    struct database *database = calloc(1, sizeof *database);
    if (!database) {
        err_sys(err, ENOMEM, "database");
        return NULL;
    }
    if (open_handle(database, path, err) < 0) {
        database_close(database);
        return NULL;
    }
    return database;
}

void database_close(struct database *database)
{
    if (!database)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->prepared[i]);
    sqlite3_close(database->handle);
    free(database);
}

int database_load(struct database *database,
                  void (*row)(void *arg, const char *kind, const char *region, const char *id,
                              int64_t sequence, json_t *doc),
                  void *arg, struct err *err)
{
    static const char query[] =
        "SELECT kind, region, id, sequence, json FROM document ORDER BY sequence";
    sqlite3_stmt *select;
    int result;
    if (sqlite3_prepare_v2(database->handle, query, -1, &select, NULL) != SQLITE_OK)
        return fail(database, "reading the state", err);
    while ((result = sqlite3_step(select)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(select, 2);
        json_t *doc = json_loads((const char *)sqlite3_column_text(select, 4), 0, NULL);
        if (!doc) {
            err_set(err, "the state holds a document that is not JSON: %s", id);
            break;
        }
        row(arg, (const char *)sqlite3_column_text(select, 0),
            (const char *)sqlite3_column_text(select, 1), id, sqlite3_column_int64(select, 3), doc);
    }
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        fail(database, "reading the state", err);
    sqlite3_finalize(select);
    return result == SQLITE_DONE ? 0 : -1;
}

static int run(struct database *database, int index, struct err *err)
{
    sqlite3_stmt *statement = database->prepared[index];
    int result = sqlite3_step(statement);
    if (result != SQLITE_DONE)
        fail(database, "writing the state", err);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : -1;
}

int database_begin(struct database *database, struct err *err)
{
    return run(database, STATEMENT_BEGIN, err);
}

int database_commit(struct database *database, struct err *err)
{
    if (run(database, STATEMENT_COMMIT, err) == 0)
        return 0;
    database_rollback(database);
    return -1;
}

void database_rollback(struct database *database)
{
    struct err ignored;
    if (!sqlite3_get_autocommit(database->handle))
        run(database, STATEMENT_ROLLBACK, &ignored);
}

int database_write(struct database *database, const char *kind, const char *region, const char *id,
                   int64_t sequence, const json_t *doc, struct err *err)
{
    int index = doc ? STATEMENT_PUT : STATEMENT_DELETE;
    sqlite3_stmt *statement = database->prepared[index];
    auto_free char *text = NULL;
    if (doc && !(text = json_dumps(doc, JSON_COMPACT)))
        return err_sys(err, ENOMEM, "writing the state");
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, region, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, id, -1, SQLITE_STATIC);
    if (doc) {
        sqlite3_bind_int64(statement, 4, sequence);
        sqlite3_bind_text(statement, 5, text, -1, SQLITE_STATIC);
    }
    int result = run(database, index, err);
    sqlite3_clear_bindings(statement);
    return result;
}
