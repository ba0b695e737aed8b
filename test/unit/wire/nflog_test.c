/* Logged packets as the kernel tells of them. */
#include "wire/nflog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A message with the prefix "eni-1 11" and a TCP SYN of 60 bytes, 10.0.0.5:1000 to 10.0.0.6:80. */
static const uint8_t syn[] = {
    0x50, 0,    0, 0,  0x00, 0x04, 0,    0, 0,   0,   0,   0,   0,    0,   0,    0, /* its size and
                                                                                       type */
    2,    0,    0, 1,  0x0d, 0,    10,   0, 'e', 'n', 'i', '-', '1',  ' ', '1',  '1',  0,
    0,    0,    0,    /* prefix */
    0x2c, 0,    9, 0, /* what there is of the packet */
    0x45, 0,    0, 60, 0,    0,    0x40, 0, 64,  6,   0,   0,   10,   0,   0,    5,    10,
    0,    0,    6, /* IPv4 */
    0x03, 0xe8, 0, 80, 0,    0,    0,    1, 0,   0,   0,   0,   0xa0, 2,   0xff, 0xff, 0,
    0,    0,    0, /* TCP */
};
enum { MESSAGE = sizeof syn, IP_AT = 40 };
_Static_assert(sizeof syn == 0x50, "the size that it says");

static void a_packet_is_read_with_its_prefix(void **state)
{
    struct nflog_packet packet;
    const uint8_t *at = syn;
    size_t left = sizeof syn;
    (void)state;
    assert_true(nflog_next(&at, &left, &packet));
    assert_string_equal(packet.prefix, "eni-1 11");
    assert_int_equal(packet.source, 10 << 24 | 5);
    assert_int_equal(packet.destination, 10 << 24 | 6);
    assert_int_equal(packet.source_port, 1000);
    assert_int_equal(packet.destination_port, 80);
    assert_int_equal(packet.protocol, 6);
    assert_int_equal(packet.tcp_flags, 2);
    assert_int_equal(packet.size, 60);
    assert_int_equal(left, 0);
    assert_false(nflog_next(&at, &left, &packet));
}

static void each_message_of_a_datagram_is_read(void **state)
{
    uint8_t datagram[3 * MESSAGE];
    struct nflog_packet packet;
    const uint8_t *at = datagram;
    size_t left = sizeof datagram;
    (void)state;
    for (int i = 0; i < 3; i++)
        memcpy(datagram + i * MESSAGE, syn, MESSAGE);
    datagram[MESSAGE + 4] = 3; /* the second one is of another type */
    assert_true(nflog_next(&at, &left, &packet));
    assert_true(nflog_next(&at, &left, &packet));
    assert_int_equal(left, 0);
}

static void a_later_fragment_has_no_ports(void **state)
{
    uint8_t message[MESSAGE];
    struct nflog_packet packet;
    const uint8_t *at = message;
    size_t left = sizeof message;
    (void)state;
    memcpy(message, syn, sizeof message);
    message[IP_AT + 7] = 1;
    assert_true(nflog_next(&at, &left, &packet));
    assert_int_equal(packet.source_port, 0);
    assert_int_equal(packet.destination_port, 0);
}

/* Whatever is cut off or lies about its size: nothing beyond the end is read. */
static void cut_and_lying_messages_are_harmless(void **state)
{
    uint8_t message[MESSAGE];
    struct nflog_packet packet;
    (void)state;
    for (size_t size = 0; size < sizeof message; size++) {
        const uint8_t *at = message;
        size_t left = size;
        memcpy(message, syn, sizeof message);
        message[0] = (uint8_t)size;
        while (nflog_next(&at, &left, &packet))
            assert_true(packet.size >= 20);
    }
    memcpy(message, syn, sizeof message);
    message[IP_AT] = 0x4f; /* a header of 60 bytes, of which there are 40 */
    const uint8_t *at = message;
    size_t left = sizeof message;
    assert_true(nflog_next(&at, &left, &packet));
    assert_int_equal(packet.destination_port, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read_with_its_prefix),
        cmocka_unit_test(each_message_of_a_datagram_is_read),
        cmocka_unit_test(a_later_fragment_has_no_ports),
        cmocka_unit_test(cut_and_lying_messages_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
