#include "wire/http1_internal.h"

#include <string.h>

/*
 * SIZE -> (EXTENSION ->) SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 * After the chunk of size 0: TRAILER_START -> (TRAILER_NAME -> TRAILER -> TRAILER_LF ->)* END_LF ->
 * done. Every line ends with CR LF and nothing else, and every trailer has a name and a colon: what
 * others call lenient lets two parsers disagree, or swallows the request behind a broken end.
 */
enum state {
    SIZE_FIRST,
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER,
    TRAILER_LF,
    END_LF,
};

/*
 * Bytes that are no body are paid for with bytes that are: extensions and trailers without
 * end make the decoder refuse, one-byte chunks do not.
 */
enum { OVERHEAD_MAX = 64 * 1024, CREDIT_PER_BYTE = 8 };

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int size_byte(struct http1_chunked *chunked, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        if (chunked->left >> 58) /* no room for four more bits with the sign bit clear */
            return -1;
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return SIZE;
    }
    if (chunked->state == SIZE_FIRST)
        return -1;
    return byte == '\r' ? SIZE_LF : byte == ';' ? EXTENSION : -1;
}

static bool is_text(char byte)
{
    return (unsigned char)byte >= ' ' ? byte != 0x7f : byte == '\t';
}

/* The state after one byte outside of data, or -1. */
static int framing_byte(struct http1_chunked *chunked, char byte)
{
    switch ((enum state)chunked->state) {
    case SIZE_FIRST:
    case SIZE:
        return size_byte(chunked, byte);
    case EXTENSION:
        return byte == '\r' ? SIZE_LF : is_text(byte) ? EXTENSION : -1;
    case SIZE_LF:
        return byte != '\n' ? -1 : chunked->left ? DATA : TRAILER_START;
    case DATA_CR:
        return byte == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return byte == '\n' ? SIZE_FIRST : -1;
    case TRAILER_START:
        return byte == '\r' ? END_LF : http1_is_token_byte((unsigned char)byte) ? TRAILER_NAME : -1;
    case TRAILER_NAME:
        if (byte == ':')
            return TRAILER;
        return http1_is_token_byte((unsigned char)byte) ? TRAILER_NAME : -1;
    case TRAILER:
        return byte == '\r' ? TRAILER_LF : is_text(byte) ? TRAILER : -1;
    case TRAILER_LF:
        return byte == '\n' ? TRAILER_START : -1;
    case END_LF:
        chunked->done = byte == '\n';
        return chunked->done ? END_LF : -1;
    case DATA:
        break;
    }
    return -1;
}

static void take_data(struct http1_chunked *chunked, const char **data, size_t *size,
                      struct slice *piece)
{
    size_t taken = chunked->left < *size ? (size_t)chunked->left : *size;
    *piece = (struct slice){*data, taken};
    *data += taken;
    *size -= taken;
    chunked->left -= taken;
    if (!chunked->left)
        chunked->state = DATA_CR;
    size_t credit = taken * CREDIT_PER_BYTE;
    chunked->overhead_bytes -=
        credit < chunked->overhead_bytes ? (uint32_t)credit : chunked->overhead_bytes;
}

/* A byte of a line of trailers, its end included, led from one state to the other. */
static bool is_of_trailers(enum state before, enum state after)
{
    return after == TRAILER_NAME || after == TRAILER || after == TRAILER_LF || before == TRAILER_LF;
}

int http1_chunked_next(struct http1_chunked *chunked, const char **data, size_t *size,
                       struct slice *piece)
{
    *piece = (struct slice){*data, 0};
    chunked->trailers = *piece;
    while (*size && !chunked->done) {
        if (chunked->state == DATA) {
            take_data(chunked, data, size, piece);
            return 0;
        }
        int state = framing_byte(chunked, **data);
        if (state < 0 || ++chunked->overhead_bytes > OVERHEAD_MAX)
            return -1;
        if (is_of_trailers(chunked->state, (enum state)state)) {
            if (!chunked->trailers.size)
                chunked->trailers.data = *data;
            chunked->trailers.size++;
        }
        chunked->state = (uint8_t)state;
        ++*data;
        --*size;
    }
    return 0;
}
