#include "balancer/rewrite.h"
#include "balancer/rules.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_normalised_before_rules_look),
        cmocka_unit_test(request_targets_have_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
