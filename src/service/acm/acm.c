/* The table of Certificate Manager's operations. */
#include "service/acm/operations.h"

static const struct service_operation operations[] = {
#define X(name) {#name, acm_##name},
    ACM_OPERATIONS(X)
#undef X
        {NULL, NULL}};

const struct service acm_service = {.name = "acm", .operations = operations};
