/* CreateTags, DeleteTags and DescribeTags: over all kinds of EC2 resources. */
#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

enum { RESOURCES_MAX = 1000 };

/* A kind of documents that have tags. */
static const struct taggable {
    const char *kind;
    const char *prefix;        /* of the ids that users know */
    const char *resource_type; /* as AWS names it */
    const char *id_member;     /* of the document, with the id that users know */
    const char *tags_member;
} taggables[] = {
    {"vpc", "vpc-", "vpc", "VpcId", "Tags"},
    {"subnet", "subnet-", "subnet", "SubnetId", "Tags"},
    {"internet-gateway", "igw-", "internet-gateway", "InternetGatewayId", "Tags"},
    {"route-table", "rtb-", "route-table", "RouteTableId", "Tags"},
    {"security-group", "sg-", "security-group", "GroupId", "Tags"},
    {"security-group-rule", "sgr-", "security-group-rule", "SecurityGroupRuleId", "Tags"},
    {"network-acl", "acl-", "network-acl", "NetworkAclId", "Tags"},
    {"nat-gateway", "nat-", "natgateway", "NatGatewayId", "Tags"},
    {"vpc-peering-connection", "pcx-", "vpc-peering-connection", "VpcPeeringConnectionId", "Tags"},
    {"network-insights-path", "nip-", "network-insights-path", "NetworkInsightsPathId", "Tags"},
    {"network-insights-analysis", "nia-", "network-insights-analysis", "NetworkInsightsAnalysisId",
     "Tags"},
    {"prefix-list", "pl-", "prefix-list", "PrefixListId", "Tags"},
    {"vpc-endpoint", "vpce-", "vpc-endpoint", "VpcEndpointId", "Tags"},
    {"flow-log", "fl-", "vpc-flow-log", "FlowLogId", "Tags"},
    {"dhcp-options", "dopt-", "dhcp-options", "DhcpOptionsId", "Tags"},
    {"network-interface", "eni-", "network-interface", "NetworkInterfaceId", "TagSet"},
    {"address", "eipalloc-", "elastic-ip", "AllocationId", "Tags"},
    {"instance", "i-", "instance", "InstanceId", "Tags"},
    {"image", "ami-", "image", "ImageId", "Tags"},
    {"volume", "vol-", "volume", "VolumeId", "Tags"},
    {"snapshot", "snap-", "snapshot", "SnapshotId", "Tags"},
    {"key-pair", "key-", "key-pair", "KeyPairId", "Tags"},
    {"placement-group", "pg-", "placement-group", "GroupId", "Tags"},
    {"launch-template", "lt-", "launch-template", "LaunchTemplateId", "Tags"},
};

enum { TAGGABLE_COUNT = sizeof taggables / sizeof *taggables };

/* ---- CreateTags, DeleteTags ---- */

/* The row of an id and the key of its document in the store; NULL and err if it does not exist. */
static const struct taggable *find_resource(const struct call *call, const char *id,
                                            const char **ret_key, struct err *err)
{
    for (int i = 0; i < TAGGABLE_COUNT; i++) {
        const struct taggable *row = &taggables[i];
        if (strncmp(id, row->prefix, strlen(row->prefix)))
            continue;
        store_each (cursor, call->store, row->kind, call->region) {
            const char *own_id = ec2_text(cursor.doc, row->id_member);
            *ret_key = cursor.id;
            if (own_id && !strcmp(own_id, id))
                return row;
        }
        if (ec2_id_check(row->kind, id, err) == 0)
            ec2_id_not_found(row->kind, id, err);
        return NULL;
    }
    err_aws(err, "InvalidID", "The ID '%.255s' is not valid", id);
    return NULL;
}

/* The tags of a resource, for editing; they are made if the document has none yet. */
static json_t *edit_tags(const struct call *call, const char *id, struct err *err)
{
    const char *key;
    const struct taggable *row = find_resource(call, id, &key, err);
    if (!row)
        return NULL;
    json_t *doc = txn_edit(call->txn, row->kind, call->region, key);
    json_t *tags = json_object_get(doc, row->tags_member);
    if (!tags) {
        tags = json_array();
        json_object_set_new(doc, row->tags_member, tags);
    }
    return tags;
}

static int check_resources(const struct call *call, struct err *err)
{
    size_t count = json_array_size(json_object_get(call->in, "Resources"));
    if (count == 0)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter resourceIdSet");
    if (count > RESOURCES_MAX)
        return err_aws(err, "InvalidParameterValue", "A request may name at most %d resources",
                       RESOURCES_MAX);
    return 0;
}

int ec2_CreateTags(struct call *call, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (call_accept(call->in, "Resources Tags", err) < 0 || check_resources(call, err) < 0)
        return -1;
    if (json_array_size(tags) == 0)
        return err_aws(err, "MissingParameter", "The request must contain the parameter tagSet");
    if (ec2_tags_check(tags, err) < 0)
        return -1;
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(call->in, "Resources"), i, id) {
        json_t *own = edit_tags(call, json_string_value(id), err);
        if (!own || ec2_tags_merge(own, tags, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether a tag is among `wanted`: by key, and by value where one is given. All, if none are. */
static bool is_wanted(const json_t *wanted, const json_t *tag)
{
    size_t i;
    const json_t *item;
    const char *key = ec2_text(tag, "Key"), *own = ec2_text(tag, "Value");
    if (json_array_size(wanted) == 0)
        return strncmp(key, "aws:", 4) != 0;
    json_array_foreach (wanted, i, item) {
        const char *value = ec2_text(item, "Value");
        const char *wanted_key = ec2_text(item, "Key");
        if (wanted_key && !strcmp(wanted_key, key) && (!value || !strcmp(value, own)))
            return true;
    }
    return false;
}

int ec2_DeleteTags(struct call *call, struct err *err)
{
    const json_t *wanted = json_object_get(call->in, "Tags");
    if (call_accept(call->in, "Resources Tags", err) < 0 || check_resources(call, err) < 0 ||
        ec2_tags_check(wanted, err) < 0)
        return -1;
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(call->in, "Resources"), i, id) {
        json_t *own = edit_tags(call, json_string_value(id), err);
        if (!own)
            return -1;
        for (size_t k = json_array_size(own); k-- > 0;)
            if (is_wanted(wanted, json_array_get(own, k)))
                json_array_remove(own, k);
    }
    return 0;
}

/* ---- DescribeTags ---- */

static void add_tags(const struct taggable *row, const json_t *doc, const json_t *filters,
                     const struct ec2_filter *table, json_t *list)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (json_object_get(doc, row->tags_member), i, tag) {
        json_auto_t *shown =
            json_pack("{s:O, s:O, s:O, s:s}", "Key", json_object_get(tag, "Key"), "Value",
                      json_object_get(tag, "Value"), "ResourceId",
                      json_object_get(doc, row->id_member), "ResourceType", row->resource_type);
        if (ec2_filters_match(filters, table, shown))
            json_array_append(list, shown);
    }
}

int ec2_DescribeTags(struct call *call, struct err *err)
{
    static const struct ec2_filter table[] = {
        {"key", "Key"},
        {"resource-id", "ResourceId"},
        {"resource-type", "ResourceType"},
        {"value", "Value"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {.list = "Tags"};
    const json_t *filters = json_object_get(call->in, "Filters");
    if (call_accept(call->in, "Filters MaxResults NextToken", err) < 0 ||
        ec2_filters_check(filters, table, err) < 0)
        return -1;
    json_auto_t *list = json_array();
    for (int i = 0; i < TAGGABLE_COUNT; i++)
        store_each (cursor, call->store, taggables[i].kind, call->region) {
            add_tags(&taggables[i], cursor.doc, filters, table, list);
        }
    return ec2_paginate(call, &describe, list, err);
}
