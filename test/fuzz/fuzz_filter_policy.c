#include "base/cleanup.h"
#include "service/sns/filter_policy.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A policy, a zero byte, and a message: whatever is accepted can be asked of anything. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = strndup((const char *)data, size);
    size_t used = strlen(text) + 1;
    struct err err;
    for (int of_body = 0; of_body < 2; of_body++) {
        if (filter_policy_check(text, of_body, &err) < 0)
            continue;
        json_auto_t *policy = json_loads(text, 0, NULL);
        json_auto_t *message =
            used < size ? json_loadb((const char *)data + used, size - used, 0, NULL) : NULL;
        json_auto_t *facts = filter_policy_facts(message);
        filter_policy_matches(policy, message);
        filter_policy_matches(policy, facts);
    }
    return 0;
}
