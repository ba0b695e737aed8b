/* The balancer as its process runs it in the cloud: this test is the host process and the client.
 */
#include "balancer/balancer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS_MAX = 2000, TURN_MS = 10 };

static const char *const config =
    "{\"HostAddress\": \"100.64.0.1\", \"LoadBalancers\": [{\"Name\": \"app/a/1\","
    " \"DNSName\": \"A-1.elb.localhost\", \"Vpc\": \"vpc-1\", \"Attributes\": {},"
    " \"Nodes\": [{\"Address\": \"127.0.0.2\", \"AvailabilityZone\": \"us-east-1a\"}],"
    " \"AllowedSources\": [{\"Cidr\": \"%s\", \"FromPort\": 80, \"ToPort\": 80}],"
    " \"Listeners\": [{\"Protocol\": \"HTTP\", \"Port\": 80, \"DefaultActions\":"
    "   [{\"Type\": \"forward\", \"TargetGroupArn\": \"arn:t\"}]}]}],"
    " \"TargetGroups\": [{\"TargetGroupArn\": \"arn:t\", \"Name\": \"targetgroup/t/2\","
    "   \"Protocol\": \"HTTP\", \"Port\": 3000, \"Attributes\": {%s}, \"Targets\": [%s]}]}";

static struct world {
    struct loop *loop;
    struct channel *ours, *theirs; /* the host's end and the balancer's */
    struct balancer *balancer;
    struct sockaddr_in shared, node; /* where the listeners really are */
    int listeners, sockets;          /* that were asked for */
    int kept;                        /* listeners that were given back */
    int target_fd;
    uint16_t target_port;
    struct target_health health;
    const char *attributes; /* of the target group */
    uint64_t requests, answers_2xx, connections, non_sticky, unhealthy_routing;
    char zone[ID_SIZE];
} world;

static int listen_somewhere(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_return_code(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_return_code(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)address, &size);
    return fd;
}

static void open_listener(const struct message_endpoint *endpoint)
{
    struct message_listener message = {.endpoint = *endpoint};
    int fd = listen_somewhere(endpoint->vpc[0] ? &world.node : &world.shared);
    world.listeners++;
    channel_send(world.ours, MESSAGE_LISTENER, &message, sizeof message, NULL, 0, &fd, 1);
    close(fd);
}

static void open_sockets(const struct message_sockets *message)
{
    int fds[MESSAGE_DESCRIPTORS_MAX];
    assert_string_equal(message->vpc, "vpc-1");
    assert_int_equal(message->address, 0x7f000002);
    for (uint32_t i = 0; i < message->count; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    channel_send(world.ours, MESSAGE_SOCKETS, message, sizeof *message, NULL, 0, fds,
                 (int)message->count);
    for (uint32_t i = 0; i < message->count; i++)
        close(fds[i]);
    world.sockets += (int)message->count;
}

static void on_host_message(struct channel *channel, enum message_type type, const void *payload,
                            size_t size, const int *descriptors, int descriptor_count)
{
    (void)channel, (void)size;
    for (int i = 0; i < descriptor_count; i++)
        close(descriptors[i]);
    if (type == MESSAGE_OPEN_LISTENER)
        open_listener(payload);
    else if (type == MESSAGE_KEEP_LISTENER)
        world.kept += descriptor_count;
    else if (type == MESSAGE_OPEN_SOCKETS)
        open_sockets(payload);
}

static void on_balancer_message(struct channel *channel, enum message_type type,
                                const void *payload, size_t size, const int *descriptors,
                                int descriptor_count)
{
    (void)channel;
    balancer_receive(world.balancer, type, payload, size, descriptors, descriptor_count);
}

static void on_close(struct channel *channel)
{
    (void)channel;
}

static void report_health(const struct target_health *rows, int count, void *owner)
{
    (void)owner;
    if (count)
        world.health = rows[count - 1];
}

static void report_traffic(const struct traffic *rows, int count, void *owner)
{
    (void)owner;
    for (int i = 0; i < count; i++) {
        world.requests += rows[i].requests;
        world.answers_2xx += rows[i].target_status[2];
        world.connections += rows[i].new_connections;
        world.non_sticky += rows[i].non_sticky_requests;
        world.unhealthy_routing += rows[i].unhealthy_routing_requests;
        memcpy(world.zone, rows[i].zone, sizeof world.zone);
    }
}

static void turn_until(bool (*done)(void))
{
    struct err err;
    for (int i = 0; i < TURNS_MAX && !done(); i++)
        assert_return_code(loop_turn(world.loop, TURN_MS, &err), 0);
    assert_true(done());
}

/* A host process starts. */
static void start_host(void)
{
    static const struct channel_handler host = {on_host_message, on_close};
    static const struct channel_handler balancer = {on_balancer_message, on_close};
    struct err err;
    int fds[2];
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world.ours =
        channel_create(world.loop, fds[0], PROCESS_HOST, PROCESS_BALANCER, &host, NULL, &err);
    world.theirs =
        channel_create(world.loop, fds[1], PROCESS_BALANCER, PROCESS_HOST, &balancer, NULL, &err);
    balancer_set_host(world.balancer, world.theirs);
}

static void end_host(void)
{
    balancer_set_host(world.balancer, NULL);
    channel_destroy(world.ours);
    channel_destroy(world.theirs);
}

static int setup(void **state)
{
    struct balancer_options options = {.workers = 2,
                                       .cloud = true,
                                       .report_health = report_health,
                                       .report_traffic = report_traffic};
    struct sockaddr_in address;
    struct err err;
    (void)state;
    world = (struct world){.attributes = ""};
    world.loop = loop_create(&err);
    world.balancer = balancer_create(world.loop, &options, &err);
    assert_non_null(world.balancer);
    start_host();
    world.target_fd = listen_somewhere(&address);
    world.target_port = ntohs(address.sin_port);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    balancer_destroy(world.balancer);
    channel_destroy(world.ours);
    channel_destroy(world.theirs);
    loop_destroy(world.loop);
    close(world.target_fd);
    return 0;
}

/* Answers every request that waits at the target. */
static void serve(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static int fds[64], count;
    char data[4096];
    int fd = accept4(world.target_fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd >= 0 && count < 64)
        fds[count++] = fd;
    for (int i = 0; i < count; i++) {
        ssize_t got = fds[i] < 0 ? -1 : recv(fds[i], data, sizeof data, 0);
        if (got > 0)
            assert_int_equal(send(fds[i], answer, sizeof answer - 1, MSG_NOSIGNAL),
                             sizeof answer - 1);
        if (got == 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
}

static bool is_healthy(void)
{
    serve();
    return world.health.state == TARGET_HEALTHY && world.listeners == 2;
}

static void configure(const char *source, const char *more)
{
    char target[256], text[4096];
    struct err err = {0};
    snprintf(target, sizeof target,
             "{\"Id\": \"i-1\", \"Address\": \"127.0.0.1\", \"Port\": %u,"
             " \"AvailabilityZone\": \"us-east-1a\"%s}",
             world.target_port, more);
    int size = snprintf(text, sizeof text, config, source, world.attributes, target);
    if (balancer_configure(world.balancer, text, (size_t)size, &err) < 0)
        fail_msg("%s", err.text);
}

static int client_fd;
static char reply[1024];
static size_t reply_size;

static void ask(const struct sockaddr_in *where, const char *host)
{
    char request[256];
    int size = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    client_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(connect(client_fd, (const struct sockaddr *)where, sizeof *where), 0);
    assert_int_equal(send(client_fd, request, (size_t)size, 0), size);
    reply_size = 0;
}

static bool is_answered(void)
{
    serve();
    ssize_t got = recv(client_fd, reply, sizeof reply - 1, MSG_DONTWAIT);
    if (got > 0) {
        reply_size = (size_t)got;
        reply[got] = 0;
    }
    return reply_size > 0;
}

static bool is_counted(void)
{
    return world.requests > 0;
}

static void requests_reach_targets_through_sockets_of_the_host(void **state)
{
    (void)state;
    configure("100.64.0.0/10", "");
    turn_until(is_healthy);
    assert_string_equal(world.health.target, "i-1");
    assert_string_equal(world.health.target_group, "targetgroup/t/2");
    ask(&world.shared, "a-1.ELB.localhost:80");
    turn_until(is_answered);
    assert_non_null(strstr(reply, "200 OK"));
    close(client_fd);
    ask(&world.node, "anything");
    turn_until(is_answered);
    assert_non_null(strstr(reply, "200 OK"));
    close(client_fd);
    assert_true(world.sockets > 0);
    turn_until(is_counted);
    assert_string_equal(world.zone, "us-east-1a");
    assert_int_equal(world.answers_2xx, world.requests);
}

static void requests_of_an_open_group_and_of_new_clients_are_counted(void **state)
{
    (void)state;
    world.attributes =
        "\"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count\": \"2\","
        "\"target_group_health.dns_failover.minimum_healthy_targets.count\": \"off\","
        "\"stickiness.enabled\": \"true\"";
    configure("100.64.0.0/10", "");
    turn_until(is_healthy);
    ask(&world.node, "anything");
    turn_until(is_answered);
    assert_non_null(strstr(reply, "Set-Cookie: AWSALB="));
    close(client_fd);
    turn_until(is_counted);
    assert_int_equal(world.unhealthy_routing, 1);
    assert_int_equal(world.non_sticky, 1);
}

static bool host_has_waited(void)
{
    static int turns;
    is_answered();
    return ++turns > 20;
}

static void a_source_that_no_group_allows_gets_no_answer(void **state)
{
    (void)state;
    configure("10.0.0.0/8", "");
    turn_until(is_healthy);
    ask(&world.shared, "a-1.elb.localhost");
    turn_until(host_has_waited);
    assert_int_equal(reply_size, 0);
    close(client_fd);
}

static bool is_kept(void)
{
    return world.kept == 2;
}

static void a_host_that_starts_anew_gets_the_listeners_that_are_open(void **state)
{
    (void)state;
    configure("0.0.0.0/0", "");
    turn_until(is_healthy);
    end_host();
    start_host();
    turn_until(is_kept);
    assert_int_equal(world.listeners, 2); /* it was not asked for others */
}

static bool is_draining(void)
{
    return world.health.state == TARGET_DRAINING;
}

static void a_draining_target_is_told_and_gets_nothing(void **state)
{
    (void)state;
    configure("0.0.0.0/0", "");
    turn_until(is_healthy);
    configure("0.0.0.0/0", ", \"Draining\": true");
    turn_until(is_draining);
    ask(&world.shared, "a-1.elb.localhost");
    turn_until(is_answered);
    assert_non_null(strstr(reply, "503 Service Temporarily Unavailable"));
    close(client_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_reach_targets_through_sockets_of_the_host, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_of_an_open_group_and_of_new_clients_are_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_that_no_group_allows_gets_no_answer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_host_that_starts_anew_gets_the_listeners_that_are_open,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_draining_target_is_told_and_gets_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
