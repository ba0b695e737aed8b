#include "balancer/rewrite.h"
#include "balancer/rules.h"
#include "balancer/selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void paths_are_normalised_before_rules_look(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/a/b", "/a/b"},
        {"/a/../b", "/b"},
        {"/../../a", "/a"},
        {"/a/./b/.", "/a/b/"},
        {"/a/b/..", "/a/"},
        {"/%61dm%69n", "/admin"},
        {"/a%2fb%20", "/a%2fb%20"},
        {"/%2e%2E/x", "/x"},
        {"/a//b", "/a//b"},
        {"/..", "/"},
        {"/%", "/%"},
        {"/...", "/..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        struct slice path = {cases[i][0], strlen(cases[i][0])};
        size_t size = rules_normalise_path(path, out);
        if (size != strlen(cases[i][1]) || memcmp(out, cases[i][1], size) != 0)
            fail_msg("%s became %.*s", cases[i][0], (int)size, out);
    }
}

static void assert_part(struct slice part, const char *text)
{
    assert_int_equal(part.size, strlen(text));
    assert_memory_equal(part.data, text, part.size);
}

static void request_targets_have_parts(void **state)
{
    (void)state;
    struct target_parts parts = split_target((struct slice){"http://h:1/p?q?r", 16});
    assert_part(parts.host, "h:1");
    assert_part(parts.path, "/p");
    assert_part(parts.query, "?q?r");
    parts = split_target((struct slice){"https://h?q", 11});
    assert_part(parts.host, "h");
    assert_part(parts.path, "/");
    assert_part(parts.query, "?q");
    parts = split_target((struct slice){"/only", 5});
    assert_part(parts.host, "");
    assert_part(parts.path, "/only");
}

struct group_fixture {
    struct target *targets[3], *routable[3];
    struct rotation rotation;
    struct target_group group;
    struct target_table table;
};

static int setup(void **state)
{
    static struct group_fixture fixture;
    static const struct source here = {.vpc = ""};
    fixture = (struct group_fixture){0};
    target_table_init(&fixture.table, 1);
    for (int i = 0; i < 3; i++) {
        fixture.targets[i] = target_get(&fixture.table, "g", "t", (uint32_t)i, 80, &here);
        fixture.routable[i] = fixture.targets[i];
        atomic_store(&fixture.targets[i]->state, TARGET_HEALTHY);
    }
    fixture.group.routable = fixture.routable;
    fixture.group.routable_count = 3;
    fixture.group.rotations = &fixture.rotation;
    fixture.group.attributes.minimum_healthy_count = 1;
    atomic_store(&fixture.group.healthy_count, 3);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct group_fixture *fixture = *state;
    for (int i = 0; i < 3; i++)
        target_release(fixture->targets[i]);
    return 0;
}

static struct target *next(struct group_fixture *fixture, int tried)
{
    return selection_next(&fixture->group, 0, 1000, fixture->targets, tried);
}

static void unhealthy_targets_are_passed_over_until_none_is_healthy(void **state)
{
    struct group_fixture *fixture = *state;
    atomic_store(&fixture->targets[1]->state, TARGET_UNHEALTHY);
    atomic_store(&fixture->group.healthy_count, 2);
    assert_ptr_equal(next(fixture, 0), fixture->targets[0]);
    assert_ptr_equal(next(fixture, 0), fixture->targets[2]);
    assert_ptr_equal(next(fixture, 0), fixture->targets[0]);
    atomic_store(&fixture->targets[0]->state, TARGET_UNHEALTHY);
    atomic_store(&fixture->targets[2]->state, TARGET_INITIAL);
    atomic_store(&fixture->group.healthy_count, 0);
    assert_ptr_equal(next(fixture, 0), fixture->targets[1]);
    assert_ptr_equal(next(fixture, 0), fixture->targets[2]);
}

static void below_the_minimum_of_healthy_targets_all_are_used(void **state)
{
    struct group_fixture *fixture = *state;
    fixture->group.attributes.minimum_healthy_percent = 50;
    atomic_store(&fixture->targets[0]->state, TARGET_UNHEALTHY);
    atomic_store(&fixture->targets[1]->state, TARGET_UNHEALTHY);
    atomic_store(&fixture->group.healthy_count, 1);
    assert_ptr_equal(next(fixture, 0), fixture->targets[0]);
}

static void tried_targets_are_not_offered_and_failing_ones_come_last(void **state)
{
    struct group_fixture *fixture = *state;
    assert_ptr_equal(next(fixture, 2), fixture->targets[2]);
    assert_null(next(fixture, 3));
    fixture->targets[0]->threads[0].avoid_until_ms = 2000;
    fixture->targets[1]->threads[0].avoid_until_ms = 2000;
    assert_ptr_equal(next(fixture, 0), fixture->targets[2]);
    fixture->targets[2]->threads[0].avoid_until_ms = 2000;
    assert_non_null(next(fixture, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_normalised_before_rules_look),
        cmocka_unit_test(request_targets_have_parts),
        cmocka_unit_test_setup_teardown(unhealthy_targets_are_passed_over_until_none_is_healthy,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(below_the_minimum_of_healthy_targets_all_are_used, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tried_targets_are_not_offered_and_failing_ones_come_last,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
