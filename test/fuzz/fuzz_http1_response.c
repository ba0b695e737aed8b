#include "wire/http1.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head;
    const char *text = (const char *)data;
    for (int request_was_head = 0; request_was_head < 2; request_was_head++) {
        int used = http1_parse_response(text, size, 0, request_was_head, &head);
        assert(used <= (int)size);
        if (used <= 0)
            continue;
        assert(head.status >= 100 && head.status <= 999);
        assert(!request_was_head || head.body == HTTP1_BODY_NONE);
        assert(head.body != HTTP1_BODY_UNTIL_CLOSE || !head.keep_alive);
    }
    return 0;
}
