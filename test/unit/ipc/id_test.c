#include "ipc/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool check(const char *text, const char *prefix)
{
    char id[ID_SIZE] = "";
    memcpy(id, text, strnlen(text, ID_SIZE));
    return id_is_valid(id, prefix);
}

static void ids_of_aws_pass(void **state)
{
    (void)state;
    assert_true(check("i-0123456789abcdef0", "i-"));
    assert_true(check("subnet-0123456789abcdef0", ""));
    assert_true(check("host", ""));
}

static void what_could_leave_a_folder_does_not(void **state)
{
    static const char *const bad[] = {"", ".", "..", "../x", "i-/x", "/i-1", ".stage", "-x", "I-1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(check(bad[i], ""));
}

static void an_id_has_an_end_and_more_than_its_prefix(void **state)
{
    (void)state;
    assert_false(check("i-0123456789abcdef0123456789abcdef0123", "i-"));
    assert_false(check("i-", "i-"));
    assert_false(check("vpc-1", "i-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_aws_pass),
        cmocka_unit_test(what_could_leave_a_folder_does_not),
        cmocka_unit_test(an_id_has_an_end_and_more_than_its_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
