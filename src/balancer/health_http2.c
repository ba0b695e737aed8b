/* Health checks over HTTP/2: a GET, or one gRPC call. */
#include "balancer/health_probe.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_SIZE = 16384,
    RECEIVED_MAX = 262144, /* of an answer: then it is none */
};

struct health_http2 {
    nghttp2_session *session;
    size_t received;
    size_t message_left; /* of the gRPC call */
    int status, grpc_status;
    bool ended; /* the response */
};

static bool is_grpc(const struct health_probe *probe)
{
    return probe->settings->version == TARGETS_GRPC;
}

/* At most three digits; -1 for anything else. */
static int number_of(const uint8_t *value, size_t size)
{
    int number = size && size <= 3 ? 0 : -1;
    for (size_t i = 0; number >= 0 && i < size; i++)
        number = value[i] >= '0' && value[i] <= '9' ? 10 * number + (value[i] - '0') : -1;
    return number;
}

static bool is_name(const uint8_t *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

/* ---- what nghttp2 tells ---- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *owner)
{
    struct health_probe *probe = owner;
    struct health_http2 *http2 = probe->http2;
    (void)session;
    (void)frame;
    (void)flags;
    if (is_name(name, name_size, ":status"))
        http2->status = number_of(value, value_size);
    else if (is_name(name, name_size, "grpc-status"))
        http2->grpc_status = number_of(value, value_size);
    probe->has_empty_status |= !value_size && is_name(name, name_size, "grpc-status");
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *owner)
{
    (void)session;
    (void)stream;
    (void)error;
    ((struct health_probe *)owner)->http2->ended = true;
    return 0;
}

/* The message of the call is empty: a frame of five zeros. */
static ssize_t read_message(nghttp2_session *session, int32_t stream, uint8_t *data, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    struct health_http2 *http2 = ((struct health_probe *)owner)->http2;
    size_t part = http2->message_left < size ? http2->message_left : size;
    (void)session;
    (void)stream;
    (void)source;
    memset(data, 0, part);
    http2->message_left -= part;
    if (!http2->message_left)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)part;
}

/* ---- the request ---- */

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

static bool submit(struct health_probe *probe)
{
    struct health_http2 *http2 = probe->http2;
    const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    const nghttp2_data_provider message = {.read_callback = read_message};
    char authority[HEALTH_AUTHORITY_SIZE];
    health_probe_authority(probe, authority);
    nghttp2_nv fields[8] = {
        field(":method", is_grpc(probe) ? "POST" : "GET"),
        field(":scheme", probe->settings->tls ? "https" : "http"),
        field(":authority", authority),
        field(":path", probe->settings->path),
        field("user-agent", "ELB-HealthChecker/2.0"),
    };
    size_t count = 5;
    if (is_grpc(probe)) {
        fields[count++] = field("content-type", "application/grpc");
        fields[count++] = field("te", "trailers");
    } else {
        fields[count++] = field("accept-encoding", "gzip, compressed");
    }
    return nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, &settings, 1) == 0 &&
           nghttp2_submit_request(http2->session, NULL, fields, count,
                                  is_grpc(probe) ? &message : NULL, NULL) > 0;
}

/* False if the probe is over. */
static bool send_output(struct health_probe *probe)
{
    const uint8_t *data;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(probe->http2->session, &data)) > 0) {
        struct iovec piece = {(void *)(uintptr_t)data, (size_t)size};
        if (bytes_send(&probe->out, &probe->socket.transport, &piece, 1) < 0)
            break;
    }
    if (!size)
        return true;
    health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
    return false;
}

bool health_http2_begin(struct health_probe *probe)
{
    struct health_http2 *http2 = calloc(1, sizeof *http2);
    nghttp2_session_callbacks *callbacks = NULL;
    if (!http2)
        return false;
    http2->grpc_status = -1;
    http2->message_left = 5;
    probe->http2 = http2;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    bool sound = nghttp2_session_client_new(&http2->session, callbacks, probe) == 0;
    nghttp2_session_callbacks_del(callbacks);
    if (!sound || !submit(probe))
        return false;
    send_output(probe);
    return true;
}

void health_http2_end(struct health_probe *probe)
{
    nghttp2_session_del(probe->http2->session);
    free(probe->http2);
    probe->http2 = NULL;
}

/* ---- the response ---- */

/* Whether it is known what to think of the target; then the probe is over. */
static bool judge(struct health_probe *probe)
{
    const struct health_http2 *http2 = probe->http2;
    int status = is_grpc(probe) ? http2->grpc_status : http2->status;
    if (is_grpc(probe) ? status >= 0 : status >= 200)
        health_probe_judge(probe, status);
    else if (http2->ended)
        health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
    else
        return false;
    return true;
}

void health_http2_readable(struct health_probe *probe)
{
    struct transport *transport = &probe->socket.transport;
    while (transport->readable) {
        uint8_t data[STEP_SIZE];
        ssize_t got = transport_receive(transport, data, sizeof data);
        if (got < 0)
            return;
        probe->http2->received += (size_t)got;
        if (got == 0 || probe->http2->received > RECEIVED_MAX ||
            nghttp2_session_mem_recv(probe->http2->session, data, (size_t)got) < 0) {
            health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
            return;
        }
        if (judge(probe) || !send_output(probe))
            return;
        if (!nghttp2_session_want_read(probe->http2->session)) { /* what came is no HTTP/2 */
            health_probe_end(probe, REASON_FAILED_HEALTH_CHECKS, 0);
            return;
        }
    }
}
