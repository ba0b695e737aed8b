/* The table of Simple Notification Service's operations. */
#include "service/sns/operations.h"

static const struct service_operation operations[] = {
#define X(name) {#name, sns_##name, false},
    SNS_OPERATIONS(X)
#undef X
#define X(name) {#name, sns_##name, true},
        SNS_OPEN_OPERATIONS(X)
#undef X
            {NULL, NULL, false}};

const struct service sns_service = {.name = "sns", .operations = operations};
