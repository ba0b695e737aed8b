/* The two ends of a question: what was named, and which of its addresses the other end would use.
 */
#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/reach_internal.h"
#include "wire/service_name.h"

#include <stdio.h>
#include <string.h>

static void set_interface(struct reach_end *end, const struct reach *reach, const json_t *interface)
{
    end->interface = interface;
    end->region = reach->call.region;
    end->address = reach_primary(interface);
}

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

/* The first interface of an owner; AWS counts them from device 0. */
static const json_t *interface_of(const struct reach *reach, const char *owner)
{
    const json_t *found = NULL;
    store_each (cursor, reach->call.store, "network-interface", reach->call.region) {
        const json_t *attachment = json_object_get(cursor.doc, "Attachment");
        if (!doc_is(cursor.doc, "_owner", owner))
            continue;
        if (!found || doc_number(attachment, "DeviceIndex") == 0)
            found = cursor.doc;
    }
    return found;
}

static int find_owned(struct reach *reach, struct reach_end *end, const char *kind, const char *id,
                      struct err *err)
{
    if (!ec2_find(&reach->call, kind, id, err))
        return -1;
    const json_t *interface = interface_of(reach, id);
    if (!interface)
        return err_aws(err, "InvalidParameterValue", "%s has no network interface", id);
    set_interface(end, reach, interface);
    return 0;
}

/* ---- addresses ---- */

/* How near an interface is to the other end: of two that have one address, the nearer is meant. */
static int nearness(const struct reach *reach, const struct reach_end *other,
                    const json_t *interface)
{
    const char *vpc = doc_text(interface, "VpcId");
    const char *others = doc_text(other->interface, "VpcId");
    if (!strcmp(vpc, others))
        return 2;
    return *others && reach_peering(reach, others, vpc) ? 1 : 0;
}

/* A source is not clear enough if several VPCs of the region have its address. */
static int find_private(struct reach *reach, struct reach_end *end, const struct reach_end *other,
                        uint32_t address, struct err *err)
{
    const json_t *found = NULL;
    store_each (cursor, reach->call.store, "network-interface", reach->call.region) {
        if (!reach_has_address(cursor.doc, address))
            continue;
        if (found && end == &reach->source)
            return err_aws(err, "InvalidParameterValue",
                           "%s is an address in %s and in %s: name the network interface", end->id,
                           doc_text(found, "VpcId"), doc_text(cursor.doc, "VpcId"));
        if (!found || nearness(reach, other, cursor.doc) > nearness(reach, other, found))
            found = cursor.doc;
    }
    if (found)
        set_interface(end, reach, found);
    end->address = address;
    return 0;
}

static int find_address(struct reach *reach, struct reach_end *end, const struct reach_end *other,
                        uint32_t address, struct err *err)
{
    end->address = address;
    if (reach_is_host(reach, address)) {
        end->is_host = true;
        return 0;
    }
    const char *region;
    uint32_t private_address;
    const json_t *interface = reach_public_at(reach, address, &region, &private_address);
    if (!interface)
        return find_private(reach, end, other, address, err);
    end->interface = interface;
    end->region = region;
    end->address = private_address;
    return 0;
}

/* ---- load balancers ---- */

static const json_t *find_balancer(const struct reach *reach, const char *name)
{
    store_each (cursor, reach->call.store, "load-balancer", reach->call.region) {
        if (!strcmp(cursor.id, name) || doc_is(cursor.doc, "LoadBalancerName", name))
            return cursor.doc;
    }
    return NULL;
}

/* Of its nodes, that in the zone of the other end, or else the first. */
static int find_node(struct reach *reach, struct reach_end *end, const struct reach_end *other,
                     struct err *err)
{
    const json_t *balancer = find_balancer(reach, end->id), *found = NULL;
    if (!balancer)
        return err_aws(err, "InvalidParameterValue",
                       "%.128s is no instance, interface, NAT gateway, load balancer or address",
                       end->id);
    end->id = doc_text(balancer, "LoadBalancerArn");
    store_each (cursor, reach->call.store, "network-interface", reach->call.region) {
        if (!doc_is(cursor.doc, "_owner", end->id))
            continue;
        if (!found ||
            doc_is(cursor.doc, "AvailabilityZone", doc_text(other->interface, "AvailabilityZone")))
            found = cursor.doc;
    }
    if (!found)
        return err_aws(err, "InvalidParameterValue", "%s has no network interface", end->id);
    set_interface(end, reach, found);
    return 0;
}

/* ---- names of AWS's services ---- */

/* The endpoint that has the name in the VPC of the other end, if that has private DNS. */
static const json_t *find_endpoint(const struct reach *reach, const struct reach_end *other,
                                   const char *name)
{
    const char *vpc = doc_text(other->interface, "VpcId");
    store_each (cursor, reach->call.store, "vpc-endpoint", reach->call.region) {
        uint32_t address;
        const json_t *addresses =
            json_object_get(json_object_get(cursor.doc, "_private_names"), name);
        const char *text = json_string_value(json_array_get(addresses, 0));
        if (doc_is(cursor.doc, "VpcId", vpc) && text && cidr_parse_address(text, &address))
            return reach_interface_at(reach, vpc, address);
    }
    return NULL;
}

/* False: the text is no such name. */
static bool find_service(struct reach *reach, struct reach_end *end, const struct reach_end *other)
{
    struct service_name name;
    if (!service_name_parse((struct slice){end->id, strlen(end->id)}, &name) || name.is_endpoint)
        return false;
    const json_t *endpoint = find_endpoint(reach, other, end->id);
    if (endpoint) {
        set_interface(end, reach, endpoint);
        return true;
    }
    end->is_host = true;
    end->address = reach->service_address;
    return true;
}

/* ---- both ends ---- */

static int find_end(struct reach *reach, struct reach_end *end, const struct reach_end *other,
                    struct err *err)
{
    static const char *const owners[][2] = {
        {"i-", "instance"}, {"nat-", "nat-gateway"}, {"vpce-", "vpc-endpoint"}};
    const char *id = end->id;
    uint32_t address;
    if (!strcmp(id, "internet") || !strcmp(id, "host") || begins(id, "igw-")) {
        if (begins(id, "igw-") && !ec2_find(&reach->call, "internet-gateway", id, err))
            return -1;
        end->is_host = true;
        end->address = reach->host_address;
        return 0;
    }
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (begins(id, owners[i][0]))
            return find_owned(reach, end, owners[i][1], id, err);
    if (begins(id, "eni-")) {
        const json_t *interface = ec2_find(&reach->call, "network-interface", id, err);
        if (interface)
            set_interface(end, reach, interface);
        return interface ? 0 : -1;
    }
    if (find_service(reach, end, other))
        return 0;
    if (cidr_parse_address(id, &address))
        return find_address(reach, end, other, address, err);
    return find_node(reach, end, other, err);
}

/* Whether packets to private addresses of the destination have a chance. */
static bool is_near(const struct reach *reach)
{
    const json_t *from = reach->source.interface, *to = reach->destination.interface;
    if (!from || strcmp(reach->source.region, reach->destination.region))
        return false;
    return doc_is(to, "VpcId", doc_text(from, "VpcId")) ||
           reach_peering(reach, doc_text(from, "VpcId"), doc_text(to, "VpcId"));
}

/* Who names an address means it; of another VPC's interface the public address is used. */
static void choose_address(struct reach *reach, uint32_t named)
{
    struct reach_end *to = &reach->destination;
    uint32_t public_address = to->interface ? reach_public_of(to->interface, to->address) : 0;
    if (named)
        to->address = named;
    else if (to->interface && public_address && !is_near(reach))
        to->address = public_address;
}

/* The source's own address that is meant; of the internet it is the host's, for no other answers.
 */
static int choose_source(struct reach *reach, const char *text, struct err *err)
{
    uint32_t address;
    struct reach_end *from = &reach->source;
    if (!*text)
        return 0;
    if (!cidr_parse_address(text, &address) ||
        (from->is_host ? address != reach->host_address
                       : !reach_has_address(from->interface, address)))
        return err_aws(err, "InvalidParameterValue", "%.64s is not an address of %.128s", text,
                       from->id);
    from->address = address;
    return 0;
}

int reach_find_ends(struct reach *reach, const json_t *question, struct err *err)
{
    uint32_t named = 0;
    reach->source.id = doc_text(question, "Source");
    reach->destination.id = doc_text(question, "Destination");
    if (!*reach->source.id || !*reach->destination.id)
        return err_aws(err, "MissingParameter", "a source and a destination must be named");
    if (find_end(reach, &reach->source, &(struct reach_end){0}, err) < 0 ||
        find_end(reach, &reach->destination, &reach->source, err) < 0)
        return -1;
    if (begins(reach->source.id, "arn:") &&
        find_end(reach, &reach->source, &reach->destination, err) < 0)
        return -1;
    if (!reach->source.is_host && !reach->source.interface)
        return err_aws(err, "InvalidParameterValue", "nobody has the address %s", reach->source.id);
    if (reach->source.is_host && reach->destination.is_host)
        return err_aws(err, "InvalidParameterValue",
                       "source and destination are both outside of every VPC");
    if (choose_source(reach, doc_text(question, "SourceAddress"), err) < 0)
        return -1;
    cidr_parse_address(reach->destination.id, &named);
    cidr_parse_address(doc_text(question, "DestinationAddress"), &named);
    if (!reach->destination.is_host)
        choose_address(reach, named);
    else if (named)
        reach->destination.address = named;
    return 0;
}
