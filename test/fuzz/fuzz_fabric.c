#include "host/net/fabric_message.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What api sends to host, if api were taken over: every index that is let through is in range. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fabric_view view;
    struct err err;
    void *message = aligned_alloc(16, (size + 16) / 16 * 16);
    memcpy(message, data, size);
    if (fabric_view(&view, message, size, &err) == 0)
        for (uint32_t i = 0; i < view.fabric->interface_count; i++)
            assert(view.interfaces[i].subnet < view.fabric->subnet_count);
    free(message);
    return 0;
}
