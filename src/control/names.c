#include "control/names.h"

#include "control/scan.h"
#include "control/zone_health.h"
#include "model/model.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/usage.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void add_load_balancer(const struct store *store, const char *region,
                              const struct map *users, json_t *names, const json_t *load_balancer)
{
    const char *member = doc_is(load_balancer, "Scheme", "internal") ? "Address" : "PublicAddress";
    char name[256];
    snprintf(name, sizeof name, "%s", doc_text(load_balancer, "DNSName"));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    json_t *addresses = json_array();
    json_auto_t *nodes = zone_health_nodes(store, region, load_balancer, users);
    size_t i;
    const json_t *node;
    json_array_foreach (nodes, i, node)
        if (*doc_text(node, member))
            json_array_append(addresses, json_object_get(node, member));
    json_object_set_new(names, name, addresses);
}

/* ---- what one VPC has of its own ---- */

/* The member of an object that is an object too, made if it is not there. */
static json_t *object_in(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found) {
        found = json_object();
        json_object_set_new(object, key, found);
    }
    return found;
}

/* Names of the endpoint itself are everybody's; the service's own only where that was wanted. */
static void add_endpoint(const json_t *endpoint, json_t *names, json_t *vpcs)
{
    const char *name;
    json_t *addresses;
    json_object_foreach (json_object_get(endpoint, "_names"), name, addresses)
        json_object_set(names, name, addresses);
    if (!doc_flag(endpoint, "PrivateDnsEnabled"))
        return;
    json_t *own = object_in(object_in(vpcs, doc_text(endpoint, "VpcId")), "Names");
    json_object_foreach (json_object_get(endpoint, "_private_names"), name, addresses)
        json_object_set(own, name, addresses);
}

static void add_region(const struct store *store, const char *region, json_t *names, json_t *vpcs)
{
    struct map users = {0};
    elb_users_of_all(store, region, &users);
    store_each (cursor, store, elb_kind(ELB_LOAD_BALANCER), region)
        add_load_balancer(store, region, &users, names, cursor.doc);
    map_finish(&users);
    store_each (cursor, store, "vpc", region)
        if (json_is_false(json_object_get(cursor.doc, "_dns_support")))
            json_object_set_new(object_in(vpcs, cursor.id), "DnsSupport", json_false());
    store_each (cursor, store, "vpc-endpoint", region)
        add_endpoint(cursor.doc, names, vpcs);
}

/* ---- services ---- */

static json_t *describe_services(uint32_t address)
{
    char text[16];
    json_t *names = json_array();
    for (size_t i = 0; model_services[i]; i++)
        json_array_append_new(names, json_string(model_services[i]->signing_name));
    cidr_format_address(address, text);
    return json_pack("{s:s, s:o}", "Address", text, "Names", names);
}

json_t *names_compose(const struct store *store, uint32_t service_address)
{
    json_t *names = json_object(), *vpcs = json_object();
    json_auto_t *regions = scan_regions(store, "vpc");
    size_t i;
    const json_t *region;
    json_array_foreach (regions, i, region)
        add_region(store, json_string_value(region), names, vpcs);
    json_t *all = json_pack("{s:o, s:o}", "Names", names, "Vpcs", vpcs);
    if (service_address)
        json_object_set_new(all, "Services", describe_services(service_address));
    return all;
}
