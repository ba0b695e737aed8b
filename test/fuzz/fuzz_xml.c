#include "wire/xml.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No text gets out of its element. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_buf out = {0};
    xml_text(&out, (const char *)data, size);
    assert(!out.failed);
    for (size_t i = 0; i < out.size; i++) {
        unsigned char byte = (unsigned char)out.data[i];
        assert(byte != '<' && byte != '>' && byte != '"');
        assert(byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r');
    }
    return 0;
}
