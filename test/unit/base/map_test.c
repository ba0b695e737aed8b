#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void entries_keep_insertion_order_through_growth_and_removal(void **state)
{
    (void)state;
    struct map map = {0};
    char key[16];
    for (intptr_t i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key-%d", (int)i);
        assert_int_equal(map_set(&map, key, (void *)(i + 1)), 0);
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal((intptr_t)map_remove(&map, key), i + 1);
    }
    intptr_t expected = 2;
    map_each (entry, &map) {
        assert_int_equal((intptr_t)entry->value, expected);
        expected += 2;
    }
    assert_int_equal(map.count, 500);
    assert_null(map_get(&map, "key-0"));
    assert_int_equal((intptr_t)map_get(&map, "key-999"), 1000);
    map_finish(&map);
}

static void setting_again_replaces_the_value_in_place(void **state)
{
    (void)state;
    struct map map = {0};
    map_set(&map, "a", (void *)1);
    map_set(&map, "b", (void *)2);
    map_set(&map, "a", (void *)3);
    assert_int_equal(map.count, 2);
    assert_string_equal(map.first->key, "a");
    assert_ptr_equal(map_get(&map, "a"), (void *)3);
    assert_null(map_remove(&map, "missing"));
    map_finish(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_keep_insertion_order_through_growth_and_removal),
        cmocka_unit_test(setting_again_replaces_the_value_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
