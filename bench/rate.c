/*
 * usage: bench-rate [--tls] [--http2] [--hold] [--rate N] [--seconds S] [--connections N]
 * [--streams N] PORT PATH Prints one line of JSON: requests, errors, how many were asked for, and
 * latencies in microseconds.
 * --hold: asks once on each connection, says so, and keeps them until it is ended.
 */
#include "rate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_S = 5, HOT_SIZE = 262144, REFUSED_MAX = 4096 };

static const int64_t SECOND_NS = 1000000000;

static struct options options = {.connections = 64, .streams = 1, .seconds = 3, .path = "/"};
static struct connection *connections;
static SSL_CTX *tls_context;
static int loop;
static char hot[HOT_SIZE];
/* Room for a request: one entry for each that a connection can still take, first in first out. */
static struct connection **slots;
static size_t slot_count, slot_first, slot_capacity;
static int64_t *latencies;
static int64_t refused[REFUSED_MAX];
static int refused_count;
static size_t asked, done, errors, latency_capacity;

void fail(const char *what)
{
    fprintf(stderr, "bench-rate: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void add_slot(struct connection *connection)
{
    slots[(slot_first + slot_count++) % slot_capacity] = connection;
}

void request_done(struct connection *connection, int64_t due_ns, bool ok)
{
    if (done == latency_capacity) {
        latency_capacity = latency_capacity ? 2 * latency_capacity : 1 << 16;
        latencies = realloc(latencies, latency_capacity * sizeof *latencies);
        if (!latencies)
            fail("out of memory");
    }
    latencies[done++] = now_ns() - due_ns;
    errors += !ok;
    connection->out--;
    add_slot(connection);
}

void request_refused(struct connection *connection, int64_t due_ns)
{
    if (refused_count == REFUSED_MAX)
        fail("too many requests were refused");
    refused[refused_count++] = due_ns;
    connection->out--;
    add_slot(connection);
}

void connection_send(struct connection *connection, const void *data, size_t size)
{
    bool sent = connection->tls ? SSL_write(connection->tls, data, (int)size) == (int)size
                                : send(connection->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
    if (!sent)
        fail("a request could not be sent");
}

static void handshake(struct connection *connection)
{
    const char *protocol = options.http2 ? http2_protocol : http1_protocol;
    connection->tls = SSL_new(tls_context);
    SSL_set_fd(connection->tls, connection->fd);
    SSL_set_alpn_protos(connection->tls, (const unsigned char *)protocol,
                        (unsigned)strlen(protocol));
    if (SSL_connect(connection->tls) != 1)
        fail("TLS handshake");
    const unsigned char *chosen;
    unsigned size;
    SSL_get0_alpn_selected(connection->tls, &chosen, &size);
    if (options.http2 && size != 2)
        fail("no HTTP/2");
}

static void open_connection(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    *connection = (struct connection){.fd = socket(AF_INET, SOCK_STREAM, 0), .options = &options};
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
    if (options.tls)
        handshake(connection);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(loop, EPOLL_CTL_ADD, connection->fd, &event);
    if (options.http2)
        http2_begin(connection);
}

/* Requests that were out on it are lost, and are errors. */
static void reopen(struct connection *connection)
{
    while (connection->out)
        request_done(connection, now_ns(), false);
    if (connection->session)
        http2_end(connection);
    SSL_free(connection->tls);
    close(connection->fd);
    open_connection(connection);
}

static ssize_t receive(struct connection *connection)
{
    if (!connection->tls)
        return recv(connection->fd, hot, sizeof hot, 0);
    int got = SSL_read(connection->tls, hot, sizeof hot);
    if (got > 0)
        return got;
    errno = SSL_get_error(connection->tls, got) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    ERR_clear_error();
    return -1;
}

static void on_readable(struct connection *connection)
{
    for (;;) {
        ssize_t got = receive(connection);
        if (got < 0 && errno == EAGAIN)
            return;
        bool stays = got > 0 && (options.http2 ? http2_received(connection, hot, (size_t)got)
                                               : http1_received(connection, hot, (size_t)got));
        if (!stays) {
            reopen(connection);
            return;
        }
        if (!connection->tls && (size_t)got < sizeof hot)
            return;
    }
}

static void send_request(struct connection *connection, int64_t due_ns)
{
    connection->out++;
    if (options.http2)
        http2_request(connection, due_ns);
    else
        http1_request(connection, due_ns);
}

/* A connection that can take a request; NULL if none can now. */
static struct connection *take_slot(void)
{
    for (size_t tries = slot_count; tries; tries--) {
        struct connection *connection = slots[slot_first];
        slot_first = (slot_first + 1) % slot_capacity;
        slot_count--;
        if (options.http2 && !http2_is_open(connection) && !connection->out)
            reopen(connection);
        if (!options.http2 || http2_is_open(connection))
            return connection;
        add_slot(connection);
    }
    return NULL;
}

static int64_t next_due_ns(int64_t start_ns)
{
    if (refused_count)
        return refused[refused_count - 1];
    return options.rate > 0 ? start_ns + (int64_t)((double)asked * 1e9 / options.rate) : 0;
}

/* Sends what is due, as far as connections take it; returns when the next is due, -1 at the end. */
static int64_t send_due(int64_t start_ns, int64_t end_ns)
{
    for (;;) {
        int64_t now = now_ns(), due = next_due_ns(start_ns);
        if (!due)
            due = now;
        if (due >= end_ns || now >= end_ns + GRACE_S * SECOND_NS)
            return -1;
        if (due > now)
            return due;
        struct connection *connection = take_slot();
        if (!connection)
            return now + SECOND_NS;
        if (refused_count)
            refused_count--;
        else
            asked++;
        send_request(connection, due);
    }
}

static void wait_until(int64_t moment_ns)
{
    struct epoll_event events[256];
    int64_t left = moment_ns - now_ns();
    struct timespec timeout = {left > 0 ? left / SECOND_NS : 0, left > 0 ? left % SECOND_NS : 0};
    int count = epoll_pwait2(loop, events, 256, &timeout, NULL);
    for (int i = 0; i < count; i++)
        on_readable(events[i].data.ptr);
}

static void run(void)
{
    int64_t start_ns = now_ns(), end_ns = start_ns + (int64_t)(options.seconds * 1e9), next;
    while ((next = send_due(start_ns, end_ns)) >= 0)
        wait_until(next);
    for (int64_t last_ns = now_ns() + GRACE_S * SECOND_NS; done < asked && now_ns() < last_ns;)
        wait_until(last_ns);
}

static void hold(void)
{
    for (int i = 0; i < options.connections; i++) {
        send_request(&connections[i], now_ns());
        while (done <= (size_t)i)
            wait_until(now_ns() + SECOND_NS);
    }
    puts("holding");
    fflush(stdout);
    pause();
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double share)
{
    return (double)latencies[(size_t)((double)(done - 1) * share)] / 1000;
}

static void report(void)
{
    if (!done)
        fail("no answer at all");
    qsort(latencies, done, sizeof *latencies, by_size);
    printf("{\"requests\": %zu, \"errors\": %zu, \"asked\": %zu, \"p50\": %.1f, \"p99\": %.1f, "
           "\"p999\": %.1f, \"max\": %.1f}\n",
           done, errors, asked, percentile_us(.5), percentile_us(.99), percentile_us(.999),
           percentile_us(1));
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"tls", no_argument, NULL, 't'},           {"http2", no_argument, NULL, '2'},
        {"hold", no_argument, NULL, 'h'},          {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'}, {"connections", required_argument, NULL, 'c'},
        {"streams", required_argument, NULL, 'm'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        options.tls |= option == 't';
        options.http2 |= option == '2';
        options.hold |= option == 'h';
        if (option == 'r')
            options.rate = strtod(optarg, NULL);
        else if (option == 's')
            options.seconds = strtod(optarg, NULL);
        else if (option == 'c')
            options.connections = (int)strtol(optarg, NULL, 10);
        else if (option == 'm')
            options.streams = (int)strtol(optarg, NULL, 10);
        else if (option == '?')
            exit(2);
    }
    if (argc - optind != 2 || options.connections < 1 || options.streams < 1 ||
        (options.streams > 1 && !options.http2))
        fail("usage: see the beginning of rate.c");
    options.port = (int)strtol(argv[optind], NULL, 10);
    options.path = argv[optind + 1];
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    read_options(argc, argv);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    loop = epoll_create1(0);
    tls_context = SSL_CTX_new(TLS_client_method());
    slot_capacity = (size_t)options.connections * (size_t)options.streams;
    slots = calloc(slot_capacity, sizeof *slots);
    connections = calloc((size_t)options.connections, sizeof *connections);
    if (!slots || !connections || !tls_context)
        fail("out of memory");
    for (int i = 0; i < options.connections; i++) {
        open_connection(&connections[i]);
        for (int k = 0; k < options.streams && !options.hold; k++)
            add_slot(&connections[i]);
    }
    if (options.hold)
        hold();
    run();
    report();
}
