#include "wire/tls_hello.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice name;
    if (!tls_hello_server_name(data, size, &name))
        return 0;
    assert(name.data == (const char *)data + 5 && name.size == size - 5);
    assert(!memchr(name.data, 0, name.size));
    return 0;
}
