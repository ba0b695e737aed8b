#include "guest/metadata.h"

#include "base/cleanup.h"
#include "wire/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATH_SIZE = 1024 };

/* A leaf whose value is a member of the description, or a fixed text. Absent members give no leaf.
 */
struct row {
    const char *path, *member, *fixed;
};

static const struct row rows[] = {
    {"ami-id", "ImageId", NULL},
    {"ami-launch-index", "LaunchIndex", NULL},
    {"ami-manifest-path", NULL, "(unknown)"},
    {"autoscaling/target-lifecycle-state", "LifecycleState", NULL},
    {"events/maintenance/history", NULL, "[]"},
    {"events/maintenance/scheduled", NULL, "[]"},
    {"hostname", "PrivateDnsName", NULL},
    {"instance-action", NULL, "none"},
    {"instance-id", "InstanceId", NULL},
    {"instance-life-cycle", NULL, "on-demand"},
    {"instance-type", "InstanceType", NULL},
    {"local-hostname", "PrivateDnsName", NULL},
    {"local-ipv4", "PrivateIpAddress", NULL},
    {"mac", "Mac", NULL},
    {"metrics/vhostmd", NULL, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"},
    {"placement/availability-zone", "AvailabilityZone", NULL},
    {"placement/availability-zone-id", "AvailabilityZoneId", NULL},
    {"placement/group-id", "PlacementGroupId", NULL},
    {"placement/group-name", "PlacementGroup", NULL},
    {"placement/partition-number", "PartitionNumber", NULL},
    {"placement/region", "Region", NULL},
    {"profile", NULL, "default-hvm"},
    {"public-hostname", "PublicDnsName", NULL},
    {"public-ipv4", "PublicIpAddress", NULL},
    {"public-keys/0/openssh-key", "PublicKey", NULL},
    {"reservation-id", "ReservationId", NULL},
    {"security-groups", "SecurityGroups", NULL},
    {"services/domain", NULL, "amazonaws.com"},
    {"services/partition", NULL, "aws"},
    {"system", NULL, "nitro"},
};

static const struct row dynamic_rows[] = {{"fws/instance-monitoring", "Monitoring", NULL}};

/* Below network/interfaces/macs/MAC, from the description's row of that interface. */
static const struct row interface_rows[] = {
    {"device-number", "DeviceNumber", NULL},
    {"interface-id", "InterfaceId", NULL},
    {"local-hostname", "PrivateDnsName", NULL},
    {"local-ipv4s", "PrivateIpAddresses", NULL},
    {"mac", "Mac", NULL},
    {"network-card", NULL, "0"},
    {"public-hostname", "PublicDnsName", NULL},
    {"security-group-ids", "SecurityGroupIds", NULL},
    {"security-groups", "SecurityGroups", NULL},
    {"subnet-id", "SubnetId", NULL},
    {"subnet-ipv4-cidr-block", "SubnetCidr", NULL},
    {"vpc-id", "Vpc", NULL},
    {"vpc-ipv4-cidr-block", "VpcCidr", NULL},
    {"vpc-ipv4-cidr-blocks", "VpcCidrs", NULL},
};

static const char *const versions[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
    "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
    "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11", "latest",
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

bool metadata_has_version(const char *version, size_t size)
{
    for (size_t i = 0; i < LENGTH(versions); i++)
        if (strlen(versions[i]) == size && memcmp(versions[i], version, size) == 0)
            return true;
    return false;
}

void metadata_list_versions(struct buf *out)
{
    for (size_t i = 0; i < LENGTH(versions); i++)
        buf_printf(out, "%s%s", i ? "\n" : "", versions[i]);
}

/* ---- building ---- */

void metadata_reset(struct metadata *metadata)
{
    map_each (entry, &metadata->leaves) {
        buf_reset(entry->value);
        free(entry->value);
    }
    map_finish(&metadata->leaves);
    memset(metadata, 0, sizeof(*metadata));
}

/* A new, empty leaf; NULL if memory ran out. */
static struct buf *add_leaf(struct metadata *metadata, const char *path)
{
    struct buf *value = calloc(1, sizeof(*value));
    if (value && !map_get(&metadata->leaves, path) && map_set(&metadata->leaves, path, value) == 0)
        return value;
    free(value);
    return NULL;
}

static void append_json(struct buf *out, const json_t *value)
{
    const json_t *item;
    size_t index;

    if (json_is_string(value))
        buf_append(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    json_array_foreach (value, index, item) {
        buf_append_string(out, index ? "\n" : "");
        append_json(out, item);
    }
}

static bool is_absent(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static bool add_rows(struct metadata *metadata, const char *directory, const struct row *table,
                     size_t count, const json_t *description)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value =
            table[i].member ? json_object_get(description, table[i].member) : NULL;
        char path[PATH_SIZE];
        if (table[i].member && is_absent(value))
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, table[i].path);
        struct buf *leaf = add_leaf(metadata, path);
        if (!leaf)
            return false;
        if (value)
            append_json(leaf, value);
        else
            buf_append_string(leaf, table[i].fixed);
    }
    return true;
}

static const char *text_of(const json_t *description, const char *member)
{
    const char *text = json_string_value(json_object_get(description, member));
    return text ? text : "";
}

/* One leaf of an interface. */
static bool add_value(struct metadata *metadata, const char *directory, const char *name,
                      const json_t *value)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    struct buf *leaf = add_leaf(metadata, path);
    if (leaf)
        append_json(leaf, value);
    return leaf != NULL;
}

/* Public addresses, and the private ones that each stands for. */
static bool add_associations(struct metadata *metadata, const char *directory,
                             const json_t *interface)
{
    json_t *associations = json_object_get(interface, "Associations"), *private_ips;
    json_auto_t *public_ips = json_array();
    const char *public_ip;

    json_object_foreach (associations, public_ip, private_ips) {
        char name[PATH_SIZE / 2];
        snprintf(name, sizeof(name), "ipv4-associations/%s", public_ip);
        json_array_append_new(public_ips, json_string(public_ip));
        if (!add_value(metadata, directory, name, private_ips))
            return false;
    }
    return json_array_size(public_ips) == 0 ||
           add_value(metadata, directory, "public-ipv4s", public_ips);
}

static bool add_interfaces(struct metadata *metadata, const json_t *description)
{
    size_t i;
    const json_t *interface;

    json_array_foreach (json_object_get(description, "Interfaces"), i, interface) {
        char directory[PATH_SIZE / 2];
        snprintf(directory, sizeof(directory), "meta-data/network/interfaces/macs/%s",
                 text_of(interface, "Mac"));
        if (!add_rows(metadata, directory, interface_rows, LENGTH(interface_rows), interface) ||
            !add_value(metadata, directory, "owner-id",
                       json_object_get(description, "AccountId")) ||
            !add_associations(metadata, directory, interface))
            return false;
    }
    return true;
}

/* The directory of keys is listed with their names, unlike any other. */
static bool add_key_list(struct metadata *metadata, const json_t *description)
{
    if (is_absent(json_object_get(description, "PublicKey")))
        return true;
    struct buf *leaf = add_leaf(metadata, "meta-data/public-keys");
    if (leaf)
        buf_printf(leaf, "0=%s", text_of(description, "KeyName"));
    return leaf != NULL;
}

/* The leaves of an object, below `directory`. */
static bool add_members(struct metadata *metadata, const char *directory, json_t *members)
{
    const char *key;
    json_t *value;
    json_object_foreach (members, key, value) {
        char path[PATH_SIZE];
        snprintf(path, sizeof(path), "%s/%s", directory, key);
        struct buf *leaf = add_leaf(metadata, path);
        if (!leaf)
            return false;
        append_json(leaf, value);
    }
    return true;
}

static bool add_tags(struct metadata *metadata, const json_t *description)
{
    const json_t *options = json_object_get(description, "MetadataOptions");
    if (strcmp(text_of(options, "InstanceMetadataTags"), "enabled") != 0)
        return true;
    return add_members(metadata, "meta-data/tags/instance", json_object_get(description, "Tags"));
}

static bool add_user_data(struct metadata *metadata, const json_t *description)
{
    const json_t *encoded = json_object_get(description, "UserData");
    size_t size = 0;

    if (!json_string_length(encoded))
        return true;
    auto_free char *data =
        base64_decode(json_string_value(encoded), json_string_length(encoded), &size);
    struct buf *leaf = data ? add_leaf(metadata, "user-data") : NULL;
    if (leaf)
        buf_append(leaf, data, size);
    return leaf != NULL;
}

static bool add_identity_document(struct metadata *metadata, const json_t *description)
{
    time_t launched = json_integer_value(json_object_get(description, "LaunchTime"));
    struct tm fields;
    char pending_time[32];

    gmtime_r(&launched, &fields);
    strftime(pending_time, sizeof(pending_time), "%Y-%m-%dT%H:%M:%SZ", &fields);
    json_auto_t *document = json_pack(
        "{s:s s:s s:s s:n s:n s:n s:s s:s s:s s:n s:s s:s s:n s:s s:s}", "accountId",
        text_of(description, "AccountId"), "architecture", text_of(description, "Architecture"),
        "availabilityZone", text_of(description, "AvailabilityZone"), "billingProducts",
        "devpayProductCodes", "marketplaceProductCodes", "imageId", text_of(description, "ImageId"),
        "instanceId", text_of(description, "InstanceId"), "instanceType",
        text_of(description, "InstanceType"), "kernelId", "pendingTime", pending_time, "privateIp",
        text_of(description, "PrivateIpAddress"), "ramdiskId", "region",
        text_of(description, "Region"), "version", "2017-09-30");
    auto_free char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    struct buf *leaf = text ? add_leaf(metadata, "dynamic/instance-identity/document") : NULL;
    if (leaf)
        buf_append_string(leaf, text);
    return leaf != NULL;
}

int metadata_build(struct metadata *metadata, const json_t *description, struct err *err)
{
    memset(metadata, 0, sizeof(*metadata));
    if (add_identity_document(metadata, description) &&
        add_rows(metadata, "dynamic", dynamic_rows, LENGTH(dynamic_rows), description) &&
        add_rows(metadata, "meta-data", rows, LENGTH(rows), description) &&
        add_key_list(metadata, description) && add_interfaces(metadata, description) &&
        add_tags(metadata, description) &&
        add_members(metadata, "meta-data/block-device-mapping",
                    json_object_get(description, "BlockDevices")) &&
        add_user_data(metadata, description))
        return 0;
    metadata_reset(metadata);
    return err_set(err, "the description of an instance is broken, or memory ran out");
}

/* ---- reading ---- */

/* Adds the names in a directory to `names`; the value of a directory's name is not NULL. */
static bool collect(const struct metadata *metadata, const char *path, struct map *names)
{
    static char directory[] = "/";
    size_t size = strlen(path);

    map_each (entry, &metadata->leaves) {
        const char *rest = entry->key + size;
        if (strncmp(entry->key, path, size) != 0 || (size && *rest++ != '/'))
            continue;
        size_t name_size = strcspn(rest, "/");
        bool is_directory = rest[name_size] != '\0';
        auto_free char *name = strndup(rest, name_size);
        if (!name)
            return false;
        if ((is_directory || !map_find(names, name)) &&
            map_set(names, name, is_directory ? directory : NULL) < 0)
            return false;
    }
    return names->count > 0;
}

bool metadata_get(const struct metadata *metadata, const char *path, struct buf *out)
{
    const struct buf *leaf = map_get(&metadata->leaves, path);
    struct map names = {0};

    if (leaf) {
        buf_append(out, leaf->data, leaf->size);
        return true;
    }
    bool found = collect(metadata, path, &names);
    map_each (entry, &names) {
        bool slash = entry->value && *path; /* the uppermost directories are listed without */
        buf_printf(out, "%s%s%s", entry == names.first ? "" : "\n", entry->key, slash ? "/" : "");
    }
    map_finish(&names);
    return found;
}
