/* The prefix lists that AWS itself manages: where gateway endpoints lead. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/prefix_list.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = "prefix-list";

/* The address of each on the cloud's internet: 100.(64+world).0.host. */
static const struct {
    const char *service;
    uint32_t host;
} managed[] = {{"s3", 3}, {"dynamodb", 4}};

enum { SERVICE_COUNT = sizeof managed / sizeof *managed };

static json_t *make_list(struct call *call, const char *name, uint32_t host)
{
    char id[32], block[20];
    struct cidr cidr = {100u << 24 | (64 + call->world->world) << 16 | host, 32};
    call_make_id(call, "pl", id);
    cidr_format(cidr, block);
    json_t *list =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:i, s:s, s:[], s:[{s:s}]}", "PrefixListId", id,
                  "PrefixListName", name, "AddressFamily", "IPv4", "State", "create-complete",
                  "PrefixListArn", ec2_arn(call, kind, id), "MaxEntries", 1, "Version", 1,
                  "OwnerId", "AWS", "Tags", "_entries", "Cidr", block);
    txn_put(call->txn, kind, call->region, id, list);
    return list;
}

const char *ec2_prefix_list_of_service(struct call *call, const char *service)
{
    char name[96];
    int i = 0;
    while (i < SERVICE_COUNT && strcmp(managed[i].service, service))
        i++;
    if (i == SERVICE_COUNT)
        return NULL;
    snprintf(name, sizeof name, "com.amazonaws.%s.%s", call->region, service);
    const json_t *list = ec2_first(call, kind, "PrefixListName", name);
    if (!list)
        list = make_list(call, name, managed[i].host);
    return doc_text(list, "PrefixListId");
}

/* Only AWS's own are shown here. */
static json_t *show(const struct call *call, const json_t *list)
{
    json_t *blocks = json_array();
    size_t i;
    const json_t *entry;
    (void)call;
    if (!doc_is(list, "OwnerId", "AWS")) {
        json_decref(blocks);
        return NULL;
    }
    json_array_foreach (json_object_get(list, "_entries"), i, entry)
        json_array_append(blocks, json_object_get(entry, "Cidr"));
    return json_pack("{s:O, s:O, s:o}", "PrefixListId", json_object_get(list, "PrefixListId"),
                     "PrefixListName", json_object_get(list, "PrefixListName"), "Cidrs", blocks);
}

int ec2_DescribePrefixLists(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"prefix-list-id", "PrefixListId"},
        {"prefix-list-name", "PrefixListName"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "PrefixLists",
        .selectors = {{"PrefixListIds", "PrefixListId", kind}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in, "Filters PrefixListIds MaxResults NextToken", err) < 0)
        return -1;
    for (int i = 0; i < SERVICE_COUNT; i++)
        ec2_prefix_list_of_service(call, managed[i].service);
    return ec2_describe(call, &describe, err);
}
