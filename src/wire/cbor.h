/*
 * CBOR (RFC 8949), what rpc-v2-cbor needs of it: a pull reader that takes every well-formed
 * encoding (also indefinite lengths), and a writer of definite lengths.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CBOR_DEPTH_MAX = 64 };

enum cbor_kind {
    CBOR_INTEGER,
    CBOR_BYTES, /* text or bytes of definite length: data, size. Of indefinite: see cbor_string */
    CBOR_TEXT,
    CBOR_ARRAY, /* count items follow; indefinite: until CBOR_BREAK */
    CBOR_MAP,   /* count pairs follow; indefinite: until CBOR_BREAK */
    CBOR_TAG,   /* an item follows; tag is in `integer` */
    CBOR_BOOLEAN,
    CBOR_NULL, /* also undefined */
    CBOR_FLOAT,
    CBOR_BREAK,
};

struct cbor_reader {
    const uint8_t *data;
    size_t size, at;
};

struct cbor_item {
    enum cbor_kind kind;
    bool indefinite, boolean;
    int64_t integer; /* integers beyond int64 are refused */
    double number;
    const uint8_t *data;
    uint64_t size; /* bytes of a string; items of an array; pairs of a map */
};

/* Reads one head (and the bytes of a definite string). Returns 0, or -1 if it is malformed. */
int cbor_next(struct cbor_reader *reader, struct cbor_item *item);
/* Appends the contents of a string whose head is `item`, definite or not. Returns 0 or -1. */
int cbor_string(struct cbor_reader *reader, const struct cbor_item *item, struct buf *out);
/* Reads over the rest of the value whose head is `item`. Returns 0 or -1. */
int cbor_skip(struct cbor_reader *reader, const struct cbor_item *item);

void cbor_put_integer(struct buf *out, int64_t value);
void cbor_put_double(struct buf *out, double value);
void cbor_put_boolean(struct buf *out, bool value);
void cbor_put_bytes(struct buf *out, const void *data, size_t size);
void cbor_put_text(struct buf *out, const char *text, size_t size);
void cbor_put_array(struct buf *out, size_t count);
void cbor_put_map(struct buf *out, size_t count);
void cbor_put_tag(struct buf *out, uint64_t tag);
