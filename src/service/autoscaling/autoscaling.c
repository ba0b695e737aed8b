/* The table of Auto Scaling's operations. */
#include "service/autoscaling/operations.h"

const struct paging autoscaling_paging = {"MaxRecords", "NextToken", "NextToken",
                                          "InvalidNextToken", 50};
const struct paging autoscaling_long_paging = {"MaxRecords", "NextToken", "NextToken",
                                               "InvalidNextToken", 100};

static const struct service_operation operations[] = {
#define X(name) {#name, autoscaling_##name},
    AUTOSCALING_OPERATIONS(X)
#undef X
        {NULL, NULL},
};

const struct service autoscaling_service = {
    .name = "autoscaling",
    .operations = operations,
};
