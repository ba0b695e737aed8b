/* The table of CloudWatch's operations. */
#include "service/cloudwatch/operations.h"

static const struct service_operation operations[] = {
#define X(name) {#name, cloudwatch_##name},
    CLOUDWATCH_OPERATIONS(X)
#undef X
        {NULL, NULL}};

const struct service cloudwatch_service = {.name = "cloudwatch", .operations = operations};
