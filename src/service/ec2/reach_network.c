/* The documents of the network as a packet meets them. */
#include "service/doc.h"
#include "service/ec2/filter.h"
#include "service/ec2/network.h"
#include "service/ec2/reach_internal.h"
#include "service/ec2/vpc_block.h"

#include <string.h>

const json_t *reach_get(const struct reach *reach, const char *kind, const char *id)
{
    return store_get(reach->call.store, kind, reach->call.region, id);
}

static uint32_t address_of(const json_t *doc, const char *member)
{
    uint32_t address = 0;
    cidr_parse_address(doc_text(doc, member), &address);
    return address;
}

uint32_t reach_primary(const json_t *interface)
{
    return address_of(interface, "PrivateIpAddress");
}

/* ---- interfaces ---- */

static const json_t *address_row(const json_t *interface, uint32_t address)
{
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (address_of(row, "PrivateIpAddress") == address)
            return row;
    return NULL;
}

bool reach_has_address(const json_t *interface, uint32_t address)
{
    return reach_primary(interface) == address || address_row(interface, address);
}

uint32_t reach_public_of(const json_t *interface, uint32_t address)
{
    const json_t *holder =
        reach_primary(interface) == address ? interface : address_row(interface, address);
    return address_of(json_object_get(holder, "Association"), "PublicIp");
}

const json_t *reach_interface_at(const struct reach *reach, const char *vpc, uint32_t address)
{
    store_each (cursor, reach->call.store, "network-interface", reach->call.region) {
        if (doc_is(cursor.doc, "VpcId", vpc) && reach_has_address(cursor.doc, address))
            return cursor.doc;
    }
    return NULL;
}

bool reach_is_nat(const json_t *interface)
{
    return doc_is(interface, "_kind", "nat");
}

bool reach_is_of_router(const json_t *interface)
{
    return doc_is(interface, "_kind", "balancer") || doc_is(interface, "_kind", "endpoint");
}

bool reach_is_forwarder(const json_t *interface)
{
    return interface && (reach_is_nat(interface) || (doc_is(interface, "_kind", "instance") &&
                                                     !doc_flag(interface, "SourceDestCheck")));
}

bool reach_is_up(const struct reach *reach, const json_t *interface)
{
    const char *owner = doc_text(interface, "_owner");
    if (reach_is_nat(interface))
        return doc_is(reach_get(reach, "nat-gateway", owner), "State", "available");
    if (!doc_is(interface, "_kind", "instance"))
        return true;
    const json_t *instance = reach_get(reach, "instance", owner);
    return doc_is(json_object_get(instance, "State"), "Name", "running") &&
           doc_is(json_object_get(interface, "Attachment"), "Status", "attached");
}

/* ---- VPCs ---- */

const json_t *reach_subnet_at(const struct reach *reach, const char *vpc, uint32_t address)
{
    store_each (cursor, reach->call.store, "subnet", reach->call.region) {
        struct cidr block;
        if (doc_is(cursor.doc, "VpcId", vpc) &&
            cidr_parse(doc_text(cursor.doc, "CidrBlock"), &block) && cidr_contains(block, address))
            return cursor.doc;
    }
    return NULL;
}

bool reach_vpc_has(const json_t *vpc, uint32_t address)
{
    return ec2_vpc_contains(vpc, (struct cidr){address, 32});
}

bool reach_is_host(const struct reach *reach, uint32_t address)
{
    return address == reach->host_address || address == reach->service_address;
}

const json_t *reach_gateway_of(const struct reach *reach, const char *vpc)
{
    return ec2_network_gateway(reach->call.store, reach->call.region, vpc);
}

const json_t *reach_peer(const struct reach *reach, const char *vpc, const json_t *peering)
{
    return ec2_network_peer(reach->call.store, reach->call.region, vpc, peering);
}

const json_t *reach_peering(const struct reach *reach, const char *vpc, const char *other)
{
    store_each (cursor, reach->call.store, "vpc-peering-connection", reach->call.region) {
        if (doc_is(reach_peer(reach, vpc, cursor.doc), "VpcId", other))
            return cursor.doc;
    }
    return NULL;
}

/* ---- public addresses ---- */

struct search {
    const struct reach *reach;
    uint32_t address;
    const json_t *found;
    const char *region;
    uint32_t private_address;
};

static void search_interface(struct search *search, const char *region, const json_t *interface)
{
    size_t i;
    const json_t *row;
    uint32_t private_address = 0;
    if (reach_public_of(interface, reach_primary(interface)) == search->address)
        private_address = reach_primary(interface);
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row)
        if (!doc_flag(row, "Primary") &&
            address_of(json_object_get(row, "Association"), "PublicIp") == search->address)
            private_address = address_of(row, "PrivateIpAddress");
    if (!private_address ||
        !ec2_network_gateway(search->reach->call.store, region, doc_text(interface, "VpcId")))
        return;
    search->found = interface;
    search->region = region;
    search->private_address = private_address;
}

static void search_region(void *arg, const char *region)
{
    struct search *search = arg;
    store_each (cursor, search->reach->call.store, "network-interface", region) {
        search_interface(search, region, cursor.doc);
    }
}

const json_t *reach_public_at(const struct reach *reach, uint32_t address, const char **ret_region,
                              uint32_t *ret_private)
{
    struct search search = {.reach = reach, .address = address};
    if (address)
        store_regions(reach->call.store, "network-interface", search_region, &search);
    *ret_region = search.region;
    *ret_private = search.private_address;
    return search.found;
}
