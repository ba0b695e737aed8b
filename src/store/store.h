/*
 * The durable state: JSON documents by (kind, region, id), in insertion order.
 *
 * A document is the AWS shape of its resource plus members whose names begin with '_', which never
 * leave the program. Documents in the store are immutable: read them in place, change a copy from
 * txn_edit(). All documents are in memory; a commit writes them to SQLite (WAL, full sync) before
 * it returns, so what was acknowledged survives a crash of process or machine.
 * One thread, one open transaction at a time. Reads see the open transaction's changes.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct store;
struct txn;

/* Opens (or creates) the database at `path`; NULL path: memory only. NULL and err on failure. */
struct store *store_open(const char *path, struct err *err);
void store_close(struct store *store);

/* The document, borrowed and valid until it is changed or deleted; NULL if there is none. */
const json_t *store_get(const struct store *store, const char *kind, const char *region,
                        const char *id);

/* Iteration over one kind in one region, oldest first. The body must not change that kind. */
struct store_cursor {
    const char *id;    /* borrowed */
    const json_t *doc; /* borrowed */
    void *next;
};
struct store_cursor store_first(const struct store *store, const char *kind, const char *region);
void store_next(struct store_cursor *cursor);
#define store_each(cursor, store, kind, region)                                                    \
    for (struct store_cursor cursor = store_first(store, kind, region); cursor.doc;                \
         store_next(&cursor))
/* Documents of a kind in a region. */
size_t store_count(const struct store *store, const char *kind, const char *region);
/* Calls `visit` for each region that has documents of `kind`. */
void store_regions(const struct store *store, const char *kind,
                   void (*visit)(void *arg, const char *region), void *arg);

/* Begins a transaction. Aborts if one is open. Never NULL. */
struct txn *txn_begin(struct store *store);
/* Writes the changes to disk, then calls the watchers. On failure nothing has changed. Ends txn. */
int txn_commit(struct txn *txn, struct err *err);
/* Undoes every change. Ends txn. */
void txn_rollback(struct txn *txn);
/* True if the transaction has changed anything so far. */
bool txn_dirty(const struct txn *txn);

/* Adds or replaces a document; takes over the reference to `doc`. `id` is copied. */
void txn_put(struct txn *txn, const char *kind, const char *region, const char *id, json_t *doc);
/*
 * A deep copy that replaces the document and may be changed until the transaction ends; borrowed.
 * A second call in the same transaction returns the same copy. NULL if there is no such document.
 */
json_t *txn_edit(struct txn *txn, const char *kind, const char *region, const char *id);
/* Deletes; harmless if there is none. */
void txn_delete(struct txn *txn, const char *kind, const char *region, const char *id);

/* Called after each commit, once for each (kind, region) that changed. */
typedef void store_watcher(void *arg, const char *kind, const char *region);
void store_watch(struct store *store, store_watcher *watcher, void *arg);
/* Ends what store_watch() with the same arguments began. */
void store_unwatch(struct store *store, store_watcher *watcher, void *arg);

/* Rolls back at the end of the scope unless the variable was set to NULL after commit. */
void txn_cleanup(struct txn **txn);
#define auto_txn __attribute__((cleanup(txn_cleanup))) struct txn
