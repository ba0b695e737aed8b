#include "wire/nflog.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nflog_packet packet;
    const uint8_t *at = data;
    size_t left = size, before = size;
    while (nflog_next(&at, &left, &packet)) {
        assert(left < before && at + left == data + size);
        assert(memchr(packet.prefix, 0, sizeof packet.prefix) && packet.size >= 20);
        before = left;
    }
    return 0;
}
