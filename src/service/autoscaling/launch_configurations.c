/* CreateLaunchConfiguration, DescribeLaunchConfigurations, DeleteLaunchConfiguration. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/launch_configuration.h"
#include "service/autoscaling/operations.h"
#include "service/ec2/ids.h"
#include "service/ec2/images.h"
#include "service/ec2/instance_types.h"
#include "service/ec2/launch_parameters.h"

#include <string.h>

static int check_new_name(const struct call *call, const char *name, struct err *err)
{
    if (store_get(call->store, launch_configuration_kind, call->region, name))
        return err_aws(err, "AlreadyExists",
                       "Launch Configuration by this name already exists - A launch configuration "
                       "already exists with the name %s",
                       name);
    if (store_count(call->store, launch_configuration_kind, call->region) >=
        LAUNCH_CONFIGURATIONS_MAX)
        return err_aws(err, "LimitExceeded",
                       "You have reached the limit of %d launch configurations in this region.",
                       LAUNCH_CONFIGURATIONS_MAX);
    return 0;
}

/* ---- from an instance ---- */

/* What it says for itself where the request says nothing; never its block devices. */
static void copy_instance(const json_t *instance, json_t *configuration)
{
    static const struct {
        const char *from, *to;
    } copied[] = {{"ImageId", "ImageId"},
                  {"InstanceType", "InstanceType"},
                  {"KeyName", "KeyName"},
                  {"_user_data", "UserData"}};
    json_auto_t *derived = json_object(), *groups = json_array();
    size_t i;
    const json_t *group;
    for (i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(instance, copied[i].from))
            json_object_set(derived, copied[i].to, json_object_get(instance, copied[i].from));
    json_array_foreach (json_object_get(instance, "SecurityGroups"), i, group)
        json_array_append(groups, json_object_get(group, "GroupId"));
    json_object_set(derived, "SecurityGroups", groups);
    bool monitored = doc_is(json_object_get(instance, "Monitoring"), "State", "enabled");
    json_object_set_new(derived, "InstanceMonitoring", json_pack("{s:b}", "Enabled", monitored));
    json_object_update_missing(configuration, derived);
}

static int apply_instance(const struct call *call, const char *id, json_t *configuration,
                          struct err *err)
{
    const json_t *instance = store_get(call->store, "instance", call->region, id);
    if (!*id)
        return 0;
    if (!instance || doc_is(json_object_get(instance, "State"), "Name", "terminated"))
        return err_aws(err, "ValidationError", "Invalid Instance ID(s): [%s] specified", id);
    copy_instance(instance, configuration);
    return 0;
}

/* ---- creating ---- */

/* What it names exists; what it asks for can be done. EC2 says what cannot. */
static int check(const struct call *call, const json_t *configuration, struct err *err)
{
    const char *image_id = doc_text(configuration, "ImageId");
    const char *type_name = doc_text(configuration, "InstanceType");
    const char *key = doc_text(configuration, "KeyName");
    struct instance_type type;
    struct err cause;
    if (!*image_id || !*type_name)
        return err_aws(err, "ValidationError",
                       "Valid requests must contain either the InstanceID parameter or both the "
                       "ImageId and InstanceType parameters.");
    /* Parameters of SSM, which stand for an image elsewhere, do not here. */
    json_auto_t *image =
        ec2_id_check("image", image_id, &cause) < 0 ? NULL : image_find(call, image_id, &cause);
    if (!image)
        return err_aws(err, "ValidationError", "AMI %s is invalid: %s", image_id, cause.text);
    if (!instance_type_find(type_name, &type))
        return err_aws(err, "ValidationError", "Invalid instance type: '%s'", type_name);
    if (*key && !store_get(call->store, "key-pair", call->region, key))
        return err_aws(err, "ValidationError", "The key pair '%s' does not exist", key);
    if (launch_user_data_check(doc_text(configuration, "UserData"), &cause) < 0)
        return err_aws(err, "ValidationError", "%s", cause.text);
    json_auto_t *request = launch_configuration_request(configuration, "");
    return launch_parameters_check(request, err);
}

/* Members that AWS shows even if nobody named them. */
static void add_defaults(const struct call *call, const char *name, json_t *configuration)
{
    char uuid[37];
    call_make_uuid(call, uuid);
    json_auto_t *defaults = json_pack(
        "{s:s, s:[], s:[], s:s, s:s, s:s, s:[], s:{s:b}, s:b}", "KeyName", "", "SecurityGroups",
        "ClassicLinkVPCSecurityGroups", "UserData", "", "KernelId", "", "RamdiskId", "",
        "BlockDeviceMappings", "InstanceMonitoring", "Enabled", 1, "EbsOptimized", 0);
    json_object_update_missing(configuration, defaults);
    json_object_set_new(configuration, "LaunchConfigurationName", json_string(name));
    json_object_set_new(
        configuration, "LaunchConfigurationARN",
        json_sprintf("arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/%s",
                     call->region, call->account, uuid, name));
    json_object_set_new(configuration, "CreatedTime", call_now(call));
}

/* Takes over `configuration`, what was asked for. */
static int create(struct call *call, const char *name, const char *instance_id,
                  json_t *configuration, struct err *err)
{
    json_auto_t *owned = configuration;
    if (check_new_name(call, name, err) < 0 ||
        apply_instance(call, instance_id, configuration, err) < 0 ||
        check(call, configuration, err) < 0)
        return -1;
    add_defaults(call, name, configuration);
    txn_put(call->txn, launch_configuration_kind, call->region, name, json_incref(owned));
    return 0;
}

int launch_configuration_from_instance(struct call *call, const char *name, const char *instance_id,
                                       struct err *err)
{
    return create(call, name, instance_id, json_object(), err);
}

int autoscaling_CreateLaunchConfiguration(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "LaunchConfigurationName ImageId KeyName SecurityGroups UserData InstanceId "
                    "InstanceType KernelId RamdiskId BlockDeviceMappings InstanceMonitoring "
                    "SpotPrice IamInstanceProfile EbsOptimized AssociatePublicIpAddress "
                    "PlacementTenancy MetadataOptions",
                    err) < 0)
        return -1;
    json_t *asked = json_deep_copy(call->in);
    json_object_del(asked, "InstanceId");
    return create(call, doc_text(call->in, "LaunchConfigurationName"),
                  doc_text(call->in, "InstanceId"), asked, err);
}

/* ---- the others ---- */

int autoscaling_DescribeLaunchConfigurations(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "LaunchConfigurationNames");
    json_auto_t *found = json_array();
    if (autoscaling_check_names(call, "LaunchConfigurationNames", "launch configuration names",
                                err) < 0)
        return -1;
    store_each (cursor, call->store, launch_configuration_kind, call->region)
        if (!json_array_size(names) || doc_list_has(names, cursor.id))
            json_array_append(found, (json_t *)cursor.doc);
    return call_page(call, &autoscaling_paging, found, "LaunchConfigurations", err);
}

int autoscaling_DeleteLaunchConfiguration(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "LaunchConfigurationName");
    if (!launch_configuration_find(call, name, err))
        return -1;
    store_each (cursor, call->store, group_kind, call->region)
        if (doc_is(cursor.doc, "LaunchConfigurationName", name))
            return err_aws(err, "ResourceInUse",
                           "Cannot delete launch configuration %s because it is attached to "
                           "AutoScalingGroup %s",
                           name, cursor.id);
    txn_delete(call->txn, launch_configuration_kind, call->region, name);
    return 0;
}
