#include "service/ec2/launch.h"

#include "service/doc.h"
#include "service/ec2/block_devices.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/launch_interfaces.h"
#include "service/ec2/launch_parameters.h"
#include "service/ec2/tags.h"

#include <string.h>

static const char taggable[] = "instance network-interface volume";

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

/* ---- all of it ---- */

static int prepare_volumes(struct call *call, struct launch *launch, struct err *err)
{
    launch->volumes = block_devices_plan(call, launch->image,
                                         json_object_get(launch->in, "BlockDeviceMappings"), err);
    return launch->volumes ? 0 : -1;
}

static int prepare_tags(struct call *call, struct launch *launch, struct err *err)
{
    struct call merged = *call; /* the tags of request and template together */
    merged.in = launch->in;
    launch->tags = ec2_tags_on_creation(&merged, "instance", taggable, err);
    if (!launch->tags)
        return -1;
    launch->interface_tags = ec2_tags_on_creation(&merged, "network-interface", taggable, err);
    if (!launch->interface_tags)
        return -1;
    launch->volume_tags = ec2_tags_on_creation(&merged, "volume", taggable, err);
    return launch->volume_tags ? 0 : -1;
}

int launch_prepare(struct call *call, const json_t *in, struct launch *launch, struct err *err)
{
    *launch = (struct launch){.in = in};
    call_make_id(call, "r", launch->reservation_id);
    if (launch_parameters_check(in, err) < 0 ||
        launch_user_data_check(ec2_text(in, "UserData"), err) < 0 ||
        prepare_image(call, launch, err) < 0 || prepare_key(call, launch, err) < 0 ||
        launch_interfaces_prepare(call, launch, err) < 0 || prepare_volumes(call, launch, err) < 0)
        return -1;
    return prepare_tags(call, launch, err);
}

void launch_finish(struct launch *launch)
{
    json_decref(launch->image);
    launch_interfaces_finish(launch);
    json_decref(launch->tags);
    json_decref(launch->interface_tags);
    json_decref(launch->volume_tags);
    json_decref(launch->volumes);
}
