/* Bytes that wait: read but not used yet, or to be sent but not taken by the socket yet. */
#pragma once

#include "http/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No memory is held while it is empty, so an idle connection costs nothing here. */
struct bytes {
    char *data;
    uint32_t start, end, capacity;
};

static inline size_t bytes_size(const struct bytes *bytes)
{
    return bytes->end - bytes->start;
}

static inline char *bytes_at(const struct bytes *bytes)
{
    return bytes->data + bytes->start;
}

/* Makes room for `size` more bytes at bytes->data + bytes->end. False if memory ran out. */
bool bytes_reserve(struct bytes *bytes, size_t size);
bool bytes_append(struct bytes *bytes, const void *data, size_t size);
/* Drops the first `size` bytes; gives the memory back when nothing is left. */
void bytes_consume(struct bytes *bytes, size_t size);
void bytes_reset(struct bytes *bytes);

/*
 * Sends the pieces after what waits already; what the socket does not take waits in `pending`, as
 * it goes on the wire: with TLS it is encrypted, so nothing may be added but by these.
 * Returns 0, or -1 if the connection is broken (errno says why).
 */
int bytes_send(struct bytes *pending, struct transport *transport, struct iovec *pieces, int count);
/* The same for bytes that are as they go on the wire already. */
int bytes_send_wire(struct bytes *pending, struct transport *transport, struct iovec *pieces,
                    int count);
/* Sends what waits. Returns 1 when all is gone, 0 when the socket is full, -1 when it is broken. */
int bytes_flush(struct bytes *pending, struct transport *transport);
