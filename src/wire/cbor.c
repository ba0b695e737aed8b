#include "wire/cbor.h"

#include <math.h>
#include <string.h>

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { ONE_BYTE = 24, EIGHT_BYTES = 27, INDEFINITE = 31 };
enum { FALSE_VALUE = 20, TRUE_VALUE, NULL_VALUE, UNDEFINED_VALUE, HALF = 25, SINGLE, DOUBLE };

/* The big-endian number of a head's additional information. */
static int read_argument(struct cbor_reader *reader, unsigned info, uint64_t *ret)
{
    if (info < ONE_BYTE) {
        *ret = info;
        return 0;
    }
    size_t width = info <= EIGHT_BYTES ? (size_t)1 << (info - ONE_BYTE) : 0;
    if (width == 0 || reader->size - reader->at < width)
        return -1;
    *ret = 0;
    for (size_t i = 0; i < width; i++)
        *ret = *ret << 8 | reader->data[reader->at++];
    return 0;
}

static double half_to_double(uint64_t bits)
{
    int exponent = (int)(bits >> 10) & 31;
    double mantissa = (double)(bits & 1023), value;
    if (exponent == 31)
        value = mantissa != 0 ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = ldexp(mantissa, -24);
    else
        value = ldexp(mantissa + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static double float_value(unsigned info, uint64_t bits)
{
    if (info == HALF)
        return half_to_double(bits);
    if (info == SINGLE) {
        float single;
        uint32_t narrow = (uint32_t)bits;
        memcpy(&single, &narrow, sizeof(single));
        return (double)single;
    }
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static int read_simple(unsigned info, uint64_t argument, struct cbor_item *item)
{
    if (info == FALSE_VALUE || info == TRUE_VALUE) {
        item->kind = CBOR_BOOLEAN;
        item->boolean = info == TRUE_VALUE;
    } else if (info == NULL_VALUE || info == UNDEFINED_VALUE) {
        item->kind = CBOR_NULL;
    } else if (info >= HALF && info <= DOUBLE) {
        item->kind = CBOR_FLOAT;
        item->number = float_value(info, argument);
    } else {
        return -1;
    }
    return 0;
}

static int read_string(struct cbor_reader *reader, struct cbor_item *item)
{
    if (item->indefinite)
        return 0;
    if (reader->size - reader->at < item->size)
        return -1;
    item->data = reader->data + reader->at;
    reader->at += item->size;
    return 0;
}

/* Each item takes at least a byte: a count beyond the bytes left is a lie. */
static int read_container(const struct cbor_reader *reader, const struct cbor_item *item)
{
    return item->indefinite || item->size <= reader->size - reader->at ? 0 : -1;
}

static int read_integer(enum major major, uint64_t argument, struct cbor_item *item)
{
    if (argument > INT64_MAX)
        return -1;
    item->kind = CBOR_INTEGER;
    item->integer = major == UNSIGNED ? (int64_t)argument : -1 - (int64_t)argument;
    return 0;
}

static int read_indefinite(enum major major, struct cbor_item *item)
{
    item->indefinite = true;
    if (major == SIMPLE) {
        item->kind = CBOR_BREAK;
        return 0;
    }
    return major >= BYTES && major <= MAP ? 0 : -1;
}

int cbor_next(struct cbor_reader *reader, struct cbor_item *item)
{
    static const enum cbor_kind kinds[] = {
        [BYTES] = CBOR_BYTES, [TEXT] = CBOR_TEXT, [ARRAY] = CBOR_ARRAY, [MAP] = CBOR_MAP};
    *item = (struct cbor_item){0};
    if (reader->at >= reader->size)
        return -1;
    uint8_t head = reader->data[reader->at++];
    enum major major = head >> 5;
    unsigned info = head & 31;
    if (major >= BYTES && major <= MAP)
        item->kind = kinds[major];
    if (info == INDEFINITE)
        return read_indefinite(major, item);

    uint64_t argument;
    if (read_argument(reader, info, &argument) < 0)
        return -1;
    item->size = argument;
    switch (major) {
    case UNSIGNED:
    case NEGATIVE:
        return read_integer(major, argument, item);
    case BYTES:
    case TEXT:
        return read_string(reader, item);
    case ARRAY:
    case MAP:
        return read_container(reader, item);
    case TAG:
        if (read_integer(UNSIGNED, argument, item) < 0)
            return -1;
        item->kind = CBOR_TAG;
        return 0;
    case SIMPLE:
        return read_simple(info, argument, item);
    }
    return -1;
}

int cbor_string(struct cbor_reader *reader, const struct cbor_item *item, struct buf *out)
{
    if (!item->indefinite) {
        buf_append(out, item->data, item->size);
        return out->failed ? -1 : 0;
    }
    for (;;) {
        struct cbor_item chunk;
        if (cbor_next(reader, &chunk) < 0)
            return -1;
        if (chunk.kind == CBOR_BREAK)
            return out->failed ? -1 : 0;
        if (chunk.kind != item->kind || chunk.indefinite)
            return -1;
        buf_append(out, chunk.data, chunk.size);
    }
}

static int skip_value(struct cbor_reader *reader, const struct cbor_item *item, int depth);

static int skip_items(struct cbor_reader *reader, const struct cbor_item *container, int depth)
{
    uint64_t left = container->kind == CBOR_MAP ? container->size * 2 : container->size;
    while (container->indefinite || left > 0) {
        struct cbor_item item;
        if (cbor_next(reader, &item) < 0)
            return -1;
        if (item.kind == CBOR_BREAK)
            return container->indefinite ? 0 : -1;
        if (skip_value(reader, &item, depth + 1) < 0)
            return -1;
        left -= !container->indefinite;
    }
    return 0;
}

static int skip_value(struct cbor_reader *reader, const struct cbor_item *item, int depth)
{
    if (depth > CBOR_DEPTH_MAX || item->kind == CBOR_BREAK)
        return -1;
    if (item->kind == CBOR_TAG) {
        struct cbor_item tagged;
        return cbor_next(reader, &tagged) < 0 ? -1 : skip_value(reader, &tagged, depth + 1);
    }
    bool string = item->kind == CBOR_TEXT || item->kind == CBOR_BYTES;
    if (item->kind == CBOR_ARRAY || item->kind == CBOR_MAP || (string && item->indefinite))
        return skip_items(reader, item, depth);
    return 0;
}

int cbor_skip(struct cbor_reader *reader, const struct cbor_item *item)
{
    return skip_value(reader, item, 0);
}

static void put_big_endian(struct buf *out, uint64_t value, int width)
{
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
        buf_append_char(out, (char)(value >> shift));
}

static void put_head(struct buf *out, enum major major, uint64_t argument)
{
    unsigned first = (unsigned)major << 5;
    if (argument < ONE_BYTE) {
        buf_append_char(out, (char)(first | argument));
        return;
    }
    int power = argument <= UINT8_MAX    ? 0
                : argument <= UINT16_MAX ? 1
                : argument <= UINT32_MAX ? 2
                                         : 3;
    buf_append_char(out, (char)(first | (ONE_BYTE + (unsigned)power)));
    put_big_endian(out, argument, 1 << power);
}

void cbor_put_integer(struct buf *out, int64_t value)
{
    if (value >= 0)
        put_head(out, UNSIGNED, (uint64_t)value);
    else
        put_head(out, NEGATIVE, (uint64_t)(-1 - value));
}

void cbor_put_double(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    buf_append_char(out, (char)(SIMPLE << 5 | DOUBLE));
    put_big_endian(out, bits, sizeof(bits));
}

void cbor_put_boolean(struct buf *out, bool value)
{
    buf_append_char(out, (char)(SIMPLE << 5 | (value ? TRUE_VALUE : FALSE_VALUE)));
}

void cbor_put_bytes(struct buf *out, const void *data, size_t size)
{
    put_head(out, BYTES, size);
    buf_append(out, data, size);
}

void cbor_put_text(struct buf *out, const char *text, size_t size)
{
    put_head(out, TEXT, size);
    buf_append(out, text, size);
}

void cbor_put_array(struct buf *out, size_t count)
{
    put_head(out, ARRAY, count);
}

void cbor_put_map(struct buf *out, size_t count)
{
    put_head(out, MAP, count);
}

void cbor_put_tag(struct buf *out, uint64_t tag)
{
    put_head(out, TAG, tag);
}
