/*
 * The names under which AWS's services are found: "ec2.ap-south-1.amazonaws.com", and what lies
 * below one, as "bucket.s3.ap-south-1.amazonaws.com" or "api.ecr.ap-south-1.amazonaws.com"; in
 * China's regions below "amazonaws.com.cn"; "ec2.ap-south-1.api.aws"; the old ones of no region,
 * "sts.amazonaws.com"; and those of interface endpoints,
 * "vpce-0a1.ec2.ap-south-1.vpce.amazonaws.com". Pure.
 */
#pragma once

#include "wire/http1.h"

#include <stdbool.h>

struct service_name {
    struct slice labels; /* what comes before region and domain: "ec2", "bucket.s3" */
    struct slice region; /* empty: of no region */
    bool is_endpoint;    /* of one interface endpoint */
};

/* Reads a name in lower case, without a final dot; false if it is none of these. */
bool service_name_parse(struct slice name, struct service_name *ret);
/* Whether it is the name of this service ("ec2"), or lies below that. */
bool service_name_is_of(const struct service_name *name, const char *service);
