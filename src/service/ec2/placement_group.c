/* Placement groups: names that instances share. All are on one machine, so `cluster` is always
 * kept. */
#include "service/ec2/placement_group.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/tags.h"

#include <string.h>

enum {
    GROUPS_MAX = 500,
    NAME_SIZE_MAX = 255,
    PARTITIONS_MAX = 7,
    PARTITIONS_USUAL = 2,
    SPREAD_MAX = 7 /* running instances of a group in a zone */
};

static const char kind[] = "placement-group";

/* ---- CreatePlacementGroup ---- */

static int check_name(const struct call *call, const char *name, struct err *err)
{
    if (strlen(name) > NAME_SIZE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Value for parameter groupName is invalid. Length exceeds maximum of 255.");
    if (store_get(call->store, kind, call->region, name))
        return err_aws(err, "InvalidPlacementGroup.Duplicate",
                       "The Placement Group '%s' already exists.", name);
    if (store_count(call->store, kind, call->region) >= GROUPS_MAX)
        return err_aws(err, "PlacementGroupLimitExceeded",
                       "You have reached the maximum number of placement groups.");
    return 0;
}

/* The partitions of a group whose strategy wants them; 0 for the others, < 0 and err. */
static int64_t partition_count(const struct call *call, const char *strategy, struct err *err)
{
    const json_t *given = json_object_get(call->in, "PartitionCount");
    if (strcmp(strategy, "partition") != 0)
        return given ? err_aws(err, "InvalidParameterCombination",
                               "Partition count can only be specified for strategy 'partition'.")
                     : 0;
    int64_t count = given ? json_integer_value(given) : PARTITIONS_USUAL;
    if (count < 1 || count > PARTITIONS_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Value (%lld) for parameter PartitionCount is invalid. It must be between 1 "
                       "and %d.",
                       (long long)count, PARTITIONS_MAX);
    return count;
}

int ec2_CreatePlacementGroup(struct call *call, struct err *err)
{
    char id[32];
    const char *name = ec2_required(call, "GroupName", err);
    if (!name || call_accept(call->in,
                             "GroupName Strategy PartitionCount SpreadLevel=rack TagSpecifications",
                             err) < 0)
        return -1;
    const char *strategy = ec2_text(call->in, "Strategy");
    if (!strategy || strcmp(strategy, "precision-time") == 0)
        return err_aws(err, "InvalidParameterValue",
                       "Value (%s) for parameter strategy is invalid. Valid values are 'cluster', "
                       "'spread' and 'partition'.",
                       strategy ? strategy : "");
    int64_t partitions = partition_count(call, strategy, err);
    if (partitions < 0 || check_name(call, name, err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    call_make_id(call, "pg", id);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:O}", "GroupName", name, "State", "available", "Strategy",
        strategy, "GroupId", id, "GroupArn",
        json_sprintf("arn:aws:ec2:%s:%s:placement-group/%s", call->region, call->account, name),
        "Tags", tags);
    if (partitions)
        json_object_set_new(doc, "PartitionCount", json_integer(partitions));
    if (strcmp(strategy, "spread") == 0)
        json_object_set_new(doc, "SpreadLevel", json_string("rack"));
    txn_put(call->txn, kind, call->region, name, doc);
    return json_object_set(call->out, "PlacementGroup", doc);
}

/* ---- DescribePlacementGroups, DeletePlacementGroup ---- */

static const struct ec2_filter filters[] = {
    {"group-name", "GroupName"}, {"group-arn", "GroupArn"}, {"spread-level", "SpreadLevel"},
    {"state", "State"},          {"strategy", "Strategy"},  {NULL, NULL},
};

int ec2_DescribePlacementGroups(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "PlacementGroups",
        .selectors = {{"GroupNames", "GroupName", kind},
                      {"GroupIds", "GroupId", "placement-group-id"}},
        .filters = filters,
    };
    return ec2_describe(call, &describe, err);
}

/* How many instances of the group there are in a zone (NULL: anywhere) that are not terminated. */
static int count_members(const struct call *call, const char *name, const char *zone)
{
    int count = 0;
    store_each (cursor, call->store, "instance", call->region) {
        const json_t *placement = json_object_get(cursor.doc, "Placement");
        count += doc_is(placement, "GroupName", name) && !instance_is(cursor.doc, "terminated") &&
                 (!zone || doc_is(placement, "AvailabilityZone", zone));
    }
    return count;
}

int ec2_DeletePlacementGroup(struct call *call, struct err *err)
{
    const char *name = ec2_required(call, "GroupName", err);
    if (!name || !ec2_find(call, kind, name, err))
        return -1;
    if (count_members(call, name, NULL) > 0)
        return err_aws(err, "InvalidPlacementGroup.InUse",
                       "The placement group %s is in use and may not be deleted.", name);
    txn_delete(call->txn, kind, call->region, name);
    return 0;
}

/* ---- instances in groups ---- */

/* The group that a Placement names by name or id, borrowed. NULL: none, or err is set. */
static const json_t *find_group(const struct call *call, const json_t *wanted, struct err *err)
{
    const char *name = doc_text(wanted, "GroupName"), *id = doc_text(wanted, "GroupId");
    if (*name)
        return ec2_find(call, kind, name, err);
    store_each (cursor, call->store, kind, call->region)
        if (doc_is(cursor.doc, "GroupId", id))
            return cursor.doc;
    ec2_id_not_found("placement-group-id", id, err);
    return NULL;
}

/* Members are spread over the partitions, unless the user chooses one. */
static int choose_partition(const struct call *call, const json_t *group, const json_t *wanted,
                            json_t *placement, struct err *err)
{
    int64_t count = doc_number(group, "PartitionCount");
    int64_t number = doc_number(wanted, "PartitionNumber");
    if (json_object_get(wanted, "PartitionNumber") && (number < 1 || number > count))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%lld) for parameter PartitionNumber is invalid. The group has %lld "
                       "partitions.",
                       (long long)number, (long long)count);
    if (!number && count)
        number = 1 + count_members(call, doc_text(group, "GroupName"), NULL) % count;
    if (number)
        json_object_set_new(placement, "PartitionNumber", json_integer(number));
    return 0;
}

int placement_group_join(const struct call *call, const json_t *wanted, json_t *placement,
                         struct err *err)
{
    if (!*doc_text(wanted, "GroupName") && !*doc_text(wanted, "GroupId"))
        return 0;
    const json_t *group = find_group(call, wanted, err);
    if (!group)
        return -1;
    const char *name = doc_text(group, "GroupName");
    if (doc_is(group, "Strategy", "spread") &&
        count_members(call, name, doc_text(placement, "AvailabilityZone")) >= SPREAD_MAX)
        return err_aws(err, "InsufficientInstanceCapacity",
                       "A spread placement group has at most %d running instances in an "
                       "Availability Zone.",
                       SPREAD_MAX);
    json_object_set(placement, "GroupName", json_object_get(group, "GroupName"));
    json_object_set(placement, "GroupId", json_object_get(group, "GroupId"));
    return choose_partition(call, group, wanted, placement, err);
}
