#include "wire/query.h"
#include "wire/uri.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    auto_query query = {0};
    if (query_parse(&query, text, size) == 0)
        for (size_t i = 0; i < query.count; i++)
            assert(query_get(&query, query.params[i].name));

    /* Coding and decoding gives back the same bytes. */
    auto_buf coded = {0}, decoded = {0};
    uri_encode(&coded, text, size, false);
    if (size > 0) {
        assert(uri_decode(&decoded, coded.data, coded.size, true));
        assert(decoded.size == size && memcmp(decoded.data, text, size) == 0);
    }
    return 0;
}
