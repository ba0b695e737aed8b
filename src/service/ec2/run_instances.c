/* RunInstances: a reservation of one or more equal instances. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/launch_interfaces.h"
#include "service/ec2/launch_parameters.h"
#include "service/ec2/launch_templates.h"
#include "service/ec2/tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INSTANCES_MAX = 1000 /* of the account, in all regions */ };

/* The request with the data of its launch template below it; a new reference. */
static json_t *merge_template(struct call *call, const json_t **ret_version, struct err *err)
{
    const json_t *specification = json_object_get(call->in, "LaunchTemplate");
    *ret_version = NULL;
    if (!specification)
        return launch_parameters_merge(NULL, call->in);
    *ret_version = launch_template_resolve(call, specification, err);
    if (!*ret_version)
        return NULL;
    return launch_parameters_merge(json_object_get(*ret_version, "LaunchTemplateData"), call->in);
}

static int check_counts(const struct call *call, const json_t *in, struct err *err)
{
    int64_t least = doc_number(in, "MinCount"), most = doc_number(in, "MaxCount");
    if (least < 1 || most < 1)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%" PRId64 "' for %s. It must be greater than 0.",
                       least < 1 ? least : most, least < 1 ? "minCount" : "maxCount");
    if (least > most)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%" PRId64 "' for minCount. It must be less than or equal "
                       "to maxCount.",
                       least);
    size_t used = store_count(call->store, "slot", "");
    if (used + (size_t)least > INSTANCES_MAX)
        return err_aws(err, "InstanceLimitExceeded",
                       "You have requested more instances (%" PRId64 ") than your current "
                       "instance limit of %d allows for the specified instance type. Please visit "
                       "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to "
                       "this limit.",
                       (int64_t)used + least, INSTANCES_MAX);
    return 0;
}

static void tag_with_template(struct launch *launch, const json_t *version)
{
    char number[24];
    if (!version)
        return;
    snprintf(number, sizeof number, "%" PRId64, doc_number(version, "VersionNumber"));
    ec2_tags_set(launch->tags, "aws:ec2launchtemplate:id", doc_text(version, "LaunchTemplateId"));
    ec2_tags_set(launch->tags, "aws:ec2launchtemplate:version", number);
}

/* As many as can be had, but at least MinCount. */
static int launch_all(struct call *call, struct launch *launch, json_t *into, struct err *err)
{
    int64_t least = doc_number(launch->in, "MinCount"), most = doc_number(launch->in, "MaxCount");
    int64_t room = INSTANCES_MAX - (int64_t)store_count(call->store, "slot", "");
    if (most > 1 && launch_interfaces_are_single(launch))
        return err_aws(err, "InvalidParameterCombination",
                       "A private IP address or a network interface ID may be specified for one "
                       "instance only.");
    for (int64_t i = 0; i < most && i < room; i++) {
        struct err failure = {0};
        const json_t *instance = launch_instance(call, launch, (int)i, &failure);
        if (instance) {
            json_array_append(into, (json_t *)(uintptr_t)instance);
            continue;
        }
        if (i >= least && strcmp(failure.code, "InsufficientFreeAddressesInSubnet") == 0)
            return 0;
        *err = failure;
        return -1;
    }
    return 0;
}

int ec2_RunInstances(struct call *call, struct err *err)
{
    const json_t *version;
    struct launch launch = {0};
    json_auto_t *in = merge_template(call, &version, err);
    if (!in || check_counts(call, in, err) < 0)
        return -1;
    json_t *instances = json_array();
    json_object_set_new(call->out, "Instances", instances);
    int result = launch_prepare(call, in, &launch, err);
    if (result == 0) {
        tag_with_template(&launch, version);
        result = launch_all(call, &launch, instances, err);
    }
    json_object_set_new(call->out, "ReservationId", json_string(launch.reservation_id));
    json_object_set_new(call->out, "OwnerId", json_string(call->account));
    json_object_set_new(call->out, "Groups", json_array());
    launch_finish(&launch);
    return result;
}
