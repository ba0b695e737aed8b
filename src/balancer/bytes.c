#include "balancer/bytes.h"

#include "http/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 2048 };

bool bytes_reserve(struct bytes *bytes, size_t size)
{
    if (bytes->capacity - bytes->end >= size)
        return true;
    size_t held = bytes_size(bytes);
    size_t capacity = bytes->capacity > CAPACITY_MIN ? bytes->capacity : CAPACITY_MIN;
    while (capacity - held < size)
        capacity *= 2;
    if (capacity > UINT32_MAX)
        return false;
    char *data = malloc(capacity);
    if (!data)
        return false;
    if (held)
        memcpy(data, bytes_at(bytes), held);
    free(bytes->data);
    *bytes = (struct bytes){data, 0, (uint32_t)held, (uint32_t)capacity};
    return true;
}

bool bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    if (!size)
        return true;
    if (!bytes_reserve(bytes, size))
        return false;
    memcpy(bytes->data + bytes->end, data, size);
    bytes->end += (uint32_t)size;
    return true;
}

void bytes_reset(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_consume(struct bytes *bytes, size_t size)
{
    bytes->start += (uint32_t)size;
    if (bytes->start == bytes->end)
        bytes_reset(bytes);
}

int bytes_send_wire(struct bytes *pending, struct transport *transport, struct iovec *pieces,
                    int count)
{
    size_t sent = 0;
    if (!bytes_size(pending)) {
        ssize_t taken = transport_send(transport, pieces, count);
        if (taken < 0)
            return -1;
        sent = (size_t)taken;
    }
    for (int i = 0; i < count; i++) {
        size_t skipped = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
        sent -= skipped;
        if (!bytes_append(pending, (char *)pieces[i].iov_base + skipped,
                          pieces[i].iov_len - skipped)) {
            errno = ENOMEM;
            return -1;
        }
    }
    return 0;
}

int bytes_send(struct bytes *pending, struct transport *transport, struct iovec *pieces, int count)
{
    struct iovec wire;
    if (!transport->tls)
        return bytes_send_wire(pending, transport, pieces, count);
    if (tls_seal(transport, pieces, count, &wire))
        return bytes_send_wire(pending, transport, &wire, 1);
    errno = EPROTO;
    return -1;
}

int bytes_flush(struct bytes *pending, struct transport *transport)
{
    size_t size = bytes_size(pending);
    if (!size)
        return 1;
    struct iovec piece = {bytes_at(pending), size};
    ssize_t sent = transport_send(transport, &piece, 1);
    if (sent < 0)
        return -1;
    bytes_consume(pending, (size_t)sent);
    return (size_t)sent == size;
}
