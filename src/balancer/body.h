/* Bodies on their way through: decoded from the framing they came in, framed anew. */
#pragma once

#include "balancer/bytes.h"
#include "wire/http1.h"

#include <sys/uio.h>

/* Some bytes of a body, decoded. */
struct piece {
    char *data;
    size_t size;
    bool last;             /* nothing follows */
    struct slice trailers; /* with the last: lines, each with its end */
};

struct body_reader {
    enum http1_body kind;
    uint64_t left; /* of HTTP1_BODY_LENGTH */
    struct http1_chunked chunked;
    struct bytes trailers; /* once it is done: the lines that may be sent on */
    bool done;
};

void body_start(struct body_reader *reader, enum http1_body kind, uint64_t content_length);
/* Gives back what memory it holds. */
void body_finish(struct body_reader *reader);
/*
 * Takes the body's bytes from data[0..size), moving them together to its start. *used says how
 * many bytes belonged to the body. Returns the number of decoded bytes, or -1 if the coding is
 * broken.
 */
ssize_t body_decode(struct body_reader *reader, char *data, size_t size, size_t *used);

/* What was decoded last, as a piece: with the trailers, if it is the last. */
static inline struct piece body_piece(const struct body_reader *reader, char *data, size_t size)
{
    struct piece piece = {data, size, reader->done, {"", 0}};
    if (reader->done)
        piece.trailers = (struct slice){bytes_at(&reader->trailers), bytes_size(&reader->trailers)};
    return piece;
}

enum { BODY_PIECES_MAX = 5 };
/*
 * Fills `pieces` with what to send for a piece: as it is, or as a chunk, with the last chunk if it
 * is the last; only chunks can be followed by trailers. `line` holds 24 bytes. Returns the number
 * of pieces.
 */
int body_frame(bool chunked, const struct piece *piece, char line[24],
               struct iovec pieces[BODY_PIECES_MAX]);
