/* Memory that is put to rest: nothing of it is lost, and it takes none. */
#include "http/rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { PAGE = 4096, PAGES_MAX = REST_BLOCK_SIZE_MAX / PAGE, ALL = 100000 };

static bool out_of_memory;

/* The linker has the code under test call this. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return out_of_memory ? NULL : __real_malloc(size);
}

static int pages_in_memory(void *block)
{
    unsigned char pages[PAGES_MAX];
    int count = 0;
    assert_int_equal(mincore(block, REST_BLOCK_SIZE_MAX, pages), 0);
    for (int i = 0; i < PAGES_MAX; i++)
        count += pages[i] & 1;
    return count;
}

static void rest_all(struct rest_set *set)
{
    rest_tick(set);
    rest_tick(set);
    assert_false(rest_quiet(set, ALL));
}

static void a_block_comes_back_as_it_was(void **state)
{
    (void)state;
    enum { SIZE = 7608 };
    struct rest_set set;
    unsigned char expected[SIZE] = {0};
    rest_set_init(&set);
    unsigned char *block = rest_take(&set, SIZE);
    assert_memory_equal(block, expected, SIZE);
    for (int i = 0; i < SIZE; i += i % 63 + 1)
        if (i % 4000 < 900)
            expected[i] = (unsigned char)(i | 1);
    expected[SIZE - 1] = 255;
    memcpy(block, expected, SIZE);
    for (int i = 0; i < 3; i++) {
        rest_all(&set);
        assert_int_equal(pages_in_memory(block), 0);
        rest_wake(block + 4321);
        assert_memory_equal(block, expected, SIZE);
    }
    rest_give_back(block);
}

static void only_what_was_not_used_for_a_tick_rests(void **state)
{
    (void)state;
    struct rest_set set;
    rest_set_init(&set);
    char *blocks[2] = {rest_take(&set, PAGE), rest_take(&set, PAGE)};
    blocks[0][0] = blocks[1][0] = 'x';
    rest_tick(&set);
    assert_false(rest_quiet(&set, ALL));
    assert_true(pages_in_memory(blocks[0]) > 0);
    rest_wake(blocks[0]);
    rest_tick(&set);
    assert_false(rest_quiet(&set, ALL));
    assert_true(pages_in_memory(blocks[0]) > 0);
    assert_int_equal(pages_in_memory(blocks[1]), 0);
    for (int i = 0; i < 2; i++) {
        rest_wake(blocks[i]);
        rest_give_back(blocks[i]);
    }
}

static void at_most_so_many_at_once(void **state)
{
    (void)state;
    struct rest_set set;
    char *blocks[5];
    rest_set_init(&set);
    for (int i = 0; i < 5; i++)
        blocks[i] = rest_take(&set, PAGE);
    rest_tick(&set);
    rest_tick(&set);
    assert_true(rest_quiet(&set, 2));
    assert_true(rest_quiet(&set, 2));
    assert_false(rest_quiet(&set, 2));
    for (int i = 0; i < 5; i++) {
        rest_wake(blocks[i]);
        rest_give_back(blocks[i]);
    }
}

/* Its copy would take as much. */
static void a_full_block_stays_awake(void **state)
{
    (void)state;
    struct rest_set set;
    rest_set_init(&set);
    char *block = rest_take(&set, PAGE);
    memset(block, 'x', PAGE);
    rest_all(&set);
    assert_true(pages_in_memory(block) > 0);
    memset(block, 0, PAGE);
    rest_wake(block);
    rest_all(&set);
    assert_int_equal(pages_in_memory(block), 0);
    rest_wake(block);
    rest_give_back(block);
}

static void without_memory_for_a_copy_it_stays_awake(void **state)
{
    (void)state;
    struct rest_set set;
    rest_set_init(&set);
    char *block = rest_take(&set, PAGE);
    block[9] = 'x';
    out_of_memory = true;
    rest_all(&set);
    out_of_memory = false;
    assert_true(pages_in_memory(block) > 0);
    assert_int_equal(block[9], 'x');
    rest_wake(block);
    rest_give_back(block);
}

/* They held keys; and after many connections their memory is the kernel's. */
static void blocks_given_back_are_zeros_and_few_stay_in_memory(void **state)
{
    (void)state;
    enum { COUNT = 500, MOST = 16 };
    struct rest_set set;
    char *blocks[COUNT];
    int kept = 0;
    rest_set_init(&set);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = rest_take(&set, PAGE);
        memset(blocks[i], 'k', PAGE);
    }
    for (int i = 0; i < COUNT; i++)
        rest_give_back(blocks[i]);
    for (int i = 0; i < COUNT; i++)
        kept += pages_in_memory(blocks[i]);
    assert_in_range(kept, 0, MOST);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = rest_take(&set, PAGE);
        for (int byte = 0; byte < PAGE; byte++)
            assert_int_equal(blocks[i][byte], 0);
    }
    for (int i = 0; i < COUNT; i++)
        rest_give_back(blocks[i]);
}

static void other_memory_is_none_of_its_business(void **state)
{
    (void)state;
    struct rest_set set;
    char *other = malloc(PAGE);
    rest_set_init(&set);
    assert_false(rest_owns(other));
    assert_false(rest_owns(NULL));
    rest_wake(other);
    rest_wake(NULL);
    assert_null(rest_take(&set, REST_BLOCK_SIZE_MAX + 1));
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_comes_back_as_it_was),
        cmocka_unit_test(only_what_was_not_used_for_a_tick_rests),
        cmocka_unit_test(at_most_so_many_at_once),
        cmocka_unit_test(a_full_block_stays_awake),
        cmocka_unit_test(without_memory_for_a_copy_it_stays_awake),
        cmocka_unit_test(blocks_given_back_are_zeros_and_few_stay_in_memory),
        cmocka_unit_test(other_memory_is_none_of_its_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
