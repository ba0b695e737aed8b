/*
 * The addresses that a request asks for an interface: PrivateIpAddress, PrivateIpAddresses (one of
 * them may be Primary) and SecondaryPrivateIpAddressCount, as CreateNetworkInterface and launches
 * spell them.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>

struct ec2_addresses_request {
    const char *primary; /* NULL: any free one */
    json_t *secondary;   /* owned: array of addresses */
    int count;           /* of further free ones */
};

/* Errors: InvalidParameterCombination, InvalidParameterValue. Owns nothing on failure. */
int ec2_addresses_request_read(const json_t *in, struct ec2_addresses_request *request,
                               struct err *err);
/* How many addresses it asks for. */
size_t ec2_addresses_request_size(const struct ec2_addresses_request *request);
