#include "store/database_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Full sync: a commit is on the disk, not only in the kernel, before a client hears of it. */
static const char durable[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
/* A file that nobody uses yet needs no order of writes: it is synced once, at the end. */
static const char careless[] = "PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;";

static int execute(sqlite3 *handle, const char *path, const char *statements, struct err *err)
{
    if (sqlite3_exec(handle, statements, NULL, NULL, NULL) != SQLITE_OK)
        return err_set(err, "%s: %s", path, sqlite3_errmsg(handle));
    return 0;
}

static int make_tables(const char *path, const char *tables, struct err *err)
{
    sqlite3 *handle = NULL;
    int result = sqlite3_open(path, &handle) == SQLITE_OK
                     ? 0
                     : err_set(err, "%s: %s", path, sqlite3_errmsg(handle));
    if (result == 0)
        result = execute(handle, path, careless, err);
    if (result == 0)
        result = execute(handle, path, tables, err);
    sqlite3_close(handle); /* the last connection moves the log into the file */
    return result;
}

static int sync_path(const char *path, int flags, struct err *err)
{
    auto_fd int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(err, errno, "%s", path);
    return 0;
}

static int sync_folder_of(const char *path, struct err *err)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s/.", (int)(strrchr(path, '/') - path), path);
    return sync_path(folder, O_RDONLY | O_DIRECTORY, err);
}

/* Beside its place, then renamed: two syncs where SQLite would take a dozen. */
static int create(const char *path, const char *tables, struct err *err)
{
    char made[PATH_MAX], log[PATH_MAX + 8];
    snprintf(made, sizeof made, "%s.new", path);
    snprintf(log, sizeof log, "%s-wal", made);
    unlink(made); /* what a machine that stopped left of it */
    unlink(log);
    if (make_tables(made, tables, err) < 0 || sync_path(made, O_RDONLY, err) < 0)
        return -1;
    if (rename(made, path) < 0)
        return err_sys(err, errno, "%s", path);
    return sync_folder_of(path, err);
}

/* An empty file is as good as none. */
static bool is_absent(const char *path)
{
    struct stat info;
    return stat(path, &info) < 0 || info.st_size == 0;
}

int database_file_open(const char *path, const char *tables, sqlite3 **ret_handle, struct err *err)
{
    const char *name = path ? path : ":memory:";
    if (path && is_absent(path) && create(path, tables, err) < 0)
        return -1;
    if (sqlite3_open(name, ret_handle) != SQLITE_OK)
        return err_set(err, "%s: %s", name, sqlite3_errmsg(*ret_handle));
    return execute(*ret_handle, name, path ? durable : tables, err);
}
