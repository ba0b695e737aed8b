#include "service/ec2/prefix_list.h"

#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "prefix-list";

enum { LISTS_MAX = 100, ENTRIES_MAX = 1000, CHANGES_MAX = 100, NAME_MAX = 255, TEXT_MAX = 255 };

size_t ec2_prefix_list_weight(const struct call *call, const char *id)
{
    const json_t *list = id ? store_get(call->store, kind, call->region, id) : NULL;
    return list ? (size_t)json_integer_value(json_object_get(list, "MaxEntries")) : 1;
}

/* ---- what a request says ---- */

static bool is_ipv6(const json_t *list)
{
    return !strcmp(ec2_text(list, "AddressFamily"), "IPv6");
}

/* The block of an entry in canonical form, and of the list's family. */
static int read_block(const json_t *list, const json_t *entry, char block[CIDR6_SIZE],
                      struct err *err)
{
    struct cidr cidr = {0};
    const char *text = ec2_text(entry, "Cidr");
    bool is_block =
        text && (is_ipv6(list) ? cidr6_canonical(text, block) : cidr_parse(text, &cidr));
    if (!is_block)
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter Cidr is invalid. This is not a valid %s CIDR "
                       "block.",
                       text ? text : "", ec2_text(list, "AddressFamily"));
    if (!is_ipv6(list))
        cidr_format(cidr_canonical(cidr), block);
    return 0;
}

/* The place of an entry, or the number of entries if there is none. */
static size_t find_entry(const json_t *entries, const char *block)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (entries, i, entry)
        if (!strcmp(ec2_text(entry, "Cidr"), block))
            return i;
    return json_array_size(entries);
}

static int remove_entries(json_t *list, const json_t *removed, struct err *err)
{
    size_t i;
    const json_t *entry;
    json_t *entries = json_object_get(list, "_entries");
    json_array_foreach (removed, i, entry) {
        char block[CIDR6_SIZE];
        if (read_block(list, entry, block, err) < 0)
            return -1;
        if (json_array_remove(entries, find_entry(entries, block)) < 0)
            return err_aws(err, "InvalidParameterValue",
                           "The prefix list has no entry with the CIDR %s.", block);
    }
    return 0;
}

/* An entry that is there already gets the new description. */
static int add_entries(json_t *list, const json_t *added, struct err *err)
{
    size_t i;
    const json_t *entry;
    json_t *entries = json_object_get(list, "_entries");
    json_array_foreach (added, i, entry) {
        char block[CIDR6_SIZE];
        const char *description = ec2_text(entry, "Description");
        if (read_block(list, entry, block, err) < 0)
            return -1;
        if (description && strlen(description) > TEXT_MAX)
            return err_aws(err, "InvalidParameterValue",
                           "The description of an entry may not exceed %d characters.", TEXT_MAX);
        json_auto_t *made = json_pack("{s:s, s:s*}", "Cidr", block, "Description",
                                      description && *description ? description : NULL);
        size_t index = find_entry(entries, block);
        if (index < json_array_size(entries))
            json_array_set(entries, index, made);
        else
            json_array_append(entries, made);
    }
    return 0;
}

static int check_size(const json_t *list, json_int_t most, struct err *err)
{
    if (most < 1 || most > ENTRIES_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Value (%lld) for parameter maxEntries is invalid. It must be between 1 and "
                       "%d.",
                       (long long)most, ENTRIES_MAX);
    if ((json_int_t)json_array_size(json_object_get(list, "_entries")) > most)
        return err_aws(err, "PrefixListMaxEntriesExceeded",
                       "The total number of entries exceeds the maximum number of entries (%lld).",
                       (long long)most);
    return 0;
}

static int check_name(const char *name, struct err *err)
{
    if (strlen(name) > NAME_MAX || !strncmp(name, "com.amazonaws", 13))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.255s) for parameter prefixListName is invalid. A name has at most "
                       "%d characters and does not begin with com.amazonaws.",
                       name, NAME_MAX);
    return 0;
}

static int check_changes(const json_t *changes, struct err *err)
{
    if (json_array_size(changes) <= CHANGES_MAX)
        return 0;
    return err_aws(err, "InvalidParameterValue", "A request may name at most %d entries.",
                   CHANGES_MAX);
}

/* The list as it is answered, in a state that passes at once. */
static void answer(struct call *call, const json_t *list, const char *state)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)list);
    json_object_set_new(shown, "State", json_string(state));
    json_object_set_new(call->out, "PrefixList", shown);
}

/* ---- operations ---- */

int ec2_CreateManagedPrefixList(struct call *call, struct err *err)
{
    char id[32];
    if (call_accept(call->in, "PrefixListName Entries MaxEntries TagSpecifications AddressFamily",
                    err) < 0)
        return -1;
    const char *name = ec2_required(call, "PrefixListName", err);
    const char *family = name ? ec2_required(call, "AddressFamily", err) : NULL;
    const json_t *entries = json_object_get(call->in, "Entries");
    if (!family || check_name(name, err) < 0 || check_changes(entries, err) < 0)
        return -1;
    if (strcmp(family, "IPv4") && strcmp(family, "IPv6"))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.32s) for parameter addressFamily is invalid.", family);
    if (ec2_limit(call, kind, NULL, NULL, LISTS_MAX, "PrefixListLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    json_int_t most = json_integer_value(json_object_get(call->in, "MaxEntries"));
    call_make_id(call, "pl", id);
    json_auto_t *list =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:i, s:s, s:O, s:[]}", "PrefixListId", id,
                  "PrefixListName", name, "AddressFamily", family, "State", "create-complete",
                  "PrefixListArn", ec2_arn(call, kind, id), "MaxEntries", most, "Version", 1,
                  "OwnerId", call->account, "Tags", tags, "_entries");
    if (add_entries(list, entries, err) < 0 || check_size(list, most, err) < 0)
        return -1;
    txn_put(call->txn, kind, call->region, id, json_incref(list));
    answer(call, list, "create-in-progress");
    return 0;
}

/* Entries change by version, so that two who change them do not undo each other. */
static int change_entries(const struct call *call, json_t *list, struct err *err)
{
    const json_t *version = json_object_get(call->in, "CurrentVersion");
    const json_t *added = json_object_get(call->in, "AddEntries");
    const json_t *removed = json_object_get(call->in, "RemoveEntries");
    if (check_changes(added, err) < 0 || check_changes(removed, err) < 0)
        return -1;
    if (json_array_size(added) + json_array_size(removed) == 0)
        return 0;
    if (json_object_get(call->in, "MaxEntries"))
        return err_aws(err, "InvalidParameterCombination",
                       "The entries and the maximum number of entries of a prefix list cannot be "
                       "modified in the same request.");
    if (!version)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter currentVersion");
    json_int_t now = json_integer_value(json_object_get(list, "Version"));
    if (json_integer_value(version) != now)
        return err_aws(err, "PrefixListVersionMismatch",
                       "The prefix list has the incorrect version number.");
    json_object_set_new(list, "Version", json_integer(now + 1));
    return remove_entries(list, removed, err) < 0 ? -1 : add_entries(list, added, err);
}

/* What refers to the list must have room for what it may grow to; the list has its new size. */
static int check_users(const struct call *call, const char *id, struct err *err)
{
    store_each (rule, call->store, "security-group-rule", call->region) {
        bool is_egress = json_is_true(json_object_get(rule.doc, "IsEgress"));
        if (ec2_path_has(rule.doc, "PrefixListId", id) &&
            ec2_rule_count(call, ec2_text(rule.doc, "GroupId"), is_egress) >
                EC2_RULES_PER_DIRECTION_MAX)
            return err_aws(err, "RulesPerSecurityGroupLimitExceeded",
                           "The maximum number of rules per security group has been reached.");
    }
    store_each (table, call->store, "route-table", call->region) {
        if (ec2_path_has(table.doc, "Routes.DestinationPrefixListId", id) &&
            ec2_route_count(call, table.doc) > EC2_ROUTES_PER_TABLE_MAX)
            return err_aws(err, "RouteLimitExceeded",
                           "The maximum number of routes has been reached.");
    }
    return 0;
}

/* What AWS manages is nobody else's to change. */
static int check_owner(const struct call *call, const json_t *list, struct err *err)
{
    if (!strcmp(ec2_text(list, "OwnerId"), call->account))
        return 0;
    return err_aws(err, "OperationNotPermitted", "The prefix list '%s' is managed by AWS.",
                   ec2_text(list, "PrefixListId"));
}

int ec2_ModifyManagedPrefixList(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "PrefixListId CurrentVersion PrefixListName AddEntries RemoveEntries "
                    "MaxEntries",
                    err) < 0)
        return -1;
    const char *id = ec2_required(call, "PrefixListId", err);
    json_t *list = id ? ec2_edit(call, kind, id, err) : NULL;
    const char *name = ec2_text(call->in, "PrefixListName");
    const json_t *most = json_object_get(call->in, "MaxEntries");
    if (!list || check_owner(call, list, err) < 0 || (name && check_name(name, err) < 0) ||
        change_entries(call, list, err) < 0)
        return -1;
    if (check_size(list, json_integer_value(most ? most : json_object_get(list, "MaxEntries")),
                   err) < 0)
        return -1;
    if (name)
        json_object_set_new(list, "PrefixListName", json_string(name));
    if (most) {
        json_object_set(list, "MaxEntries", (json_t *)(uintptr_t)most);
        if (check_users(call, id, err) < 0)
            return -1;
    }
    json_object_set_new(list, "State", json_string("modify-complete"));
    answer(call, list, "modify-in-progress");
    return 0;
}

int ec2_DeleteManagedPrefixList(struct call *call, struct err *err)
{
    if (call_accept(call->in, "PrefixListId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "PrefixListId", err);
    const json_t *list = id ? ec2_find(call, kind, id, err) : NULL;
    if (!list || check_owner(call, list, err) < 0)
        return -1;
    if (ec2_first(call, "security-group-rule", "PrefixListId", id) ||
        ec2_first(call, "route-table", "Routes.DestinationPrefixListId", id))
        return err_aws(err, "DependencyViolation",
                       "The prefix list '%s' has dependencies and cannot be deleted.", id);
    answer(call, list, "delete-in-progress");
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

int ec2_DescribeManagedPrefixLists(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"owner-id", "OwnerId"},
        {"prefix-list-id", "PrefixListId"},
        {"prefix-list-name", "PrefixListName"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "PrefixLists",
        .selectors = {{"PrefixListIds", "PrefixListId", kind}},
        .filters = filters,
        .results_min = 1,
        .results_max = 100,
    };
    if (call_accept(call->in, "Filters PrefixListIds MaxResults NextToken", err) < 0)
        return -1;
    ec2_prefix_list_of_service(call, "s3");
    ec2_prefix_list_of_service(call, "dynamodb");
    return ec2_describe(call, &describe, err);
}

int ec2_GetManagedPrefixListEntries(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .list = "Entries", .results_min = 1, .results_max = 100};
    if (call_accept(call->in, "PrefixListId TargetVersion MaxResults NextToken", err) < 0)
        return -1;
    const char *id = ec2_required(call, "PrefixListId", err);
    const json_t *list = id ? ec2_find(call, kind, id, err) : NULL;
    if (!list)
        return -1;
    const json_t *target = json_object_get(call->in, "TargetVersion");
    json_int_t now = json_integer_value(json_object_get(list, "Version"));
    if (target && (json_integer_value(target) < 1 || json_integer_value(target) > now))
        return err_aws(err, "InvalidParameterValue", "The prefix list has no version %lld.",
                       (long long)json_integer_value(target));
    if (target && json_integer_value(target) != now)
        return err_aws(err, "UnsupportedOperation",
                       "Former versions of prefix lists are not kept by Pileus");
    return ec2_paginate(call, &describe, json_object_get(list, "_entries"), err);
}
