/* The public addresses of this world, 100.(64+world).0.0/16, and DNS names of addresses. */
#include "service/ec2/cidr.h"
#include "service/ec2/interface.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "public-address";

/*
 * Host numbers within the /16: 0 names the network, 1 is the host itself, up to 15 are services,
 * the last is broadcast.
 */
enum { FIRST_HOST = 16, LAST_HOST = 65534 };

int ec2_public_address_take(struct call *call, const char *owner, char ret_address[16],
                            struct err *err)
{
    const unsigned count = LAST_HOST - FIRST_HOST + 1;
    uint32_t network = 100u << 24 | (64 + call->world->world) << 16;
    uint16_t start;
    call->world->random(call->world->arg, &start, sizeof start);
    for (unsigned i = 0; i < count; i++) {
        cidr_format_address(network | (FIRST_HOST + (start + i) % count), ret_address);
        if (store_get(call->store, kind, "", ret_address))
            continue;
        txn_put(call->txn, kind, "", ret_address, json_pack("{s:s}", "owner", owner));
        return 0;
    }
    return err_aws(err, "InsufficientAddressCapacity",
                   "Not enough available addresses to satisfy your request.");
}

void ec2_public_address_give(struct call *call, const char *address)
{
    txn_delete(call->txn, kind, "", address);
}

/* "<prefix>-10-0-1-5<suffix>" */
static void write_name(const char *prefix, const char *address, const char *suffix, char out[96])
{
    char dashed[16];
    snprintf(dashed, sizeof dashed, "%s", address);
    for (char *dot = strchr(dashed, '.'); dot; dot = strchr(dot, '.'))
        *dot = '-';
    snprintf(out, 96, "%s-%s%s", prefix, dashed, suffix);
}

/* us-east-1 keeps the names it had before there were regions. */
static bool is_first_region(const char *region)
{
    return !strcmp(region, "us-east-1");
}

void ec2_public_name(const struct call *call, const char *address, char out[96])
{
    char suffix[64] = ".compute-1.amazonaws.com";
    if (!is_first_region(call->region))
        snprintf(suffix, sizeof suffix, ".%.24s.compute.amazonaws.com", call->region);
    write_name("ec2", address, suffix, out);
}

void ec2_private_name(const struct call *call, const char *address, char out[96])
{
    char suffix[64] = ".ec2.internal";
    if (!is_first_region(call->region))
        snprintf(suffix, sizeof suffix, ".%.24s.compute.internal", call->region);
    write_name("ip", address, suffix, out);
}
