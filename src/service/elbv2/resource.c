#include "service/elbv2/resource.h"

#include "service/doc.h"
#include "service/page.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LENGTH_MAX = 32, PAGE_SIZE = 400 };

static const struct resource {
    const char *kind;
    const char *path; /* what its ARNs have after the account */
    const char *text; /* in messages */
    const char *name; /* member of the document */
    const char *not_found;
} resources[ELB_RESOURCES] = {
    [ELB_LOAD_BALANCER] = {"load-balancer", "loadbalancer/", "load balancer", "LoadBalancerName",
                           "LoadBalancerNotFound"},
    [ELB_LISTENER] = {"listener", "listener/", "listener", "", "ListenerNotFound"},
    [ELB_RULE] = {"rule", "listener-rule/", "rule", "", "RuleNotFound"},
    [ELB_TARGET_GROUP] = {"target-group", "targetgroup/", "target group", "TargetGroupName",
                          "TargetGroupNotFound"},
};

const char *elb_kind(enum elb_resource resource)
{
    return resources[resource].kind;
}

const char *elb_arn_path(const char *arn)
{
    static const char service[] = "arn:aws:elasticloadbalancing:";
    if (strncmp(arn, service, sizeof service - 1) != 0)
        return "";
    const char *account = strchr(arn + sizeof service - 1, ':');
    const char *path = account ? strchr(account + 1, ':') : NULL;
    return path ? path + 1 : "";
}

enum elb_resource elb_resource_of_arn(const char *arn)
{
    const char *path = elb_arn_path(arn);
    int resource = 0;
    while (resource < ELB_RESOURCES &&
           strncmp(path, resources[resource].path, strlen(resources[resource].path)) != 0)
        resource++;
    return (enum elb_resource)resource;
}

void elb_make_arn(const struct call *call, const char *path, char out[ELB_ARN_SIZE])
{
    snprintf(out, ELB_ARN_SIZE, "arn:aws:elasticloadbalancing:%s:%s:%s", call->region,
             call->account, path);
}

static int check_arn(enum elb_resource resource, const char *arn, struct err *err)
{
    if (elb_resource_of_arn(arn) == resource)
        return 0;
    return err_aws(err, "ValidationError", "'%.300s' is not a valid %s ARN", arn,
                   resources[resource].text);
}

const json_t *elb_find(const struct call *call, enum elb_resource resource, const char *arn,
                       struct err *err)
{
    if (check_arn(resource, arn, err) < 0)
        return NULL;
    const json_t *doc = store_get(call->store, resources[resource].kind, call->region, arn);
    if (!doc)
        err_aws(err, resources[resource].not_found, "One or more %ss not found",
                resources[resource].text);
    return doc;
}

json_t *elb_edit(const struct call *call, enum elb_resource resource, const char *arn,
                 struct err *err)
{
    if (!elb_find(call, resource, arn, err))
        return NULL;
    return txn_edit(call->txn, resources[resource].kind, call->region, arn);
}

int elb_not_found(enum elb_resource resource, const char *name, struct err *err)
{
    const struct resource *row = &resources[resource];
    return err_aws(err, row->not_found, "%c%ss '[%.200s]' not found", toupper(row->text[0]),
                   row->text + 1, name);
}

int elb_invalid(struct err *err)
{
    struct err cause = *err;
    return err_aws(err, "ValidationError", "%s", cause.text);
}

const json_t *elb_by_name(const struct call *call, enum elb_resource resource, const char *name)
{
    store_each (cursor, call->store, resources[resource].kind, call->region)
        if (doc_is(cursor.doc, resources[resource].name, name))
            return cursor.doc;
    return NULL;
}

json_t *elb_by_arns(const struct call *call, enum elb_resource resource, const json_t *arns,
                    struct err *err)
{
    json_t *found = json_array();
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn) {
        const json_t *doc = elb_find(call, resource, json_string_value(arn), err);
        if (!doc) {
            json_decref(found);
            return NULL;
        }
        json_array_append(found, (json_t *)doc);
    }
    return found;
}

int elb_page(struct call *call, const json_t *all, const char *member, struct err *err)
{
    static const struct paging paging = {"PageSize", "Marker", "NextMarker", "ValidationError",
                                         PAGE_SIZE};
    return call_page(call, &paging, all, member, err);
}

int elb_output_one(struct call *call, const char *member, const json_t *doc)
{
    json_object_set_new(call->out, member, json_pack("[O]", (json_t *)doc));
    return 0;
}

int elb_check_name(const char *what, const char *name, struct err *err)
{
    size_t size = strlen(name);
    if (size > NAME_LENGTH_MAX)
        return err_aws(err, "ValidationError",
                       "%s name '%.200s' cannot be longer than '%d' characters", what, name,
                       NAME_LENGTH_MAX);
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-')
            return err_aws(err, "ValidationError",
                           "%s name '%s' can only contain characters that are alphanumeric "
                           "characters and hyphens(-)",
                           what, name);
    if (size == 0 || name[0] == '-' || name[size - 1] == '-')
        return err_aws(err, "ValidationError", "%s name '%s' cannot begin or end with a hyphen(-)",
                       what, name);
    return 0;
}
