#include "wire/cbor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cbor_reader reader_of(const char *bytes, size_t size)
{
    return (struct cbor_reader){.data = (const uint8_t *)bytes, .size = size};
}

#define READER(literal) reader_of(literal, sizeof(literal) - 1)

static void what_is_written_is_read(void **state)
{
    (void)state;
    auto_buf out = {0};
    const int64_t integers[] = {0, 23, 24, 255, 256, 65536, INT64_MAX, -1, -24, -25, INT64_MIN};
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
        cbor_put_integer(&out, integers[i]);
    cbor_put_double(&out, -1.5);
    cbor_put_text(&out, "hi", 2);
    struct cbor_reader reader = reader_of(out.data, out.size);
    struct cbor_item item;
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        assert_int_equal(cbor_next(&reader, &item), 0);
        assert_true(item.kind == CBOR_INTEGER && item.integer == integers[i]);
    }
    assert_int_equal(cbor_next(&reader, &item), 0);
    assert_true(item.kind == CBOR_FLOAT && item.number == -1.5);
    assert_int_equal(cbor_next(&reader, &item), 0);
    assert_true(item.kind == CBOR_TEXT && item.size == 2);
    assert_int_equal(reader.at, reader.size);
}

static void half_floats_and_indefinite_strings_are_read(void **state)
{
    (void)state;
    struct cbor_item item;
    struct cbor_reader half = READER("\xf9\x3e\x00\xf9\x7c\x00\xf9\x00\x01");
    cbor_next(&half, &item);
    assert_true(item.number == 1.5);
    cbor_next(&half, &item);
    assert_true(isinf(item.number));
    cbor_next(&half, &item);
    assert_true(item.number == ldexp(1, -24));

    struct cbor_reader chunks = READER("\x7f\x62hi\x61!\xff");
    auto_buf text = {0};
    assert_int_equal(cbor_next(&chunks, &item), 0);
    assert_int_equal(cbor_string(&chunks, &item, &text), 0);
    assert_string_equal(text.data, "hi!");
}

static void lies_about_sizes_are_refused(void **state)
{
    (void)state;
    struct cbor_item item;
    struct cbor_reader lies[] = {READER("\x62h"),
                                 READER("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
                                 READER("\x9a\x00\x01\x00\x00"),
                                 READER("\x1c"),
                                 READER("\x18"),
                                 READER("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
                                 READER("\xf8\x18"),
                                 READER("")};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        assert_int_equal(cbor_next(&lies[i], &item), -1);
}

static void skipping_has_a_depth_limit(void **state)
{
    (void)state;
    char nested[200];
    memset(nested, 0x81, sizeof(nested)); /* arrays of one array */
    struct cbor_item item;
    struct cbor_reader reader = reader_of(nested, sizeof(nested));
    assert_int_equal(cbor_next(&reader, &item), 0);
    assert_int_equal(cbor_skip(&reader, &item), -1);
    struct cbor_reader map = READER("\xbf\x61"
                                    "a\x9f\x01\xff\x61"
                                    "b\xc1\x02\xff\x07");
    cbor_next(&map, &item);
    assert_int_equal(cbor_skip(&map, &item), 0);
    cbor_next(&map, &item);
    assert_int_equal(item.integer, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(half_floats_and_indefinite_strings_are_read),
        cmocka_unit_test(lies_about_sizes_are_refused),
        cmocka_unit_test(skipping_has_a_depth_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
