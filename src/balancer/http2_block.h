/* The fields of one header block while it comes in: those of a connection never interleave. */
#pragma once

#include "balancer/bytes.h"
#include "wire/http2_head.h"

struct http2_block {
    struct bytes data;
    int count;
    bool too_large; /* what came last did not fit: nothing of the block is good */
};

/* Forgets what there is. */
void http2_block_reset(struct http2_block *block);
void http2_block_add(struct http2_block *block, struct slice name, struct slice value);
/* Fills `fields`, which point into the block. Returns their number, or -1 if it was too large. */
int http2_block_fields(const struct http2_block *block,
                       struct http1_header fields[HTTP2_FIELDS_MAX]);
