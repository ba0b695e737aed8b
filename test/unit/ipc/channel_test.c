#include "ipc/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct peer {
    struct channel *channel;
    bool answers; /* each message, at once */
    int messages, closes, descriptor;
    enum message_type type;
    size_t size;
    char *payload;
};

struct pair {
    struct loop *loop;
    int raw_fd; /* of api, for peers that misbehave */
    struct peer api, host;
};

static void on_message(struct channel *channel, enum message_type type, const void *payload,
                       size_t size, const int *descriptors, int descriptor_count)
{
    struct peer *peer = channel_owner(channel);
    peer->messages++;
    peer->type = type;
    peer->size = size;
    free(peer->payload);
    peer->payload = malloc(size);
    memcpy(peer->payload, payload, size);
    if (descriptor_count)
        peer->descriptor = descriptors[0];
    if (peer->answers)
        channel_send(channel, MESSAGE_USAGE, &(struct message_usage){0},
                     sizeof(struct message_usage), NULL, 0, NULL, 0);
}

static void on_close(struct channel *channel)
{
    struct peer *peer = channel_owner(channel);
    peer->closes++;
    channel_destroy(channel);
    peer->channel = NULL;
}

static const struct channel_handler handler = {on_message, on_close};

static int setup(void **state)
{
    struct err err;
    struct pair *pair = calloc(1, sizeof *pair);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    pair->loop = loop_create(&err);
    pair->raw_fd = dup(fds[0]);
    pair->api.channel =
        channel_create(pair->loop, fds[0], PROCESS_API, PROCESS_HOST, &handler, &pair->api, &err);
    pair->host.channel =
        channel_create(pair->loop, fds[1], PROCESS_HOST, PROCESS_API, &handler, &pair->host, &err);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    channel_destroy(pair->api.channel);
    channel_destroy(pair->host.channel);
    close(pair->raw_fd);
    loop_destroy(pair->loop);
    free(pair->api.payload);
    free(pair->host.payload);
    free(pair);
    return 0;
}

static void turn_until(struct pair *pair, const int *count, int wanted)
{
    struct err err;
    for (int turns = 0; *count < wanted && turns < 10000; turns++)
        assert_int_equal(loop_turn(pair->loop, 100, &err), 0);
    assert_int_equal(*count, wanted);
}

static void a_message_arrives_whole_with_its_tail(void **state)
{
    struct pair *pair = *state;
    struct message_id id = {"vpc-1"};
    size_t tail_size = 5 * 1000 * 1000; /* more than any socket buffer */
    char *tail = malloc(tail_size);
    memset(tail, 'x', tail_size);
    assert_int_equal(channel_send(pair->api.channel, MESSAGE_FABRIC_DELETE, &id, sizeof id, tail,
                                  tail_size, NULL, 0),
                     0);
    turn_until(pair, &pair->host.messages, 1);
    assert_int_equal(pair->host.type, MESSAGE_FABRIC_DELETE);
    assert_int_equal(pair->host.size, sizeof id + tail_size);
    assert_string_equal(pair->host.payload, "vpc-1");
    assert_memory_equal(pair->host.payload + sizeof id, tail, tail_size);
    free(tail);
}

static void a_message_against_its_direction_cuts_the_peer_off(void **state)
{
    struct pair *pair = *state;
    struct message_hello hello = {0};
    channel_send(pair->api.channel, MESSAGE_HOST_HELLO, &hello, sizeof hello, NULL, 0, NULL, 0);
    turn_until(pair, &pair->host.closes, 1);
    assert_int_equal(pair->host.messages, 0);
}

static void a_message_shorter_than_its_struct_cuts_the_peer_off(void **state)
{
    struct pair *pair = *state;
    channel_send(pair->api.channel, MESSAGE_FABRIC_DELETE, "x", 1, NULL, 0, NULL, 0);
    turn_until(pair, &pair->host.closes, 1);
    assert_int_equal(pair->host.messages, 0);
}

static void noise_cuts_the_peer_off(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(write(pair->raw_fd, "this is not a frame header at all", 33), 33);
    turn_until(pair, &pair->host.closes, 1);
}

static void a_peer_that_ends_is_reported_once(void **state)
{
    struct pair *pair = *state;
    channel_destroy(pair->api.channel);
    pair->api.channel = NULL;
    shutdown(pair->raw_fd, SHUT_RDWR);
    turn_until(pair, &pair->host.closes, 1);
}

static void what_a_peer_said_last_is_read_although_it_cannot_be_answered(void **state)
{
    struct pair *pair = *state;
    struct message_id id = {"i-1"};
    struct err err;
    pair->host.answers = true;
    close(pair->raw_fd);
    pair->raw_fd = -1;
    for (int i = 0; i < 3; i++)
        channel_send(pair->api.channel, MESSAGE_INSTANCE_REMOVE, &id, sizeof id, NULL, 0, NULL, 0);
    channel_destroy(pair->api.channel);
    pair->api.channel = NULL;
    while (!pair->host.closes)
        assert_true(loop_turn(pair->loop, 1000, &err) >= 0);
    assert_int_equal(pair->host.messages, 3);
}

static void descriptors_travel_with_their_message(void **state)
{
    struct pair *pair = *state;
    struct err err;
    int fds[2], pipe_fds[2];
    struct peer balancer = {0}, host = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    host.channel =
        channel_create(pair->loop, fds[0], PROCESS_HOST, PROCESS_BALANCER, &handler, &host, &err);
    balancer.channel = channel_create(pair->loop, fds[1], PROCESS_BALANCER, PROCESS_HOST, &handler,
                                      &balancer, &err);
    struct message_listener listener = {0};
    channel_send(host.channel, MESSAGE_LISTENER, &listener, sizeof listener, NULL, 0, &pipe_fds[1],
                 1);
    close(pipe_fds[1]);
    turn_until(pair, &balancer.messages, 1);
    char byte = 0;
    assert_int_equal(write(balancer.descriptor, "!", 1), 1);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(byte, '!');
    close(balancer.descriptor);
    close(pipe_fds[0]);
    channel_destroy(host.channel);
    channel_destroy(balancer.channel);
    free(balancer.payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_arrives_whole_with_its_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_against_its_direction_cuts_the_peer_off, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_message_shorter_than_its_struct_cuts_the_peer_off, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(noise_cuts_the_peer_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_ends_is_reported_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_peer_said_last_is_read_although_it_cannot_be_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_travel_with_their_message, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
