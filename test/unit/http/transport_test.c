/* Bytes over one socket, as an edge-triggered owner sees them. */
#include "http/transport.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    struct transport transport;
    int peer;
};

static struct pair make_pair(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    return (struct pair){{.fd = fds[0]}, fds[1]};
}

static void close_pair(struct pair *pair)
{
    transport_close(&pair->transport);
    close(pair->peer);
}

/* Nothing is asked of the kernel before it said that there is something. */
static void a_short_read_waits_for_the_next_event(void **state)
{
    (void)state;
    char data[16];
    struct pair pair = make_pair();
    assert_int_equal(write(pair.peer, "abc", 3), 3);
    assert_int_equal(transport_receive(&pair.transport, data, sizeof data), -1);
    transport_event(&pair.transport, EPOLLIN);
    assert_int_equal(transport_receive(&pair.transport, data, sizeof data), 3);
    assert_false(pair.transport.readable);
    close_pair(&pair);
}

static void after_a_hangup_reading_goes_on_to_the_end(void **state)
{
    (void)state;
    char data[16];
    struct pair pair = make_pair();
    assert_int_equal(write(pair.peer, "abc", 3), 3);
    shutdown(pair.peer, SHUT_WR);
    transport_event(&pair.transport, EPOLLIN | EPOLLRDHUP);
    assert_int_equal(transport_receive(&pair.transport, data, sizeof data), 3);
    assert_true(pair.transport.readable);
    assert_int_equal(transport_receive(&pair.transport, data, sizeof data), 0);
    close_pair(&pair);
}

static void a_full_socket_takes_nothing_and_a_broken_one_says_so(void **state)
{
    (void)state;
    static char data[65536];
    struct pair pair = make_pair();
    struct iovec pieces[2] = {{data, sizeof data}, {data, sizeof data}};
    ssize_t sent;
    while ((sent = transport_send(&pair.transport, pieces, 2)) > 0)
        ;
    assert_int_equal(sent, 0);
    close(pair.peer);
    assert_int_equal(transport_send(&pair.transport, pieces, 1), -1);
    transport_close(&pair.transport);
}

static void shutting_down_ends_one_side_only(void **state)
{
    (void)state;
    char data[16];
    struct pair pair = make_pair();
    transport_shutdown(&pair.transport);
    assert_int_equal(read(pair.peer, data, sizeof data), 0);
    assert_int_equal(write(pair.peer, "abc", 3), 3);
    transport_event(&pair.transport, EPOLLIN);
    assert_int_equal(transport_receive(&pair.transport, data, sizeof data), 3);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_read_waits_for_the_next_event),
        cmocka_unit_test(after_a_hangup_reading_goes_on_to_the_end),
        cmocka_unit_test(a_full_socket_takes_nothing_and_a_broken_one_says_so),
        cmocka_unit_test(shutting_down_ends_one_side_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
