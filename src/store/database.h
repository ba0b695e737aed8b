/* Documents on disk: one SQLite table. Used by store.c only. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

struct database;

/* Opens or creates; NULL and err on failure. */
struct database *database_open(const char *path, struct err *err);
/* NULL is harmless. */
void database_close(struct database *database);
/* Calls `row` for every document, in order of `sequence`; `doc` becomes the callee's. */
int database_load(struct database *database,
                  void (*row)(void *arg, const char *kind, const char *region, const char *id,
                              int64_t sequence, json_t *doc),
                  void *arg, struct err *err);
int database_begin(struct database *database, struct err *err);
/* `doc` NULL deletes. */
int database_write(struct database *database, const char *kind, const char *region, const char *id,
                   int64_t sequence, const json_t *doc, struct err *err);
/* On disk when it returns 0; on failure nothing was written. */
int database_commit(struct database *database, struct err *err);
void database_rollback(struct database *database);
