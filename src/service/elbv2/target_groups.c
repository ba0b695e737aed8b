/* Target groups of type instance and ip. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/health_check.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/tags.h"
#include "service/elbv2/usage.h"

#include <stdio.h>
#include <string.h>

/* ---- creation ---- */

static int check_asked(const struct call *call, struct err *err)
{
    char members[512];
    snprintf(members, sizeof members, "%s%s",
             "Name Protocol=HTTP Protocol=HTTPS ProtocolVersion=HTTP1 ProtocolVersion=HTTP2 "
             "ProtocolVersion=GRPC Port VpcId TargetType=instance "
             "TargetType=ip Tags IpAddressType=ipv4",
             elb_health_check_members);
    if (call_accept(call->in, members, err) < 0 ||
        elb_check_name("Target group", doc_text(call->in, "Name"), err) < 0)
        return -1;
    if (!*doc_text(call->in, "Protocol"))
        return err_aws(err, "ValidationError", "A protocol must be specified");
    if (!json_object_get(call->in, "Port"))
        return err_aws(err, "ValidationError", "A port must be specified");
    const char *vpc = doc_text(call->in, "VpcId");
    if (!*vpc)
        return err_aws(err, "ValidationError", "A VPC ID must be specified");
    if (!store_get(call->store, "vpc", call->region, vpc))
        return err_aws(err, "ValidationError", "The VPC ID '%.100s' is not found", vpc);
    return 0;
}

static const char *or_default(const char *text, const char *missing)
{
    return *text ? text : missing;
}

/* A new document with the request's settings, but without what names it; NULL and err if wrong. */
static json_t *new_group(const struct call *call, struct err *err)
{
    json_auto_t *group = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "TargetGroupName", doc_text(call->in, "Name"),
        "Protocol", doc_text(call->in, "Protocol"), "Port",
        (json_int_t)doc_number(call->in, "Port"), "VpcId", doc_text(call->in, "VpcId"),
        "TargetType", or_default(doc_text(call->in, "TargetType"), "instance"), "ProtocolVersion",
        or_default(doc_text(call->in, "ProtocolVersion"), "HTTP1"), "IpAddressType", "ipv4");
    elb_default_health_check(group);
    return elb_apply_health_check(call, group, err) < 0 ? NULL : json_incref(group);
}

static bool same_settings(const json_t *existing, const json_t *group)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)group, key, value)
        if (!json_equal(json_object_get(existing, key), value))
            return false;
    return true;
}

/* The document as AWS shows it: with the load balancer that uses it (NULL: none). */
static json_t *show_group(const json_t *group, const char *user)
{
    json_t *shown = json_copy((json_t *)group);
    json_t *arns = json_array();
    if (user)
        json_array_append_new(arns, json_string(user));
    json_object_set_new(shown, "LoadBalancerArns", arns);
    return shown;
}

static int output_group(struct call *call, const json_t *group)
{
    const char *user = elb_user_of(call->store, call->region, doc_text(group, "TargetGroupArn"));
    json_object_set_new(call->out, "TargetGroups", json_pack("[o]", show_group(group, user)));
    return 0;
}

static int put_group(struct call *call, json_t *group, struct err *err)
{
    if (store_count(call->store, elb_kind(ELB_TARGET_GROUP), call->region) >= ELB_TARGET_GROUPS_MAX)
        return err_aws(err, "TooManyTargetGroups",
                       "The maximum number of target groups has been reached");
    json_t *tags = elb_tags_on_creation(call, err);
    if (!tags)
        return -1;
    char hex[17], dimension[80], arn[ELB_ARN_SIZE];
    call_make_hex16(call, hex);
    snprintf(dimension, sizeof dimension, "targetgroup/%s/%s", doc_text(group, "TargetGroupName"),
             hex);
    elb_make_arn(call, dimension, arn);
    json_object_set_new(group, "TargetGroupArn", json_string(arn));
    json_object_set_new(group, "_dimension", json_string(dimension));
    json_object_set_new(group, "_attributes", elb_default_attributes(ELB_TARGET_GROUP));
    json_object_set_new(group, "_targets", json_array());
    json_object_set_new(group, "_tags", tags);
    txn_put(call->txn, elb_kind(ELB_TARGET_GROUP), call->region, arn, json_incref(group));
    return output_group(call, group);
}

int elb_CreateTargetGroup(struct call *call, struct err *err)
{
    if (check_asked(call, err) < 0)
        return -1;
    json_auto_t *group = new_group(call, err);
    if (!group)
        return -1;
    const char *name = doc_text(call->in, "Name");
    const json_t *existing = elb_by_name(call, ELB_TARGET_GROUP, name);
    if (!existing)
        return put_group(call, group, err);
    if (same_settings(existing, group))
        return output_group(call, existing);
    return err_aws(err, "DuplicateTargetGroupName",
                   "A target group with the same name '%s' exists, but with different settings",
                   name);
}

/* ---- change, description, deletion ---- */

int elb_ModifyTargetGroup(struct call *call, struct err *err)
{
    char members[512];
    snprintf(members, sizeof members, "TargetGroupArn%s", elb_health_check_members);
    if (call_accept(call->in, members, err) < 0)
        return -1;
    json_t *group = elb_edit(call, ELB_TARGET_GROUP, doc_text(call->in, "TargetGroupArn"), err);
    if (!group || elb_apply_health_check(call, group, err) < 0)
        return -1;
    return output_group(call, group);
}

static json_t *groups_of_load_balancer(const struct call *call, const char *load_balancer_arn,
                                       struct err *err)
{
    if (!elb_find(call, ELB_LOAD_BALANCER, load_balancer_arn, err))
        return NULL;
    json_t *groups = json_array();
    struct map users = {0};
    elb_users_of_all(call->store, call->region, &users);
    store_each (cursor, call->store, elb_kind(ELB_TARGET_GROUP), call->region) {
        const char *user = map_get(&users, cursor.id);
        if (user && !strcmp(user, load_balancer_arn))
            json_array_append(groups, (json_t *)cursor.doc);
    }
    map_finish(&users);
    return groups;
}

static json_t *groups_by_name(const struct call *call, const json_t *names, struct err *err)
{
    json_auto_t *groups = json_array();
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        const json_t *group = elb_by_name(call, ELB_TARGET_GROUP, json_string_value(name));
        if (!group) {
            err_aws(err, "TargetGroupNotFound", "One or more target groups not found");
            return NULL;
        }
        json_array_append(groups, (json_t *)group);
    }
    return json_incref(groups);
}

static json_t *all_groups(const struct call *call)
{
    json_t *groups = json_array();
    store_each (cursor, call->store, elb_kind(ELB_TARGET_GROUP), call->region)
        json_array_append(groups, (json_t *)cursor.doc);
    return groups;
}

static json_t *select_groups(const struct call *call, struct err *err)
{
    const char *load_balancer_arn = doc_text(call->in, "LoadBalancerArn");
    const json_t *arns = json_object_get(call->in, "TargetGroupArns");
    const json_t *names = json_object_get(call->in, "Names");
    int ways =
        (*load_balancer_arn != '\0') + (json_array_size(arns) > 0) + (json_array_size(names) > 0);
    if (ways > 1) {
        err_aws(err, "ValidationError",
                "Only one of target group names, target group ARNs and a load balancer ARN can be "
                "specified");
        return NULL;
    }
    if (*load_balancer_arn)
        return groups_of_load_balancer(call, load_balancer_arn, err);
    if (json_array_size(arns) > 0)
        return elb_by_arns(call, ELB_TARGET_GROUP, arns, err);
    return json_array_size(names) > 0 ? groups_by_name(call, names, err) : all_groups(call);
}

int elb_DescribeTargetGroups(struct call *call, struct err *err)
{
    json_auto_t *groups = select_groups(call, err);
    if (!groups)
        return -1;
    json_auto_t *shown = json_array();
    size_t i;
    const json_t *group;
    struct map users = {0};
    elb_users_of_all(call->store, call->region, &users);
    json_array_foreach (groups, i, group)
        json_array_append_new(
            shown, show_group(group, map_get(&users, doc_text(group, "TargetGroupArn"))));
    map_finish(&users);
    return elb_page(call, shown, "TargetGroups", err);
}

int elb_DeleteTargetGroup(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "TargetGroupArn");
    if (elb_user_of(call->store, call->region, arn))
        return err_aws(err, "ResourceInUse",
                       "Target group '%s' is currently in use by a listener or a rule", arn);
    txn_delete(call->txn, elb_kind(ELB_TARGET_GROUP), call->region, arn);
    return 0;
}
