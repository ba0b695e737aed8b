#include "balancer/http2_block.h"

#include <string.h>

struct sizes {
    uint32_t name, value;
};

void http2_block_reset(struct http2_block *block)
{
    bytes_reset(&block->data);
    block->count = 0;
    block->too_large = false;
}

void http2_block_add(struct http2_block *block, struct slice name, struct slice value)
{
    struct sizes sizes = {(uint32_t)name.size, (uint32_t)value.size};
    if (block->too_large)
        return;
    if (name.size + value.size > HTTP1_LINE_SIZE_MAX || block->count == HTTP2_FIELDS_MAX ||
        bytes_size(&block->data) + name.size + value.size > HTTP1_HEAD_SIZE_MAX ||
        !bytes_append(&block->data, &sizes, sizeof sizes) ||
        !bytes_append(&block->data, name.data, name.size) ||
        !bytes_append(&block->data, value.data, value.size)) {
        http2_block_reset(block);
        block->too_large = true;
        return;
    }
    block->count++;
}

int http2_block_fields(const struct http2_block *block,
                       struct http1_header fields[HTTP2_FIELDS_MAX])
{
    if (block->too_large)
        return -1;
    const char *at = bytes_at(&block->data);
    for (int i = 0; i < block->count; i++) {
        struct sizes sizes;
        memcpy(&sizes, at, sizeof sizes);
        at += sizeof sizes;
        fields[i].name = (struct slice){at, sizes.name};
        at += sizes.name;
        fields[i].value = (struct slice){at, sizes.value};
        at += sizes.value;
    }
    return block->count;
}
