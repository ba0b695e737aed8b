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
        assert_int_equal(parse(message, size, &query), size < 12 ? -1 : DNS_FORMAT_ERROR);
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
    assert_int_equal(parse(pointer, sizeof(pointer) - 1, &query), DNS_FORMAT_ERROR);
    assert_int_equal(parse(dot, sizeof(dot) - 1, &query), DNS_FORMAT_ERROR);
    assert_int_equal(parse(long_name, sizeof(long_name), &query), DNS_FORMAT_ERROR);
    /* Two that answer each other's answers would never end. */
    assert_int_equal(parse(response, sizeof(response) - 1, &query), -1);
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
    dns_write_answer(&out, &query,
                     &(struct dns_answer){.ttl_seconds = 60, .addresses = &address, .count = 1});
    assert_int_equal(out.size, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.size);
}

static void a_negative_answer_says_for_how_long(void **state)
{
    static const char message[] = QUERY("\x01"
                                        "a\x00",
                                        "\x00\x01");
    static const char expected[] =
        "\x12\x34\x85\x83\x00\x01\x00\x00\x00\x01\x00\x00"
        "\x01"
        "a\x00\x00\x01\x00\x01"
        "\x01z\x00\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x32"
        "\x03ns0\x01z\x00"
        "\x0ahostmaster\x06"
        "amazon\x03"
        "com\x00"
        "\x77\xee\x41\xbc\x00\x00\x0e\x10\x00\x00\x0e\x10\x00\x00\x0e\x10\x00\x00\x00\x3c";
    struct dns_query query;
    auto_buf out = {0};

    (void)state;
    assert_int_equal(parse(message, sizeof(message) - 1, &query), 0);
    dns_write_answer(&out, &query,
                     &(struct dns_answer){.rcode = DNS_NO_NAME, .ttl_seconds = 60, .zone = "z"});
    assert_int_equal(out.size, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.size);
}

static void a_pointer_names_its_target(void **state)
{
    static const char message[] = QUERY("\x01"
                                        "1\x00",
                                        "\x00\x0c");
    struct dns_query query;
    auto_buf out = {0}, long_label = {0};

    (void)state;
    assert_int_equal(parse(message, sizeof(message) - 1, &query), 0);
    dns_write_answer(&out, &query, &(struct dns_answer){.ttl_seconds = 60, .target = "ip.x"});
    assert_memory_equal(out.data + out.size - 8, "\x00\x06\x02ip\x01x\x00", 8);
    dns_write_answer(&long_label, &query,
                     &(struct dns_answer){.target =
                                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                              "aaaaaaaaaaaaaaaaa"});
    assert_true(long_label.failed);
}

static void reverse_names_have_an_address_or_a_part_of_one(void **state)
{
    uint32_t address;

    (void)state;
    assert_int_equal(dns_parse_reverse("9.1.0.10.in-addr.arpa", &address), 4);
    assert_int_equal(address, 10 << 24 | 1 << 8 | 9);
    assert_int_equal(dns_parse_reverse("0.10.in-addr.arpa", &address), 2);
    assert_int_equal(dns_parse_reverse("in-addr.arpa", &address), 0);
    assert_int_equal(dns_parse_reverse("9.1.0.256.in-addr.arpa", &address), 0);
    assert_int_equal(dns_parse_reverse("09.1.0.10.in-addr.arpa", &address), 0);
    assert_int_equal(dns_parse_reverse("1.9.1.0.10.in-addr.arpa", &address), 0);
    assert_int_equal(dns_parse_reverse("9.1.0.10.example", &address), 0);
}

static void a_frame_is_read_when_it_is_whole(void **state)
{
    static const uint8_t frames[] = {0, 3, 'a', 'b', 'c', 0, 1};
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(dns_read_frame(frames, i, &size), 0);
    assert_int_equal(dns_read_frame(frames, sizeof(frames), &size), 5);
    assert_int_equal(size, 3);
}

/* An alias and its address, as resolvers answer. */
static void an_answer_tells_the_address(void **state)
{
    static const char records[] =
        "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01"
        "b\xc0\x0e"
        "\x01"
        "b\xc0\x0e\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x09";
    auto_buf query = {0}, answer = {0};
    uint32_t address = 0;

    (void)state;
    dns_write_query(&query, 0x1234, "a.example");
    buf_append(&answer, query.data, query.size);
    buf_append(&answer, records, sizeof(records) - 1);
    answer.data[2] = (char)0x81;
    answer.data[7] = 2;
    const uint8_t *asked = (const uint8_t *)query.data, *heard = (const uint8_t *)answer.data;
    assert_int_equal(dns_read_answer(heard, answer.size, asked, query.size, &address, 1), 1);
    assert_int_equal(address, 0x0a000009);
    for (size_t size = 0; size < answer.size; size++)
        assert_int_equal(dns_read_answer(heard, size, asked, query.size, &address, 1), -1);
    query.data[0] ^= 1; /* another question's answer */
    assert_int_equal(dns_read_answer(heard, answer.size, asked, query.size, &address, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_read_in_lower_case),
        cmocka_unit_test(what_could_mislead_is_refused),
        cmocka_unit_test(an_answer_repeats_the_question),
        cmocka_unit_test(a_negative_answer_says_for_how_long),
        cmocka_unit_test(a_pointer_names_its_target),
        cmocka_unit_test(reverse_names_have_an_address_or_a_part_of_one),
        cmocka_unit_test(a_frame_is_read_when_it_is_whole),
        cmocka_unit_test(an_answer_tells_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
