#include "wire/base64.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t got = 0;
    free(base64_decode((const char *)data, size, &got));
    char *text = base64_encode(data, size);
    char *back = text ? base64_decode(text, strlen(text), &got) : NULL;
    assert(back && got == size && memcmp(back, data, size) == 0);
    free(text);
    free(back);
    return 0;
}
