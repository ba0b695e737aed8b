/* Makes the document of an instance, complete as DescribeInstances shows it, and its interface. */
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/ec2/block_devices.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/launch_interfaces.h"
#include "service/ec2/metadata_defaults.h"
#include "service/ec2/placement_group.h"
#include "service/ec2/zones.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS_MAX = 16384 };

static const char slot_kind[] = "slot";

/*
 * A range of user ids that no other instance has. Tried from the number of slots in use on, which
 * is free unless instances with lower numbers are gone, so that the search stays short.
 */
static int take_slot(struct call *call, const char *instance_id, int *ret_slot, struct err *err)
{
    size_t first = store_count(call->store, slot_kind, "");
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        char id[16];
        *ret_slot = (int)((first + i) % SLOTS_MAX);
        snprintf(id, sizeof id, "%d", *ret_slot);
        if (store_get(call->store, slot_kind, "", id))
            continue;
        txn_put(call->txn, slot_kind, "", id,
                json_pack("{s:s, s:s}", "instance", instance_id, "region", call->region));
        return 0;
    }
    return err_aws(err, "InsufficientInstanceCapacity",
                   "There is no capacity for more instances on this machine.");
}

/* What the image wants, unless the account or the request say otherwise. */
static json_t *metadata_options(const struct call *call, const struct launch *launch)
{
    bool v2_only = doc_is(launch->image, "ImdsSupport", "v2.0");
    json_t *options = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "State", "applied", "HttpTokens",
                                v2_only ? "required" : "optional", "HttpPutResponseHopLimit",
                                v2_only ? 2 : 1, "HttpEndpoint", "enabled", "HttpProtocolIpv6",
                                "disabled", "InstanceMetadataTags", "disabled");
    metadata_defaults_apply(call, options);
    const json_t *wanted = json_object_get(launch->in, "MetadataOptions");
    json_object_update(options, (json_t *)(uintptr_t)wanted);
    return options;
}

static int add_placement(const struct call *call, const struct launch *launch, json_t *doc,
                         struct err *err)
{
    const char *zone = launch->zone;
    char zone_id[32] = "";
    ec2_zone_id(call->region, zone, zone_id);
    json_t *placement =
        json_pack("{s:s, s:s, s:s, s:s}", "AvailabilityZone", zone, "AvailabilityZoneId", zone_id,
                  "GroupName", "", "Tenancy", "default");
    json_object_set_new(doc, "Placement", placement);
    return placement_group_join(call, json_object_get(launch->in, "Placement"), placement, err);
}

/* The parts that are the same for every instance, and those that the type decides. */
static void add_hardware(const struct launch *launch, json_t *doc)
{
    const struct instance_type *type = &launch->type;
    const char *auto_recovery =
        ec2_text(json_object_get(launch->in, "MaintenanceOptions"), "AutoRecovery");
    json_t *parts = json_pack(
        "{s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:{s:i, s:i}, s:{s:b}, s:{s:b},"
        " s:{s:s, s:b, s:b}, s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:s, s:[], s:[]}",
        "Architecture", doc_text(launch->image, "Architecture"), "EbsOptimized", 0, "EnaSupport", 1,
        "Hypervisor", "xen", "RootDeviceName", doc_text(launch->image, "RootDeviceName"),
        "RootDeviceType", "ebs", "VirtualizationType", "hvm", "PlatformDetails", "Linux/UNIX",
        "UsageOperation", "RunInstances", "SourceDestCheck", 1, "CpuOptions", "CoreCount",
        instance_type_cores(type), "ThreadsPerCore", type->family->threads_per_core,
        "HibernationOptions", "Configured", 0, "EnclaveOptions", "Enabled", 0,
        "PrivateDnsNameOptions", "HostnameType", "ip-name", "EnableResourceNameDnsARecord", 0,
        "EnableResourceNameDnsAAAARecord", 0, "MaintenanceOptions", "AutoRecovery",
        auto_recovery ? auto_recovery : "default", "RebootMigration", "default",
        "CapacityReservationSpecification", "CapacityReservationPreference", "open",
        "NetworkPerformanceOptions", "BandwidthWeighting", "default", "CurrentInstanceBootMode",
        "legacy-bios", "BlockDeviceMappings", "ProductCodes");
    json_object_update(doc, parts);
    json_decref(parts);
}

/* What only Pileus sees; see docs/state.md. */
static void add_private(const struct call *call, const struct launch *launch, json_t *doc)
{
    const json_t *in = launch->in;
    const char *behavior = ec2_text(in, "InstanceInitiatedShutdownBehavior");
    const char *credits = ec2_text(json_object_get(in, "CreditSpecification"), "CpuCredits");
    json_t *parts = json_pack(
        "{s:s, s:i, s:i, s:O, s:i, s:i, s:b, s:b, s:s, s:s*, s:s*, s:s*, s:{s:s, s:s}}", "_desired",
        "running", "_boot", 1, "_running_boot", 0, "_layers",
        json_object_get(launch->image, "_layers"), "_cpu_thousandths",
        instance_type_share(&launch->type, call->world->vcpu_share), "_memory_mib",
        launch->type.memory_mib, "_termination_protection", doc_flag(in, "DisableApiTermination"),
        "_stop_protection", doc_flag(in, "DisableApiStop"), "_shutdown_behavior",
        behavior ? behavior : "stop", "_user_data", ec2_text(in, "UserData"), "_public_key",
        launch->public_key, "_credits", credits ? credits : launch->type.family->default_credits,
        "_reservation", "ReservationId", launch->reservation_id, "OwnerId", call->account);
    json_object_update(doc, parts);
    json_decref(parts);
    json_object_set_new(doc, "_exited_boot", json_integer(0));
}

static json_t *make_document(const struct call *call, const struct launch *launch, const char *id,
                             int index)
{
    const json_t *in = launch->in;
    bool monitored = doc_flag(json_object_get(in, "Monitoring"), "Enabled");
    json_t *doc =
        json_pack("{s:s, s:O, s:s, s:i, s:o, s:o, s:{s:s}, s:o, s:s, s:o, s:s*, s:s*}",
                  "InstanceId", id, "ImageId", json_object_get(launch->image, "ImageId"),
                  "InstanceType", launch->type.name, "AmiLaunchIndex", index, "LaunchTime",
                  call_now(call), "UsageOperationUpdateTime", call_now(call), "Monitoring", "State",
                  monitored ? "enabled" : "disabled", "State", instance_state_shape("pending"),
                  "StateTransitionReason", "", "Tags", json_deep_copy(launch->tags), "KeyName",
                  launch->key_name, "ClientToken", ec2_text(in, "ClientToken"));
    json_object_set_new(doc, "MetadataOptions", metadata_options(call, launch));
    add_hardware(launch, doc);
    add_private(call, launch, doc);
    return doc;
}

const json_t *launch_instance(struct call *call, struct launch *launch, int index, struct err *err)
{
    char id[32];
    int slot;
    call_make_id(call, "i", id);
    json_t *doc = make_document(call, launch, id, index);
    if (add_placement(call, launch, doc, err) < 0 ||
        launch_interfaces_make(call, launch, id, doc, err) < 0 ||
        take_slot(call, id, &slot, err) < 0) {
        json_decref(doc);
        return NULL;
    }
    json_object_set_new(doc, "_slot", json_integer(slot));
    block_devices_make(call, launch->volumes, launch->volume_tags, doc);
    txn_put(call->txn, "instance", call->region, id, doc);
    return doc;
}
