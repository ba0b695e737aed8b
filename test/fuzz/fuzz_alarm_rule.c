#include "base/cleanup.h"
#include "service/cloudwatch/alarm_rule.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *state_of(void *arg, const char *name)
{
    static const char *const states[] = {"ALARM", "OK", "INSUFFICIENT_DATA", NULL};
    ++*(int *)arg;
    return states[strlen(name) % 4];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *rule = strndup((const char *)data, size);
    struct err err;
    int asked = 0;
    int holds = alarm_rule_holds(rule, state_of, &asked, &err);
    assert(holds >= -1 && holds <= 1);
    assert(asked <= ALARM_RULE_ALARMS_MAX);
    return 0;
}
