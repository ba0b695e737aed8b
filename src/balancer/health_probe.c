#include "balancer/health_probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

enum { STEP_SIZE = 4096 };

static struct health_probe *probe_of(struct target_socket *target_socket)
{
    return container_of(target_socket, struct health_probe, socket);
}

static uint16_t port_of(const struct health_probe *probe)
{
    return probe->settings->port ? probe->settings->port : probe->target->port;
}

void health_probe_authority(const struct health_probe *probe, char out[HEALTH_AUTHORITY_SIZE])
{
    char address[INET_ADDRSTRLEN];
    struct in_addr number = {htonl(probe->target->address)};
    inet_ntop(AF_INET, &number, address, sizeof address);
    snprintf(out, HEALTH_AUTHORITY_SIZE, "%s:%u", address, port_of(probe));
}

/* ---- the verdict ---- */

void health_probe_stop(struct health_probe *probe)
{
    if (!probe->running)
        return;
    probe->running = false;
    target_socket_close(&probe->socket, probe->worker);
    if (probe->http2)
        health_http2_end(probe);
    bytes_reset(&probe->in);
    bytes_reset(&probe->out);
}

void health_probe_end(struct health_probe *probe, int reason, int detail)
{
    health_probe_stop(probe);
    probe->verdict(probe, reason, detail);
}

void health_probe_judge(struct health_probe *probe, int status)
{
    const struct health_settings *settings = probe->settings;
    unsigned at = (unsigned)status - (settings->version == TARGETS_GRPC ? 0 : 200);
    probe->status = status;
    bool sound = at < 8 * sizeof settings->matcher && settings->matcher[at / 8] >> at % 8 & 1;
    health_probe_end(probe, sound ? REASON_NONE : REASON_RESPONSE_CODE_MISMATCH,
                     sound ? 0 : status);
}

/* ---- HTTP/1.1 ---- */

static void send_request(struct health_probe *probe)
{
    char authority[HEALTH_AUTHORITY_SIZE], text[2048];
    health_probe_authority(probe, authority);
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                        "User-Agent: ELB-HealthChecker/2.0\r\n"
                        "Accept-Encoding: gzip, compressed\r\n\r\n",
                        probe->settings->path, authority);
    struct iovec piece = {text, (size_t)size};
    if (bytes_send(&probe->out, &probe->socket.transport, &piece, 1) < 0)
        health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
}

/* Interim responses are passed over. Whether the probe goes on. */
static bool read_head(struct health_probe *probe, bool ended)
{
    for (;;) {
        struct http1_head head;
        int used =
            http1_parse_response(bytes_at(&probe->in), bytes_size(&probe->in), 0, false, &head);
        if (used == HTTP1_MORE && !ended)
            return true;
        if (used == HTTP1_MORE || used == HTTP1_BAD) {
            health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
            return false;
        }
        if (head.status >= 200) {
            health_probe_judge(probe, head.status);
            return false;
        }
        bytes_consume(&probe->in, (size_t)used);
    }
}

static void read_response(struct health_probe *probe)
{
    while (probe->socket.transport.readable) {
        if (!bytes_reserve(&probe->in, STEP_SIZE)) {
            health_probe_end(probe, REASON_INTERNAL_ERROR, 0);
            return;
        }
        ssize_t got =
            transport_receive(&probe->socket.transport, probe->in.data + probe->in.end, STEP_SIZE);
        if (got < 0)
            return;
        probe->in.end += (uint32_t)got;
        if (!read_head(probe, got == 0))
            return;
    }
}

/* ---- the connection ---- */

static void on_reached(struct target_socket *target_socket)
{
    (void)target_socket; /* the timeout of the whole check goes on */
}

static void on_connected(struct target_socket *target_socket)
{
    struct health_probe *probe = probe_of(target_socket);
    if (probe->settings->version == TARGETS_HTTP1)
        send_request(probe);
    else if (!health_http2_begin(probe))
        health_probe_end(probe, REASON_INTERNAL_ERROR, 0);
}

static void on_failed(struct target_socket *target_socket)
{
    health_probe_end(probe_of(target_socket), REASON_FAILED_HEALTH_CHECKS, 0);
}

static void on_event(struct target_socket *target_socket, uint32_t events)
{
    struct health_probe *probe = probe_of(target_socket);
    if ((events & EPOLLOUT) && bytes_flush(&probe->out, &target_socket->transport) < 0)
        health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
    else if (probe->http2)
        health_http2_readable(probe);
    else
        read_response(probe);
}

void health_probe_start(struct health_probe *probe, int fd)
{
    static const struct target_socket_ops ops = {
        .reached = on_reached,
        .connected = on_connected,
        .failed = on_failed,
        .event = on_event,
    };
    const struct target_route route = {
        .address = probe->target->address,
        .port = port_of(probe),
        .tls = probe->settings->tls,
        .http2 = probe->settings->version != TARGETS_HTTP1,
        .session = &probe->session,
    };
    probe->socket = (struct target_socket){.ops = &ops, .watch = {.fd = -1}};
    probe->running = true;
    if (fd < 0)
        health_probe_end(probe, REASON_INTERNAL_ERROR, 0);
    else if (!target_socket_connect(&probe->socket, probe->worker, &route, fd))
        health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
}
