/* The table of EC2's operations. */
#include "service/ec2/handlers.h"
#include "service/ec2/vpc.h"

static const struct service_operation operations[] = {
#define X(name) {#name, ec2_##name},
    EC2_NETWORK_OPERATIONS(X) EC2_COMPUTE_OPERATIONS(X)
#undef X
        {NULL, NULL},
};

const struct service ec2_service = {
    .name = "ec2",
    .operations = operations,
    .prepare_region = ec2_prepare_region,
};
