/* What the host and the guest are told of an instance, composed from the documents. */
#include "control/instances_impl.h"

#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/volume_device.h"
#include "service/ec2/volume_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* "ip-10-0-1-5" of "ip-10-0-1-5.ec2.internal" */
static void copy_host_name(char out[HOST_NAME_SIZE], const char *name)
{
    size_t size = strcspn(name, ".");
    snprintf(out, HOST_NAME_SIZE, "%.*s", (int)size, name);
}

struct volume_limits volume_limits_of(const json_t *volume)
{
    int64_t throughput = doc_number(volume, "Throughput");
    return (struct volume_limits){
        .iops = (uint32_t)doc_number(volume, "Iops"),
        .mib = (uint32_t)volume_type_throughput(doc_text(volume, "VolumeType"), throughput),
    };
}

static void add_volume(struct message_instance_start *start, const json_t *mapping,
                       const json_t *volume)
{
    if (start->volume_count == VOLUMES_MAX)
        return; /* no instance is given more */
    struct volume_attachment *row = &start->volumes[start->volume_count++];
    copy_text(row->volume, ID_SIZE, doc_text(json_object_get(mapping, "Ebs"), "VolumeId"));
    row->limits = volume_limits_of(volume);
    copy_text(row->device, DEVICE_SIZE, volume_device_folder(doc_text(mapping, "DeviceName")));
}

/* One that is being detached is not there any more after a start. */
static void fill_volumes(const struct store *store, const char *region, const json_t *instance,
                         struct message_instance_start *start)
{
    const char *root = doc_text(instance, "_root_volume");
    size_t i;
    const json_t *mapping;
    copy_text(start->root_volume, ID_SIZE, root);
    const json_t *volume = store_get(store, "volume", region, root);
    start->root_gib = (uint32_t)doc_number(volume, "Size");
    start->root_limits = volume_limits_of(volume);
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping) {
        const json_t *ebs = json_object_get(mapping, "Ebs");
        if (!doc_is(ebs, "VolumeId", root) && !doc_is(ebs, "Status", "detaching"))
            add_volume(start, mapping,
                       store_get(store, "volume", region, doc_text(ebs, "VolumeId")));
    }
}

/* The servers of an option; the resolver of VPCs is two above the VPC's own address. */
static void fill_servers(const json_t *vpc, const json_t *values, uint32_t out[DHCP_SERVERS_MAX])
{
    struct cidr block = {0};
    size_t i, count = 0;
    const json_t *value;
    cidr_parse(doc_text(vpc, "CidrBlock"), &block);
    json_array_foreach (values, i, value) {
        uint32_t address = block.network + 2;
        if (count < DHCP_SERVERS_MAX && (doc_is(value, "Value", "AmazonProvidedDNS") ||
                                         cidr_parse_address(doc_text(value, "Value"), &address)))
            out[count++] = address;
    }
}

static void fill_dhcp(const struct store *store, const char *region, const json_t *instance,
                      struct message_dhcp *dhcp)
{
    const json_t *vpc = store_get(store, "vpc", region, doc_text(instance, "VpcId"));
    const json_t *set = store_get(store, "dhcp-options", region, doc_text(vpc, "DhcpOptionsId"));
    const struct {
        const char *key;
        uint32_t *servers;
    } rows[] = {{"domain-name-servers", dhcp->name_servers},
                {"ntp-servers", dhcp->time_servers},
                {"netbios-name-servers", dhcp->netbios_servers}};
    size_t i;
    const json_t *option;
    json_array_foreach (json_object_get(set, "DhcpConfigurations"), i, option) {
        const json_t *values = json_object_get(option, "Values");
        const char *first = doc_text(json_array_get(values, 0), "Value");
        if (doc_is(option, "Key", "domain-name"))
            copy_text(dhcp->domain, sizeof dhcp->domain, first);
        if (doc_is(option, "Key", "netbios-node-type"))
            dhcp->netbios_node_type = (uint32_t)strtoul(first, NULL, 10);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            if (doc_is(option, "Key", rows[k].key))
                fill_servers(vpc, values, rows[k].servers);
    }
}

void instance_send_start(struct control *control, const char *region, const json_t *instance)
{
    const json_t *layer;
    struct message_instance_start start = {
        .boot = (uint32_t)doc_number(instance, "_boot"),
        .slot = (uint32_t)doc_number(instance, "_slot"),
        .cpu_thousandths = (uint32_t)doc_number(instance, "_cpu_thousandths"),
        .memory_mib = (uint32_t)doc_number(instance, "_memory_mib"),
    };
    size_t i;
    copy_text(start.instance, ID_SIZE, doc_text(instance, "InstanceId"));
    copy_host_name(start.host_name, doc_text(instance, "PrivateDnsName"));
    cidr_parse_address(doc_text(instance, "PrivateIpAddress"), &start.address);
    fill_volumes(control->store, region, instance, &start);
    fill_dhcp(control->store, region, instance, &start.dhcp);
    json_array_foreach (json_object_get(instance, "_layers"), i, layer)
        if (start.layer_count < LAYERS_MAX)
            copy_text(start.layers[start.layer_count++], ID_SIZE, json_string_value(layer));
    control->world->send(control->world->arg, MESSAGE_INSTANCE_START, &start, sizeof start, NULL,
                         0);
}

/* ---- metadata ---- */

/* One member of every element of a list. */
static json_t *pluck(const json_t *list, const char *member)
{
    json_t *values = json_array();
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        json_array_append(values, json_object_get(item, member));
    return values;
}

static json_t *tags_by_key(const json_t *tags)
{
    json_t *map = json_object();
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag)
        json_object_set(map, doc_text(tag, "Key"), json_object_get(tag, "Value"));
    return map;
}

/* Members that metadata and document have in common, by the metadata's name for them. */
static void copy_members(const json_t *instance, json_t *metadata)
{
    static const struct {
        const char *to, *from;
    } copied[] = {
        {"InstanceId", "InstanceId"},
        {"Vpc", "VpcId"},
        {"PrivateIpAddress", "PrivateIpAddress"},
        {"PublicIpAddress", "PublicIpAddress"},
        {"PrivateDnsName", "PrivateDnsName"},
        {"ImageId", "ImageId"},
        {"InstanceType", "InstanceType"},
        {"KeyName", "KeyName"},
        {"PublicKey", "_public_key"},
        {"UserData", "_user_data"},
        {"LaunchIndex", "AmiLaunchIndex"},
        {"MetadataOptions", "MetadataOptions"},
        {"Architecture", "Architecture"},
    };
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(instance, copied[i].from))
            json_object_set(metadata, copied[i].to, json_object_get(instance, copied[i].from));
    if (doc_text(instance, "PublicDnsName")[0])
        json_object_set(metadata, "PublicDnsName", json_object_get(instance, "PublicDnsName"));
}

/* Where it is and in which company; members that it does not have are left out. */
static void add_placement(const json_t *instance, json_t *metadata)
{
    static const struct {
        const char *to, *from;
    } copied[] = {{"AvailabilityZoneId", "AvailabilityZoneId"},
                  {"PlacementGroup", "GroupName"},
                  {"PlacementGroupId", "GroupId"},
                  {"PartitionNumber", "PartitionNumber"}};
    const json_t *placement = json_object_get(instance, "Placement");
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        json_object_set(metadata, copied[i].to, json_object_get(placement, copied[i].from));
    json_object_set(metadata, "Monitoring",
                    json_object_get(json_object_get(instance, "Monitoring"), "State"));
    bool ends = doc_is(instance, "_desired", "terminated");
    const char *pool = doc_text(instance, "_pool");
    if (doc_text(instance, "_group")[0])
        json_object_set_new(metadata, "LifecycleState",
                            json_string(ends    ? "Terminated"
                                        : *pool ? pool
                                                : "InService"));
}

/* {"ami": "/dev/xvda", "root": "/dev/xvda", "ebs1": "sdf"} */
static json_t *block_devices(const json_t *instance)
{
    const char *root = doc_text(instance, "RootDeviceName");
    json_t *devices = json_pack("{s:s, s:s}", "ami", root, "root", root);
    size_t i;
    int number = 1;
    const json_t *mapping;
    json_array_foreach (json_object_get(instance, "BlockDeviceMappings"), i, mapping) {
        char name[16];
        const char *device = doc_text(mapping, "DeviceName");
        if (volume_device_is_same(device, root))
            continue;
        snprintf(name, sizeof name, "ebs%d", number++);
        json_object_set_new(devices, name, json_string(volume_device_folder(device)));
    }
    return devices;
}

/* The private addresses, the primary one first; `associations`: those of each public address. */
static json_t *list_addresses(const json_t *interface, json_t *associations)
{
    json_t *list = json_array();
    size_t i;
    json_t *row;
    json_array_append(list, json_object_get(interface, "PrivateIpAddress"));
    json_array_foreach (json_object_get(interface, "PrivateIpAddresses"), i, row) {
        const char *public_ip = doc_text(json_object_get(row, "Association"), "PublicIp");
        json_t *private_ip = json_object_get(row, "PrivateIpAddress");
        if (!doc_flag(row, "Primary"))
            json_array_append(list, private_ip);
        if (*public_ip)
            json_object_set_new(associations, public_ip, json_pack("[O]", private_ip));
    }
    return list;
}

/* What IMDS shows of one network interface. */
static json_t *describe_interface(const struct store *store, const char *region,
                                  const json_t *interface)
{
    const char *vpc_id = doc_text(interface, "VpcId"), *subnet_id = doc_text(interface, "SubnetId");
    const json_t *vpc = store_get(store, "vpc", region, vpc_id);
    const json_t *subnet = store_get(store, "subnet", region, subnet_id);
    const json_t *groups = json_object_get(interface, "Groups");
    json_t *associations = json_object();
    json_t *addresses = list_addresses(interface, associations);
    return json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:s}", "Mac",
        doc_text(interface, "MacAddress"), "DeviceNumber",
        (json_int_t)doc_number(json_object_get(interface, "Attachment"), "DeviceIndex"),
        "InterfaceId", doc_text(interface, "NetworkInterfaceId"), "Vpc", vpc_id, "SubnetId",
        subnet_id, "PrivateDnsName", doc_text(interface, "PrivateDnsName"), "PrivateIpAddresses",
        addresses, "Associations", associations, "PublicDnsName",
        doc_text(json_object_get(interface, "Association"), "PublicDnsName"), "SecurityGroups",
        pluck(groups, "GroupName"), "SecurityGroupIds", pluck(groups, "GroupId"), "VpcCidr",
        doc_text(vpc, "CidrBlock"), "VpcCidrs",
        pluck(json_object_get(vpc, "CidrBlockAssociationSet"), "CidrBlock"), "SubnetCidr",
        doc_text(subnet, "CidrBlock"));
}

static json_t *describe_interfaces(const struct store *store, const char *region,
                                   const json_t *instance)
{
    json_t *list = json_array();
    size_t i;
    const json_t *interface;
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, interface)
        if (!doc_is(json_object_get(interface, "Attachment"), "Status", "detaching"))
            json_array_append_new(list, describe_interface(store, region, interface));
    return list;
}

char *instance_metadata(struct control *control, const char *region, const json_t *instance)
{
    const json_t *primary = json_array_get(json_object_get(instance, "NetworkInterfaces"), 0);
    json_auto_t *metadata = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "AvailabilityZone",
        doc_text(json_object_get(instance, "Placement"), "AvailabilityZone"), "Region", region,
        "AccountId", control->world->account, "Mac", doc_text(primary, "MacAddress"),
        "ReservationId", doc_text(json_object_get(instance, "_reservation"), "ReservationId"),
        "LaunchTime", (json_int_t)json_number_value(json_object_get(instance, "LaunchTime")),
        "SecurityGroups", pluck(json_object_get(instance, "SecurityGroups"), "GroupName"), "Tags",
        tags_by_key(json_object_get(instance, "Tags")), "Interfaces",
        describe_interfaces(control->store, region, instance), "BlockDevices",
        block_devices(instance));
    copy_members(instance, metadata);
    add_placement(instance, metadata);
    return json_dumps(metadata, JSON_COMPACT);
}
