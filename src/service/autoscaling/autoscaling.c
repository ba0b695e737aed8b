/* The table of Auto Scaling's operations. */
#include "service/autoscaling/operations.h"

#define PAGING "MaxRecords", "NextToken", "NextToken", "InvalidNextToken"

const struct paging autoscaling_paging = {PAGING, 50, 100};
const struct paging autoscaling_short_paging = {PAGING, 50, 50};
const struct paging autoscaling_long_paging = {PAGING, 100, 100};

int autoscaling_check_names(const struct call *call, const char *list, const char *what,
                            struct err *err)
{
    enum { NAMES_MAX = 50 };
    if (json_array_size(json_object_get(call->in, list)) <= NAMES_MAX)
        return 0;
    return err_aws(err, "ValidationError",
                   "The number of %s that may be passed in is limited to %d", what, NAMES_MAX);
}

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
