/* The server name of a client's first message. */
#include "wire/tls_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EXTENSION(bytes) (const uint8_t *)(bytes), sizeof(bytes) - 1

static void a_host_name_is_read(void **state)
{
    (void)state;
    struct slice name;
    assert_true(tls_hello_server_name(EXTENSION("\0\6\0\0\3a.b"), &name));
    assert_int_equal(name.size, 3);
    assert_memory_equal(name.data, "a.b", 3);
}

static void anything_else_is_no_name(void **state)
{
    (void)state;
    struct slice name;
    assert_false(tls_hello_server_name(EXTENSION(""), &name));
    assert_false(tls_hello_server_name(EXTENSION("\0\2\0\0"), &name));
    assert_false(tls_hello_server_name(EXTENSION("\0\3\0\0\0"), &name));     /* empty */
    assert_false(tls_hello_server_name(EXTENSION("\0\6\0\0\4a.b"), &name));  /* too short */
    assert_false(tls_hello_server_name(EXTENSION("\0\7\0\0\3a.b"), &name));  /* too short */
    assert_false(tls_hello_server_name(EXTENSION("\0\7\0\0\3a.bc"), &name)); /* more behind */
    assert_false(tls_hello_server_name(EXTENSION("\0\6\1\0\3a.b"), &name));  /* other type */
    assert_false(tls_hello_server_name(EXTENSION("\0\6\0\0\3a\0b"), &name)); /* NUL */
    assert_false(tls_hello_server_name(EXTENSION("\0\14\0\0\3a.b\0\0\3a.b"), &name)); /* two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_name_is_read),
        cmocka_unit_test(anything_else_is_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
