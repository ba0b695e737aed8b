#include "service/ec2/launch.h"

#include "service/doc.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/launch_parameters.h"
#include "service/ec2/tags.h"

#include <string.h>

static const char taggable[] = "instance network-interface";

/* The one network interface of the request; NULL if it has none. */
static const json_t *requested_interface(const json_t *in)
{
    return json_array_get(json_object_get(in, "NetworkInterfaces"), 0);
}

/* ---- image and type ---- */

static int prepare_image(struct call *call, struct launch *launch, struct err *err)
{
    const char *image_id = ec2_text(launch->in, "ImageId");
    const char *name = ec2_text(launch->in, "InstanceType");
    if (!image_id)
        return err_aws(err, "MissingParameter", "The request must contain the parameter ImageId");
    if (!name)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter InstanceType");
    launch->image = image_find_available(call, image_id, err);
    if (!launch->image)
        return -1;
    if (!instance_type_find(name, &launch->type))
        return err_aws(err, "InvalidParameterValue", "Invalid value '%s' for InstanceType.", name);
    if (!doc_is(launch->image, "Architecture", launch->type.family->architecture))
        return err_aws(err, "InvalidParameterValue",
                       "The architecture '%s' of the specified instance type does not match the "
                       "architecture '%s' of the specified AMI. Specify an instance type and an "
                       "AMI that have matching architectures, and try again. You can use "
                       "'describe-instance-types' or 'describe-images' to discover the "
                       "architecture of the instance type or AMI.",
                       launch->type.family->architecture, doc_text(launch->image, "Architecture"));
    return 0;
}

static int prepare_key(struct call *call, struct launch *launch, struct err *err)
{
    launch->key_name = ec2_text(launch->in, "KeyName");
    if (!launch->key_name)
        return 0;
    const json_t *key = ec2_find(call, "key-pair", launch->key_name, err);
    if (!key)
        return -1;
    launch->public_key = doc_text(key, "_public_key");
    return 0;
}

/* ---- where ---- */

static const json_t *default_vpc(const struct call *call)
{
    store_each (cursor, call->store, "vpc", call->region)
        if (doc_flag(cursor.doc, "IsDefault"))
            return cursor.doc;
    return NULL;
}

/* The default subnet with the most free addresses, so that instances spread over the zones. */
static const json_t *default_subnet(const struct call *call, const char *zone, struct err *err)
{
    const json_t *vpc = default_vpc(call), *best = NULL;
    if (!vpc) {
        err_aws(err, "VPCIdNotSpecified", "No default VPC for this user");
        return NULL;
    }
    store_each (cursor, call->store, "subnet", call->region) {
        if (!doc_is(cursor.doc, "VpcId", doc_text(vpc, "VpcId")) ||
            !doc_flag(cursor.doc, "DefaultForAz") ||
            (zone && !doc_is(cursor.doc, "AvailabilityZone", zone)))
            continue;
        if (!best || doc_number(cursor.doc, "AvailableIpAddressCount") >
                         doc_number(best, "AvailableIpAddressCount"))
            best = cursor.doc;
    }
    if (!best)
        err_aws(err, "MissingInput",
                "No subnets found for the default VPC '%s'. Please specify a subnet.",
                doc_text(vpc, "VpcId"));
    return best;
}

static int check_interface(const json_t *in, struct err *err)
{
    static const struct {
        const char *member, *words;
    } exclusive[] = {
        {"SubnetId", "subnet ID"},
        {"SecurityGroupIds", "security groups"},
        {"SecurityGroups", "security groups"},
        {"PrivateIpAddress", "private IP address"},
    };
    const json_t *interface = requested_interface(in);
    if (!interface)
        return 0;
    if (!json_object_get(interface, "DeviceIndex"))
        return err_aws(err, "InvalidParameterValue",
                       "Each network interface requires a device index.");
    for (size_t i = 0; i < sizeof exclusive / sizeof *exclusive; i++)
        if (json_object_get(in, exclusive[i].member))
            return err_aws(err, "InvalidParameterCombination",
                           "Network interfaces and an instance-level %s may not be specified on "
                           "the same request",
                           exclusive[i].words);
    return 0;
}

static int prepare_subnet(struct call *call, struct launch *launch, struct err *err)
{
    const json_t *interface = requested_interface(launch->in);
    const json_t *holder = interface ? interface : launch->in;
    const json_t *wanted = json_object_get(interface, "AssociatePublicIpAddress");
    const char *subnet_id = ec2_text(holder, "SubnetId");
    const char *zone = ec2_text(json_object_get(launch->in, "Placement"), "AvailabilityZone");
    launch->subnet =
        subnet_id ? ec2_find(call, "subnet", subnet_id, err) : default_subnet(call, zone, err);
    if (!launch->subnet)
        return -1;
    if (zone && !doc_is(launch->subnet, "AvailabilityZone", zone))
        return err_aws(err, "InvalidParameterValue",
                       "The subnet '%s' is not in the Availability Zone '%s'",
                       doc_text(launch->subnet, "SubnetId"), zone);
    launch->private_ip = ec2_text(holder, "PrivateIpAddress");
    launch->description = doc_text(interface, "Description");
    launch->want_public =
        wanted ? json_is_true(wanted) : doc_flag(launch->subnet, "MapPublicIpOnLaunch");
    return 0;
}

/* ---- security groups ---- */

static const json_t *find_group_by_name(const struct call *call, const char *vpc, const char *name)
{
    store_each (cursor, call->store, "security-group", call->region)
        if (doc_is(cursor.doc, "VpcId", vpc) && doc_is(cursor.doc, "GroupName", name))
            return cursor.doc;
    return NULL;
}

static int add_named_groups(struct call *call, struct launch *launch, struct err *err)
{
    const char *vpc = doc_text(launch->subnet, "VpcId");
    const json_t *names = json_object_get(launch->in, "SecurityGroups"), *name;
    size_t i;
    if (json_array_size(names) > 0 &&
        !doc_flag(store_get(call->store, "vpc", call->region, vpc), "IsDefault"))
        return err_aws(err, "InvalidParameterCombination",
                       "The parameter groupName cannot be used with the parameter subnet");
    json_array_foreach (names, i, name) {
        const json_t *group = find_group_by_name(call, vpc, json_string_value(name));
        if (!group)
            return err_aws(err, "InvalidGroup.NotFound",
                           "The security group '%s' does not exist in default VPC '%s'",
                           json_string_value(name), vpc);
        json_array_append(launch->group_ids, json_object_get(group, "GroupId"));
    }
    return 0;
}

static int prepare_groups(struct call *call, struct launch *launch, struct err *err)
{
    const json_t *interface = requested_interface(launch->in);
    const json_t *ids = interface ? json_object_get(interface, "Groups")
                                  : json_object_get(launch->in, "SecurityGroupIds");
    launch->group_ids = ids ? json_copy((json_t *)(uintptr_t)ids) : json_array();
    if (add_named_groups(call, launch, err) < 0)
        return -1;
    if (json_array_size(launch->group_ids) > 0)
        return 0;
    const json_t *group = find_group_by_name(call, doc_text(launch->subnet, "VpcId"), "default");
    if (!group)
        return err_set(err, "the VPC has no default security group");
    return json_array_append(launch->group_ids, json_object_get(group, "GroupId"));
}

/* ---- all of it ---- */

static int prepare_tags(struct call *call, struct launch *launch, struct err *err)
{
    struct call merged = *call; /* the tags of request and template together */
    merged.in = launch->in;
    launch->tags = ec2_tags_on_creation(&merged, "instance", taggable, err);
    if (!launch->tags)
        return -1;
    launch->interface_tags = ec2_tags_on_creation(&merged, "network-interface", taggable, err);
    return launch->interface_tags ? 0 : -1;
}

int launch_prepare(struct call *call, const json_t *in, struct launch *launch, struct err *err)
{
    *launch = (struct launch){.in = in};
    call_make_id(call, "r", launch->reservation_id);
    if (launch_parameters_check(in, err) < 0 ||
        launch_user_data_check(ec2_text(in, "UserData"), err) < 0 ||
        prepare_image(call, launch, err) < 0 || prepare_key(call, launch, err) < 0 ||
        check_interface(in, err) < 0 || prepare_subnet(call, launch, err) < 0 ||
        prepare_groups(call, launch, err) < 0)
        return -1;
    return prepare_tags(call, launch, err);
}

void launch_finish(struct launch *launch)
{
    json_decref(launch->image);
    json_decref(launch->group_ids);
    json_decref(launch->tags);
    json_decref(launch->interface_tags);
}
