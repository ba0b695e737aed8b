#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *number(int value)
{
    return json_pack("{s:i}", "value", value);
}

static int value_of(const json_t *doc)
{
    return doc ? (int)json_integer_value(json_object_get(doc, "value")) : -1;
}

static int get(struct store *store, const char *id)
{
    return value_of(store_get(store, "thing", "r", id));
}

static void commit(struct txn *txn)
{
    struct err err;
    assert_int_equal(txn_commit(txn, &err), 0);
}

static void rollback_brings_back_what_was_there(void **state)
{
    (void)state;
    struct store *store = store_open(NULL, NULL);
    struct txn *txn = txn_begin(store);
    txn_put(txn, "thing", "r", "kept", number(1));
    txn_put(txn, "thing", "r", "deleted", number(2));
    commit(txn);

    txn = txn_begin(store);
    txn_put(txn, "thing", "r", "new", number(3));
    json_object_set_new(txn_edit(txn, "thing", "r", "kept"), "value", json_integer(9));
    txn_delete(txn, "thing", "r", "deleted");
    assert_int_equal(get(store, "kept"), 9);
    assert_int_equal(get(store, "deleted"), -1);
    assert_int_equal(store_count(store, "thing", "r"), 2);
    txn_rollback(txn);

    assert_int_equal(get(store, "kept"), 1);
    assert_int_equal(get(store, "deleted"), 2);
    assert_int_equal(get(store, "new"), -1);
    assert_int_equal(store_count(store, "thing", "r"), 2);
    store_close(store);
}

static void edit_twice_gives_the_same_copy(void **state)
{
    (void)state;
    struct store *store = store_open(NULL, NULL);
    struct txn *txn = txn_begin(store);
    txn_put(txn, "thing", "r", "a", number(1));
    commit(txn);
    const json_t *before = store_get(store, "thing", "r", "a");
    txn = txn_begin(store);
    json_t *copy = txn_edit(txn, "thing", "r", "a");
    assert_ptr_not_equal(copy, before);
    assert_ptr_equal(txn_edit(txn, "thing", "r", "a"), copy);
    assert_null(txn_edit(txn, "thing", "r", "missing"));
    txn_rollback(txn);
    assert_ptr_equal(store_get(store, "thing", "r", "a"), before);
    store_close(store);
}

static void iteration_is_oldest_first_and_skips_the_deleted(void **state)
{
    (void)state;
    struct store *store = store_open(NULL, NULL);
    struct txn *txn = txn_begin(store);
    for (int i = 0; i < 5; i++) {
        char id[] = {(char)('e' - i), 0};
        txn_put(txn, "thing", "r", id, number(i));
    }
    txn_delete(txn, "thing", "r", "d");
    int expected[] = {0, 2, 3, 4}, at = 0;
    store_each (cursor, store, "thing", "r") {
        assert_int_equal(value_of(cursor.doc), expected[at]);
        at++;
    }
    assert_int_equal(at, 4);
    txn_rollback(txn);
    store_close(store);
}

static void committed_documents_survive_a_restart_in_order(void **state)
{
    (void)state;
    char path[] = "/tmp/store-test-XXXXXX";
    close(mkstemp(path));
    struct err err;
    struct store *store = store_open(path, &err);
    assert_non_null(store);
    struct txn *txn = txn_begin(store);
    txn_put(txn, "thing", "r", "z", number(1));
    txn_put(txn, "thing", "r", "a", number(2));
    txn_put(txn, "thing", "r", "gone", number(3));
    commit(txn);
    txn = txn_begin(store);
    txn_delete(txn, "thing", "r", "gone");
    json_object_set_new(txn_edit(txn, "thing", "r", "z"), "value", json_integer(7));
    commit(txn);
    txn = txn_begin(store);
    txn_put(txn, "thing", "r", "never", number(4));
    store_close(store); /* with the transaction open, as in a crash */

    store = store_open(path, &err);
    assert_non_null(store);
    struct store_cursor cursor = store_first(store, "thing", "r");
    assert_string_equal(cursor.id, "z");
    assert_int_equal(value_of(cursor.doc), 7);
    store_next(&cursor);
    assert_string_equal(cursor.id, "a");
    store_next(&cursor);
    assert_null(cursor.doc);
    store_close(store);
    unlink(path);
}

struct seen {
    int calls;
    char last[64];
};

static void remember(void *arg, const char *kind, const char *region)
{
    struct seen *seen = arg;
    seen->calls++;
    snprintf(seen->last, sizeof seen->last, "%s/%s", kind, region);
}

static void watchers_hear_of_commits_once_a_kind(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct store *store = store_open(NULL, NULL);
    store_watch(store, remember, &seen);
    struct txn *txn = txn_begin(store);
    txn_put(txn, "thing", "r", "a", number(1));
    txn_put(txn, "thing", "r", "b", number(1));
    assert_int_equal(seen.calls, 0);
    commit(txn);
    assert_int_equal(seen.calls, 1);
    assert_string_equal(seen.last, "thing/r");
    txn = txn_begin(store);
    txn_put(txn, "thing", "r", "c", number(1));
    txn_rollback(txn);
    assert_int_equal(seen.calls, 1);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollback_brings_back_what_was_there),
        cmocka_unit_test(edit_twice_gives_the_same_copy),
        cmocka_unit_test(iteration_is_oldest_first_and_skips_the_deleted),
        cmocka_unit_test(committed_documents_survive_a_restart_in_order),
        cmocka_unit_test(watchers_hear_of_commits_once_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
