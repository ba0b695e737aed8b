#include "wire/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEADER            "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define QUERY(name, type) HEADER name type "\x00\x01"

static int parse(const char *bytes, size_t size, struct dns_query *query)
{
    return dns_parse_query((const uint8_t *)bytes, size, query);
}

static void a_name_is_read_in_lower_case(void **state)
{
    static const char message[] = QUERY("\x03WWW\x07"
                                        "example\x00",
                                        "\x00\x01");
    struct dns_query query;

    (void)state;
    assert_int_equal(parse(message, sizeof(message) - 1, &query), 0);
    assert_string_equal(query.name, "www.example");
    assert_int_equal(query.type, DNS_TYPE_A);
    assert_int_equal(query.id, 0x1234);
    for (size_t size = 0; size < sizeof(message) - 1; size++)
        assert_int_equal(parse(message, size, &query), -1);
}

static void what_could_mislead_is_refused(void **state)
{
    static const char pointer[] = QUERY("\xc0\x0c", "\x00\x01");
    static const char dot[] = QUERY("\x03"
                                    "a.b\x00",
                                    "\x00\x01");
    static const char response[] =
        "\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01";
    char long_name[12 + 5 * 64 + 5] = HEADER;
    struct dns_query query;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        long_name[12 + i * 64] = 63;
        memset(long_name + 13 + i * 64, 'a', 63);
    }
    assert_int_equal(parse(pointer, sizeof(pointer) - 1, &query), -1);
    assert_int_equal(parse(dot, sizeof(dot) - 1, &query), -1);
    assert_int_equal(parse(response, sizeof(response) - 1, &query), -1);
    assert_int_equal(parse(long_name, sizeof(long_name), &query), -1);
}

static void an_answer_repeats_the_question(void **state)
{
    static const char message[] = QUERY("\x01"
                                        "a\x00",
                                        "\x00\x01");
    static const char expected[] =
        "\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00"
        "\x01"
        "a\x00\x00\x01\x00\x01"
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x01\x09";
    struct dns_query query;
    uint32_t address = 0x0a000109;
    auto_buf out = {0};

    (void)state;
    assert_int_equal(parse(message, sizeof(message) - 1, &query), 0);
    dns_write_answer(&out, &query, DNS_OK, &address, 1, 60);
    assert_int_equal(out.size, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_read_in_lower_case),
        cmocka_unit_test(what_could_mislead_is_refused),
        cmocka_unit_test(an_answer_repeats_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
