#include "balancer/body.h"

#include <string.h>

void body_finish(struct body_reader *reader)
{
    bytes_reset(&reader->trailers);
}

void body_start(struct body_reader *reader, enum http1_body kind, uint64_t content_length)
{
    body_finish(reader);
    *reader = (struct body_reader){.kind = kind, .left = content_length};
    reader->done = kind == HTTP1_BODY_NONE;
}

static ssize_t decode_chunks(struct body_reader *reader, char *data, size_t size, size_t *used)
{
    const char *at = data;
    size_t left = size, decoded = 0;
    while (left && !reader->chunked.done) {
        struct slice piece;
        if (http1_chunked_next(&reader->chunked, &at, &left, &piece) < 0)
            return -1;
        if (piece.size)
            memmove(data + decoded, piece.data, piece.size);
        decoded += piece.size;
        struct slice trailers = reader->chunked.trailers;
        if (trailers.size && !bytes_append(&reader->trailers, trailers.data, trailers.size))
            return -1;
    }
    reader->done = reader->chunked.done;
    if (reader->done && bytes_size(&reader->trailers))
        reader->trailers.end = (uint32_t)http1_filter_trailers(bytes_at(&reader->trailers),
                                                               bytes_size(&reader->trailers));
    *used = size - left;
    return (ssize_t)decoded;
}

ssize_t body_decode(struct body_reader *reader, char *data, size_t size, size_t *used)
{
    *used = 0;
    if (reader->done)
        return 0;
    if (reader->kind == HTTP1_BODY_CHUNKED)
        return decode_chunks(reader, data, size, used);
    *used = size;
    if (reader->kind == HTTP1_BODY_LENGTH) {
        if (reader->left < size)
            *used = (size_t)reader->left;
        reader->left -= *used;
        reader->done = !reader->left;
    }
    return (ssize_t)*used;
}

static const char hex[] = "0123456789abcdef";

/* "1f\r\n" at the end of line[0..24); returns where it starts. */
static char *chunk_line(size_t size, char line[24])
{
    char *at = line + 24;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = hex[size & 15];
    while (size >>= 4);
    return at;
}

int body_frame(bool chunked, const struct piece *piece, char line[24],
               struct iovec pieces[BODY_PIECES_MAX])
{
    static char end[] = "\r\n0\r\n\r\n";
    size_t size = piece->size;
    int count = 0;
    if (size && chunked) {
        char *at = chunk_line(size, line);
        pieces[count++] = (struct iovec){at, (size_t)(line + 24 - at)};
    }
    if (size)
        pieces[count++] = (struct iovec){piece->data, size};
    if (!chunked || (!size && !piece->last))
        return count;
    char *from = size ? end : end + 2;
    if (!piece->last || !piece->trailers.size) {
        pieces[count++] = (struct iovec){from, (size_t)(end + (piece->last ? 7 : 2) - from)};
        return count;
    }
    pieces[count++] = (struct iovec){from, (size_t)(end + 5 - from)};
    pieces[count++] = (struct iovec){(char *)piece->trailers.data, piece->trailers.size};
    pieces[count++] = (struct iovec){end, 2};
    return count;
}
