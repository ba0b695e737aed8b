/* What a VPC's resolver knows by itself: instances, load balancers, services, addresses. */
#include "guest/guest_impl.h"
#include "wire/service_name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Names below these are ours alone: what is not there does not exist. */
static const char *const own_zones[] = {"compute.internal", "ec2.internal", "elb.localhost"};

enum { LOOPBACK = 0x7f000001 };

static const json_t *settings_of(const struct guest_vpc *vpc)
{
    return json_object_get(json_object_get(vpc->guest->names, "Vpcs"), vpc->id);
}

bool names_are_resolved(const struct guest_vpc *vpc)
{
    return !json_is_false(json_object_get(settings_of(vpc), "DnsSupport"));
}

static void add_address(struct name_record *record, const json_t *text)
{
    struct in_addr parsed;
    if (record->count < NAME_ADDRESSES_MAX && json_is_string(text) &&
        inet_pton(AF_INET, json_string_value(text), &parsed) == 1)
        record->addresses[record->count++] = ntohl(parsed.s_addr);
}

/* ---- zones ---- */

/* Whether `name` is `zone` or below it. */
static bool is_within(const char *name, const char *zone)
{
    size_t size = strlen(name), zone_size = strlen(zone);
    return size >= zone_size && strcmp(name + size - zone_size, zone) == 0 &&
           (size == zone_size || name[size - zone_size - 1] == '.');
}

/* The zone of a reverse name that has `count` bytes of an address; NULL if it is not ours. */
static const char *reverse_zone(const char *name, int count, uint32_t address)
{
    uint32_t first = address >> 24, second = address >> 16 & 255;
    bool by_second = (first == 172 && (second & 0xf0) == 16) || (first == 192 && second == 168) ||
                     (first == 100 && (second & 0xc0) == 64);
    int kept = first == 10 ? 1 : count >= 2 && by_second ? 2 : 0;

    for (int i = kept; kept && i < count; i++)
        name = strchr(name, '.') + 1;
    return kept ? name : NULL;
}

/* Whether anything that has a name of its own in the VPC lies below this one. */
static bool has_names_below(const struct guest_vpc *vpc, const char *name)
{
    size_t id_size = strlen(vpc->id);
    map_each (entry, &vpc->guest->own_names)
        if (strncmp(entry->key, vpc->id, id_size) == 0 && entry->key[id_size] == ' ' &&
            is_within(entry->key + id_size + 1, name))
            return true;
    const char *listed;
    json_t *addresses;
    json_object_foreach (json_object_get(vpc->guest->names, "Names"), listed, addresses)
        if (is_within(listed, name))
            return true;
    return false;
}

/* A name that leads to others exists, though it has no addresses. */
static enum name_finding find_in_own_zone(const struct guest_vpc *vpc, const char *name,
                                          struct name_record *record)
{
    for (size_t i = 0; i < sizeof(own_zones) / sizeof(*own_zones); i++) {
        if (!is_within(name, own_zones[i]))
            continue;
        record->zone = own_zones[i];
        return strcmp(name, own_zones[i]) == 0 || has_names_below(vpc, name) ? NAME_KNOWN
                                                                             : NAME_ABSENT;
    }
    return NAME_FOREIGN;
}

/* ---- names that addresses have ---- */

/* Each of an instance's private addresses has a name in the zone of its primary one. */
static const char *private_zone(const struct guest_instance *instance)
{
    return instance->names[0] ? strchr(instance->names[0], '.') : NULL;
}

/* The private address of a name such as "ip-10-0-1-5.ec2.internal", if somebody here has it. */
static bool find_private(const struct guest_vpc *vpc, const char *name, uint32_t *address)
{
    unsigned a, b, c, d;
    int size = 0;
    if (sscanf(name, "ip-%3u-%3u-%3u-%3u%n", &a, &b, &c, &d, &size) != 4 || !size ||
        (a | b | c | d) > 255)
        return false;
    *address = a << 24 | b << 16 | c << 8 | d;
    const struct guest_instance *instance = guest_find_caller(vpc->guest, vpc->id, *address);
    const char *zone = instance ? private_zone(instance) : NULL;
    return zone && strcmp(zone, name + size) == 0;
}

static bool find_pointer(const struct guest_vpc *vpc, uint32_t address, struct name_record *record)
{
    char key[GUEST_KEY_SIZE];
    const struct guest_instance *own = guest_find_caller(vpc->guest, vpc->id, address);
    const struct guest_instance *public;

    if (own && private_zone(own)) {
        snprintf(record->target, sizeof(record->target), "ip-%u-%u-%u-%u%s", address >> 24,
                 address >> 16 & 255, address >> 8 & 255, address & 255, private_zone(own));
        return true;
    }
    snprintf(key, sizeof(key), " %08x", address);
    public = map_get(&vpc->guest->public_addresses, key);
    if (public && public->names[1])
        snprintf(record->target, sizeof(record->target), "%s", public->names[1]);
    return record->target[0] != '\0';
}

static enum name_finding find_reverse(const struct guest_vpc *vpc, const char *name, int count,
                                      uint32_t address, struct name_record *record)
{
    record->zone = reverse_zone(name, count, address << 8 * (4 - count));
    if (count == 4 && find_pointer(vpc, address, record))
        return NAME_KNOWN;
    if (!record->zone)
        return NAME_FOREIGN;
    return count < 4 ? NAME_KNOWN : NAME_ABSENT;
}

/* ---- addresses ---- */

static bool find_instance(const struct guest_vpc *vpc, const char *name, struct name_record *record)
{
    const struct guest_instance *own = guest_find_name(vpc->guest, vpc->id, name);
    const struct guest_instance *public = map_get(&vpc->guest->public_names, name);
    uint32_t address;

    if (!own && find_private(vpc, name, &address))
        record->addresses[record->count++] = address;
    else if (own || public)
        record->addresses[record->count++] = own ? own->address : public->public_address;
    return record->count > 0;
}

static bool find_listed(const struct guest_vpc *vpc, const char *name, struct name_record *record)
{
    size_t i;
    const json_t *address,
        *found = json_object_get(json_object_get(settings_of(vpc), "Names"), name);

    if (!found)
        found = json_object_get(json_object_get(vpc->guest->names, "Names"), name);
    json_array_foreach (found, i, address)
        add_address(record, address);
    return found != NULL;
}

static bool find_service(const struct guest_vpc *vpc, const char *name, struct name_record *record)
{
    const json_t *services = json_object_get(vpc->guest->names, "Services"), *service;
    struct service_name parsed;
    size_t i;

    if (!service_name_parse((struct slice){name, strlen(name)}, &parsed) || parsed.is_endpoint)
        return false;
    json_array_foreach (json_object_get(services, "Names"), i, service) {
        if (!service_name_is_of(&parsed, json_string_value(service)))
            continue;
        add_address(record, json_object_get(services, "Address"));
        return record->count > 0;
    }
    return false;
}

enum name_finding names_find(const struct guest_vpc *vpc, const struct dns_query *query,
                             struct name_record *record)
{
    const char *name = query->name;
    uint32_t address;
    int count = dns_parse_reverse(name, &address);

    *record = (struct name_record){0};
    if (count)
        return find_reverse(vpc, name, count, address, record);
    if (!*vpc->id && is_within(name, "localhost")) {
        record->zone = "localhost";
        record->addresses[record->count++] = LOOPBACK;
        return NAME_KNOWN;
    }
    enum name_finding finding = find_in_own_zone(vpc, name, record);
    if (find_instance(vpc, name, record) || find_listed(vpc, name, record) ||
        find_service(vpc, name, record)) {
        record->zone = record->zone ? record->zone : name;
        return NAME_KNOWN;
    }
    return finding;
}

bool guest_find_address(const struct guest *guest, const char *name, uint32_t *ret_address)
{
    const struct guest_vpc host = {.guest = (struct guest *)(uintptr_t)guest};
    struct dns_query query = {.type = DNS_TYPE_A};
    struct name_record record;
    snprintf(query.name, sizeof query.name, "%s", name);
    if (names_find(&host, &query, &record) != NAME_KNOWN || !record.count)
        return false;
    *ret_address = record.addresses[0];
    return true;
}
