#include "store/store.h"

#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "store/database.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCHERS_MAX = 8 };

/* All documents of one kind in one region. */
struct table {
    struct map documents; /* id -> struct document */
    size_t count; /* documents that exist: `documents` also holds those deleted in the txn */
    bool changed; /* by the commit that is being announced */
    char *kind, *region;
};

/* One document. Until its transaction ends, `change` remembers what was there before. */
struct document {
    struct table *table;
    const char *id;        /* the map's key */
    json_t *doc;           /* NULL: deleted in the open transaction */
    struct change *change; /* NULL: as it is on disk */
    int64_t sequence;      /* order of creation */
};

struct change {
    struct list link;
    struct document *document;
    json_t *before; /* NULL: the document is new */
};

struct txn {
    struct store *store;
    bool open;
    struct list changes; /* of change.link */
};

struct store {
    struct map tables; /* "kind region" -> struct table */
    struct database *database;
    int64_t sequence_next;
    struct txn txn;
    struct {
        store_watcher *call;
        void *arg;
    } watchers[WATCHERS_MAX];
    int watcher_count;
};

static void *must(void *pointer)
{
    if (!pointer)
        abort(); /* out of memory in the middle of a transaction: restarting is the recovery */
    return pointer;
}

static struct table *find_table(const struct store *store, const char *kind, const char *region)
{
    char key[256];
    snprintf(key, sizeof key, "%s %s", kind, region);
    return map_get(&store->tables, key);
}

static struct table *make_table(struct store *store, const char *kind, const char *region)
{
    struct table *table = find_table(store, kind, region);
    if (table)
        return table;
    char key[256];
    snprintf(key, sizeof key, "%s %s", kind, region);
    table = must(calloc(1, sizeof *table));
    table->kind = must(strdup(kind));
    table->region = must(strdup(region));
    if (map_set(&store->tables, key, table) < 0)
        abort();
    return table;
}

static struct document *add_document(struct table *table, const char *id, int64_t sequence)
{
    struct document *document = must(calloc(1, sizeof *document));
    *document = (struct document){.table = table, .sequence = sequence};
    if (map_set(&table->documents, id, document) < 0)
        abort();
    document->id = map_find(&table->documents, id)->key;
    return document;
}

static void remove_document(struct document *document)
{
    map_remove(&document->table->documents, document->id);
    json_decref(document->doc);
    free(document);
}

static void load_row(void *arg, const char *kind, const char *region, const char *id,
                     int64_t sequence, json_t *doc)
{
    struct store *store = arg;
    struct table *table = make_table(store, kind, region);
    struct document *document = add_document(table, id, sequence);
    document->doc = doc;
    table->count++;
    if (sequence >= store->sequence_next)
        store->sequence_next = sequence + 1;
}

struct store *store_open(const char *path, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        err_sys(err, ENOMEM, "store");
        return NULL;
    }
    store->txn.store = store;
    list_init(&store->txn.changes);
    if (path && (!(store->database = database_open(path, err)) ||
                 database_load(store->database, load_row, store, err) < 0)) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->txn.open)
        txn_rollback(&store->txn);
    map_each (table_entry, &store->tables) {
        struct table *table = table_entry->value;
        while (table->documents.first)
            remove_document(table->documents.first->value);
        map_finish(&table->documents);
        free(table->kind);
        free(table->region);
        free(table);
    }
    map_finish(&store->tables);
    database_close(store->database);
    free(store);
}

static struct document *find_document(const struct store *store, const char *kind,
                                      const char *region, const char *id)
{
    struct table *table = find_table(store, kind, region);
    return table ? map_get(&table->documents, id) : NULL;
}

const json_t *store_get(const struct store *store, const char *kind, const char *region,
                        const char *id)
{
    struct document *document = find_document(store, kind, region, id);
    return document ? document->doc : NULL;
}

/* Sets the cursor to the first existing document at or after `entry`. */
static void cursor_place(struct store_cursor *cursor, struct map_entry *entry)
{
    while (entry && !((struct document *)entry->value)->doc)
        entry = entry->next;
    struct document *document = entry ? entry->value : NULL;
    cursor->id = document ? document->id : NULL;
    cursor->doc = document ? document->doc : NULL;
    cursor->next = entry ? entry->next : NULL;
}

struct store_cursor store_first(const struct store *store, const char *kind, const char *region)
{
    struct store_cursor cursor = {0};
    struct table *table = find_table(store, kind, region);
    if (table)
        cursor_place(&cursor, table->documents.first);
    return cursor;
}

void store_next(struct store_cursor *cursor)
{
    cursor_place(cursor, cursor->next);
}

size_t store_count(const struct store *store, const char *kind, const char *region)
{
    struct table *table = find_table(store, kind, region);
    return table ? table->count : 0;
}

void store_regions(const struct store *store, const char *kind,
                   void (*visit)(void *arg, const char *region), void *arg)
{
    map_each (entry, &store->tables) {
        struct table *table = entry->value;
        if (table->count && strcmp(table->kind, kind) == 0)
            visit(arg, table->region);
    }
}

struct txn *txn_begin(struct store *store)
{
    assert(!store->txn.open);
    store->txn.open = true;
    return &store->txn;
}

bool txn_dirty(const struct txn *txn)
{
    return !list_empty(&txn->changes);
}

/* Replaces the document's contents (NULL: deletes it), remembering what was there. */
static void change_document(struct txn *txn, struct document *document, json_t *doc)
{
    assert(txn->open);
    struct table *table = document->table;
    table->count += (doc != NULL) - (size_t)(document->doc != NULL);
    if (!document->change) {
        struct change *change = must(calloc(1, sizeof *change));
        *change = (struct change){.document = document, .before = document->doc};
        list_append(&txn->changes, &change->link);
        document->change = change;
    } else {
        json_decref(document->doc);
    }
    document->doc = doc;
}

void txn_put(struct txn *txn, const char *kind, const char *region, const char *id, json_t *doc)
{
    assert(doc);
    struct table *table = make_table(txn->store, kind, region);
    struct document *document = map_get(&table->documents, id);
    if (!document)
        document = add_document(table, id, txn->store->sequence_next++);
    change_document(txn, document, doc);
}

json_t *txn_edit(struct txn *txn, const char *kind, const char *region, const char *id)
{
    struct document *document = find_document(txn->store, kind, region, id);
    if (!document || !document->doc)
        return NULL;
    if (!document->change)
        change_document(txn, document, must(json_deep_copy(document->doc)));
    return document->doc;
}

void txn_delete(struct txn *txn, const char *kind, const char *region, const char *id)
{
    struct document *document = find_document(txn->store, kind, region, id);
    if (document && document->doc)
        change_document(txn, document, NULL);
}

/* Ends every change: the present state stays, or the one before comes back. */
static void settle_changes(struct txn *txn, bool keep)
{
    list_each_safe (change, &txn->changes, struct change, link) {
        struct document *document = change->document;
        json_t *drop = keep ? change->before : document->doc;
        if (!keep) {
            document->table->count += (change->before != NULL) - (size_t)(document->doc != NULL);
            document->doc = change->before;
        }
        json_decref(drop);
        document->change = NULL;
        document->table->changed |= keep;
        list_remove(&change->link);
        free(change);
        if (!document->doc)
            remove_document(document);
    }
    txn->open = false;
}

void txn_rollback(struct txn *txn)
{
    assert(txn->open);
    settle_changes(txn, false);
}

static int write_changes(struct txn *txn, struct err *err)
{
    struct database *database = txn->store->database;
    if (database_begin(database, err) < 0)
        return -1;
    list_each (change, &txn->changes, struct change, link) {
        struct document *document = change->document;
        struct table *table = document->table;
        if (!document->doc && !change->before)
            continue; /* came and went within the transaction */
        if (database_write(database, table->kind, table->region, document->id, document->sequence,
                           document->doc, err) < 0) {
            database_rollback(database);
            return -1;
        }
    }
    return database_commit(database, err);
}

static void announce(struct store *store)
{
    map_each (entry, &store->tables) {
        struct table *table = entry->value;
        if (!table->changed)
            continue;
        table->changed = false;
        for (int i = 0; i < store->watcher_count; i++)
            store->watchers[i].call(store->watchers[i].arg, table->kind, table->region);
    }
}

int txn_commit(struct txn *txn, struct err *err)
{
    assert(txn->open);
    if (txn->store->database && txn_dirty(txn) && write_changes(txn, err) < 0) {
        txn_rollback(txn);
        return -1;
    }
    settle_changes(txn, true);
    announce(txn->store);
    return 0;
}

void txn_cleanup(struct txn **txn)
{
    if (*txn && (*txn)->open)
        txn_rollback(*txn);
}

void store_watch(struct store *store, store_watcher *watcher, void *arg)
{
    assert(store->watcher_count < WATCHERS_MAX);
    store->watchers[store->watcher_count].call = watcher;
    store->watchers[store->watcher_count++].arg = arg;
}

void store_unwatch(struct store *store, store_watcher *watcher, void *arg)
{
    for (int i = 0; i < store->watcher_count; i++)
        if (store->watchers[i].call == watcher && store->watchers[i].arg == arg) {
            store->watchers[i] = store->watchers[--store->watcher_count];
            return;
        }
}
